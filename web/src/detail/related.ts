// Filters for what belongs to an entry: its connection, its trace, the same call at other times.
import { type Entry, valueAt } from "../entry/entry";
import { keyed, literal } from "../filter/clause";
import { quote } from "../filter/lexer";

export interface Relation {
  title: string;
  filter: string;
}

/** The relations that the entry has, those that tell most first. */
export function relations(entry: Entry, summaryFields: string[]): Relation[] {
  const found: Relation[] = [];
  const trace = traceOf(entry);
  if (trace) found.push({ title: `Of the trace ${trace.id}`, filter: trace.filter });
  const same = sameCall(entry, summaryFields);
  if (same) found.push({ title: "The same call before and after", filter: same });
  if (typeof entry.conn_id === "number") {
    found.push({ title: "Other calls of this connection", filter: `conn_id == ${entry.conn_id} && !conn && !flow` });
  }
  return found;
}

/** The trace or request id that the headers carry (W3C trace context, B3, x-request-id). */
export function traceOf(entry: Entry): { id: string; filter: string } | null {
  const headers = valueAt(entry, "request.headers");
  if (typeof headers !== "object" || headers === null || Array.isArray(headers)) return null;
  const at = (name: string): string => (typeof headers[name] === "string" ? (headers[name] as string) : "");
  const header = (name: string) => keyed("request.headers", name);
  const w3c = /^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(at("traceparent"))?.[1];
  if (w3c) return { id: w3c, filter: `${header("traceparent")}.contains(${quote(w3c)})` };
  for (const name of ["x-b3-traceid", "x-request-id", "x-correlation-id"]) {
    if (at(name)) return { id: at(name), filter: `${header(name)} == ${quote(at(name))}` };
  }
  return null;
}

/** The filter for calls of the same kind to the same server. */
function sameCall(entry: Entry, summaryFields: string[]): string | null {
  const clauses = summaryFields.flatMap((field) => {
    const value = valueAt(entry, field);
    if (typeof value === "string" || typeof value === "number") return [`${field} == ${literal(value)}`];
    if (Array.isArray(value) && typeof value[0] === "string") return [`${quote(value[0])} in ${field}`];
    return [];
  });
  if (clauses.length === 0 || entry.conn || entry.flow) return null;
  const server = entry.dst.name ? `dst.name == ${quote(entry.dst.name)}` : `dst.ip == ${quote(entry.dst.ip ?? "")}`;
  return [`protocol == ${quote(entry.protocol)}`, server, ...clauses].join(" && ");
}
