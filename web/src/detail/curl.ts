// A request as a command line of curl.
import { type Entry, valueAt } from "../entry/entry";
import { bodyOf } from "./sides";

/** The command; null where the entry is no request that curl could send. */
export function asCurl(entry: Entry): string | null {
  const method = valueAt(entry, "method");
  const url = valueAt(entry, "url");
  if (typeof method !== "string" || typeof url !== "string") return null;
  const host = valueAt(entry, "http_host") ?? `${entry.dst.ip}:${entry.dst.port}`;
  const scheme = entry.tls === true ? "https" : "http";
  const parts = ["curl", "-X", word(method), word(/^https?:/.test(url) ? url : `${scheme}://${host}${url}`)];
  const headers = valueAt(entry, "request.headers");
  if (typeof headers === "object" && headers !== null && !Array.isArray(headers)) {
    for (const [name, held] of Object.entries(headers)) {
      if (LEFT_OUT.has(name)) continue;
      for (const value of Array.isArray(held) ? held : [held]) parts.push("-H", word(`${name}: ${value}`));
    }
  }
  const body = bodyOf(entry, "request");
  if (body?.text) parts.push("--data-binary", word(body.text));
  if (body?.base64) return `base64 -d <<< ${word(body.base64)} | ${parts.join(" ")} --data-binary @-`;
  return parts.join(" ");
}

/** A word that a shell takes as it stands. */
const word = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** Headers that curl writes itself. */
const LEFT_OUT = new Set(["host", "content-length", "connection", "accept-encoding", "transfer-encoding"]);
