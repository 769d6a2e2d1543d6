// biome-ignore-all lint: placeholder until the document is there
export type paths = any; export type components = any;
