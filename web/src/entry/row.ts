// An entry cut down to what a row of the stream shows, so that a hundred thousand of them fit.
import type { FieldsAnswer } from "../api/types";
import { toMicros } from "../format/time";
import { address, type Entry, endName, kindOf, type Selector, selector, text, textAt, valueAt } from "./entry";

export interface Row {
  id: number;
  /** The time of the first packet in microseconds since the epoch. */
  us: number;
  protocol: string;
  kind: "call" | "connection" | "flow";
  outcome: string;
  status: number | null;
  /** The response code in the protocol's own words, `NXDOMAIN`; empty where it has none. */
  code: string;
  summary: string;
  src: string;
  srcAddress: string;
  dst: string;
  dstAddress: string;
  elapsedUs: number | null;
  bytes: number | null;
  note: string;
  revision: number;
  /** The values of the columns that the reader added. */
  extra: string[];
}

/** Which fields sum up an entry and which hold its size, by protocol: derived from the table of fields. */
export interface RowPlan {
  summaries: Record<string, string[]>;
  sizes: Record<string, string[]>;
  /** The fields of response codes in words, for the protocols that have one. */
  codes: Record<string, string>;
  extra: Selector[];
}

/** How rows are made of entries, with the columns that the reader added. */
export function plan(table: Pick<FieldsAnswer, "fields" | "protocols">, extra: string[]): RowPlan {
  const summaries: RowPlan["summaries"] = {};
  const sizes: RowPlan["sizes"] = {};
  const codes: RowPlan["codes"] = {};
  for (const protocol of table.protocols) {
    summaries[protocol.name] = protocol.summary;
    const own = table.fields.filter((field) => field.unit === "bytes" && field.protocols.includes(protocol.name));
    sizes[protocol.name] = sizeFields(own.map((field) => field.name));
    const code = `${protocol.name}_response_code`;
    if (table.fields.some((field) => field.name === code && field.type === "string")) codes[protocol.name] = code;
  }
  return { summaries, sizes, codes, extra: extra.map(selector) };
}

/** The fields whose sum is the size on the wire: a total where the protocol has one, else its parts. */
export function sizeFields(names: string[]): string[] {
  const total = names.filter((name) => name.endsWith("_total_size"));
  if (total.length > 0) return total.slice(0, 1);
  return names.filter((name) => SIZE_PARTS.test(name));
}

/** Why a connection failed: it tells more than its state. */
export const CONNECTION_ERROR = "tcp_error_message";

const SIZE_PARTS =
  /^(request|response)_(headers|body)_size$|_(request|response)_(size|length)$|^(conn|flow)_(local|remote)_bytes$/;

export function toRow(entry: Entry, by: RowPlan): Row {
  return {
    id: entry.id,
    us: toMicros(entry.timestamp),
    protocol: entry.protocol,
    kind: kindOf(entry),
    outcome: entry.outcome ?? "",
    status: entry.status_code ?? null,
    code: textAt(entry, { path: by.codes[entry.protocol] ?? "" }),
    summary: text(valueAt(entry, CONNECTION_ERROR)) || summary(entry, by.summaries[entry.protocol] ?? []),
    src: endName(entry.src),
    srcAddress: address(entry.src),
    dst: endName(entry.dst),
    dstAddress: address(entry.dst),
    // A connection that has just opened has lasted no time: that is no latency.
    elapsedUs: kindOf(entry) !== "call" && entry.elapsed_time === 0 ? null : (entry.elapsed_time ?? null),
    bytes: size(entry, by.sizes[entry.protocol] ?? []),
    note: entry.notes?.[0] ?? "",
    revision: Number(entry.conn_revision ?? entry.flow_revision ?? 0),
    extra: by.extra.map((what) => clip(textAt(entry, what), EXTRA_CHARS)),
  };
}

/** The entry in one line, made of the fields that its protocol marks, as `read` prints it. */
export function summary(entry: Entry, fields: string[]): string {
  let out = "";
  for (const field of fields) {
    const value = valueAt(entry, field);
    const part = Array.isArray(value)
      ? value
          .slice(0, SUMMARY_ITEMS)
          .map(text)
          .concat(value.length > SUMMARY_ITEMS ? ["…"] : [])
          .join(", ")
      : text(value);
    // A part that begins with those before it stands for both: `GET`, `GET key`.
    if (part === "" || out.split(" ").includes(part)) continue;
    out = out === "" || part.startsWith(out) ? part : `${out} ${part}`;
  }
  return clip(out, SUMMARY_CHARS);
}

function size(entry: Entry, fields: string[]): number | null {
  let sum: number | null = null;
  for (const field of fields) {
    const value = valueAt(entry, field);
    if (typeof value === "number") sum = (sum ?? 0) + value;
  }
  return sum;
}

const clip = (line: string, most: number) => (line.length > most ? `${line.slice(0, most)}…` : line);

const SUMMARY_ITEMS = 3;
const SUMMARY_CHARS = 400;
const EXTRA_CHARS = 200;
