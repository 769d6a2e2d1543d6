// Bodies as text: decoded, parsed, dumped. They are never rendered.

/** The bytes of a base64 text; as many as there are good ones. */
export function fromBase64(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}

/** Bytes as text, what can't be shown as dots. */
export function printable(data: Uint8Array): string {
  let out = "";
  for (const byte of data)
    out += byte === 10 || byte === 9 || (byte >= 32 && byte < 127) ? String.fromCharCode(byte) : "·";
  return out;
}

/** The classic dump: offset, sixteen bytes, the same as text. */
export function hexDump(data: Uint8Array, start = 0): string {
  const lines: string[] = [];
  for (let at = 0; at < data.length; at += 16) {
    const row = data.subarray(at, at + 16);
    const bytes = [...row].map((byte) => byte.toString(16).padStart(2, "0"));
    const hex = `${bytes.slice(0, 8).join(" ").padEnd(23)}  ${bytes.slice(8).join(" ").padEnd(23)}`;
    const text = [...row].map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${(start + at).toString(16).padStart(8, "0")}  ${hex}  ${text}`);
  }
  return lines.join("\n");
}

export const fromHex = (hex: string): Uint8Array =>
  Uint8Array.from(hex.match(/[0-9a-f]{2}/gi) ?? [], (pair) => Number.parseInt(pair, 16));

export const toBytes = (text: string): Uint8Array => new TextEncoder().encode(text);

export type JsonBody = { isJson: true; value: unknown } | { isJson: false };

/** The value of a JSON text that is an object or a list; others are better read as they stand. */
export function parseJson(text: string): JsonBody {
  const start = text.trimStart()[0];
  if (start !== "{" && start !== "[") return { isJson: false };
  try {
    return { isJson: true, value: JSON.parse(text) };
  } catch {
    return { isJson: false };
  }
}

/** A text laid out to be read: JSON indented, markup one tag a line, forms one pair a line; null where it is none of them. */
export function pretty(text: string, contentType: string): string | null {
  const json = parseJson(text);
  if (json.isJson) return JSON.stringify(json.value, null, 2);
  if (/x-www-form-urlencoded/.test(contentType)) {
    return [...new URLSearchParams(text)].map(([name, value]) => `${name} = ${value}`).join("\n");
  }
  if (/^\s*<[?!a-zA-Z]/.test(text)) return indentMarkup(text);
  return null;
}

/** Markup with a line for each tag, indented by depth; nothing is left out or changed but white space between tags. */
function indentMarkup(text: string): string {
  let depth = 0;
  const lines: string[] = [];
  for (const part of text.split(/(<[^>]*>)/)) {
    const line = part.trim();
    if (line === "") continue;
    if (line.startsWith("</")) depth = Math.max(0, depth - 1);
    lines.push("  ".repeat(Math.min(depth, 40)) + line);
    const isOpening = /^<[a-zA-Z]/.test(line) && !line.endsWith("/>") && !VOID.test(line);
    if (isOpening) depth += 1;
  }
  return lines.join("\n");
}

/** The way from the body to a value, as KFL writes it: `response.body.json().items[0]["a-b"]`. */
export const childPath = (path: string, key: string | number): string => {
  if (typeof key === "number") return `${path}[${key}]`;
  return /^[A-Za-z_]\w*$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;
};

const VOID = /^<(area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr)\b/i;
