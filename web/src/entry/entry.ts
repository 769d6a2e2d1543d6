// An entry as its JSON stands, and how to read it by the names of the table of fields.

export type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

export interface Side {
  ip?: string;
  port?: number;
  name?: string;
  dns?: string;
  [name: string]: Json | undefined;
}

/** What every entry has; the rest is the protocol's own and is found by the table of fields. */
export interface Entry {
  id: number;
  timestamp: string;
  protocol: string;
  src: Side;
  dst: Side;
  outcome?: string;
  status_code?: number;
  elapsed_time?: number;
  time_to_first_byte?: number;
  conn_id?: number;
  flow_id?: number;
  conn?: boolean;
  flow?: boolean;
  notes?: string[];
  [name: string]: Json | Side | undefined;
}

export type Outcome = "ok" | "client_error" | "server_error" | "failed" | "open";

/** The outcomes in words, in the order in which charts stack them. */
export const OUTCOMES: { name: Outcome; words: string }[] = [
  { name: "ok", words: "answered" },
  { name: "open", words: "open" },
  { name: "client_error", words: "client error" },
  { name: "server_error", words: "server error" },
  { name: "failed", words: "failed" },
];

export const isFailure = (outcome: string): boolean => outcome === "server_error" || outcome === "failed";

export const kindOf = (entry: Entry): "call" | "connection" | "flow" =>
  entry.conn ? "connection" : entry.flow ? "flow" : "call";

/** A field's path, and the key where it names a value of a map: `request.headers["host"]`. */
export interface Selector {
  path: string;
  key?: string;
}

const KEYED = /^([\w.]+)\["((?:[^"\\]|\\.)*)"\]$/;

export function selector(text: string): Selector {
  const match = KEYED.exec(text);
  if (!match) return { path: text };
  return { path: match[1] as string, key: (match[2] as string).replace(/\\(.)/g, "$1") };
}

/**
 * The value of a field; undefined where the entry lacks it. Dots nest, but where a name has a value and names below it, these
 * stand beside it with their dots. Bytes that are no text come as base64 under `_b64`.
 */
export function valueAt(entry: Entry, path: string): Json | undefined {
  return below(entry as Json, path) ?? below(entry as Json, `${path}_b64`);
}

function below(at: Json, path: string): Json | undefined {
  if (typeof at !== "object" || at === null || Array.isArray(at)) return undefined;
  if (Object.hasOwn(at, path)) return at[path];
  for (let dot = path.indexOf("."); dot > 0; dot = path.indexOf(".", dot + 1)) {
    const head = path.slice(0, dot);
    const found = Object.hasOwn(at, head) ? below(at[head] as Json, path.slice(dot + 1)) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What a selector finds, as one line of text; empty where there is nothing. */
export function textAt(entry: Entry, what: Selector): string {
  const value = valueAt(entry, what.path);
  if (what.key === undefined || typeof value !== "object" || value === null || Array.isArray(value)) return text(value);
  const wanted = what.key.toLowerCase();
  const name = Object.keys(value).find((key) => key.toLowerCase() === wanted);
  return name === undefined ? "" : text(value[name]);
}

/** A value as one line. */
export function text(value: Json | undefined): string {
  if (value === undefined || value === null) return "";
  if (Array.isArray(value)) return value.map(text).join(", ");
  if (typeof value === "object") {
    return Object.entries(value)
      .map(([name, item]) => `${name}: ${text(item)}`)
      .join(", ");
  }
  return String(value);
}

/** The name of an end: the best known one, else its address with the port. */
export const endName = (side: Side): string => side.name || address(side);

/** The address of an end with its port, where it has one. */
export function address(side: Side): string {
  if (!side.ip) return "";
  if (!side.port) return side.ip;
  return side.ip.includes(":") ? `[${side.ip}]:${side.port}` : `${side.ip}:${side.port}`;
}
