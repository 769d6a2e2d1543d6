// An entry in one sentence: who said what to whom, and how it ended.
import { type Entry, endName, kindOf, text, valueAt } from "../entry/entry";
import { bytes, micros } from "../format/number";

/** "checkout → orders, POST /orders answered 503 after 2.1 s". */
export function sentenceOf(entry: Entry, summary: string): { ends: string; what: string; how: string } {
  const ends = `${endName(entry.src)} → ${endName(entry.dst)}`;
  const kind = kindOf(entry);
  if (kind !== "call") return { ends, what: `${entry.protocol.toUpperCase()} ${kind}`, how: transport(entry, kind) };
  return { ends, what: summary || entry.protocol, how: call(entry) };
}

function call(entry: Entry): string {
  const code = text(valueAt(entry, `${entry.protocol}_response_code`));
  const status = !entry.status_code ? "" : ` ${code || entry.status_code}`;
  const after = entry.elapsed_time === undefined ? "" : ` after ${micros(entry.elapsed_time)}`;
  switch (entry.outcome) {
    case "ok":
      return `answered${status}${after}`;
    case "client_error":
    case "server_error":
      return `answered${status || " with an error"}${after}`;
    case "failed":
      return `failed${after}`;
    case "open":
      return "is not answered yet";
    default:
      return after.trim();
  }
}

function transport(entry: Entry, kind: "connection" | "flow"): string {
  const prefix = kind === "connection" ? "conn" : "flow";
  const number = (name: string) => (typeof entry[name] === "number" ? (entry[name] as number) : 0);
  const state = typeof entry[`${prefix}_state`] === "string" ? String(entry[`${prefix}_state`]).replace("_", " ") : "";
  const size = number(`${prefix}_local_bytes`) + number(`${prefix}_remote_bytes`);
  const parts = [
    typeof entry.tcp_error_message === "string" && entry.tcp_error_message ? entry.tcp_error_message : state,
    entry.elapsed_time === undefined ? "" : `${micros(entry.elapsed_time)} long`,
    size > 0 ? bytes(size) : "",
  ];
  return parts.filter(Boolean).join(", ");
}
