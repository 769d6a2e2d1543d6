// The rows of an analysis: sorted, as CSV, and with the course of each group in time.
import type { StatRow, StatsAnswer } from "../api/types";
import { toMicros } from "../format/time";

export type Sort = "calls" | "errors" | "client_errors" | "p50_us" | "p95_us" | "p99_us" | "bytes";

/** The rows by a figure, the greatest first. */
export const sorted = (rows: StatRow[], by: Sort): StatRow[] =>
  rows.toSorted((one, other) => (other[by] ?? -1) - (one[by] ?? -1));

/** What a group is called: its values, in the order of the fields. */
export const groupKey = (row: Pick<StatRow, "by">, fields: string[]): string =>
  fields.map((field) => JSON.stringify(row.by[field] ?? null)).join(" ");

/** The calls of each group by step of time, all of the same length. */
export function courses(answer: StatsAnswer | undefined, fields: string[]): Map<string, number[]> {
  const found = new Map<string, number[]>();
  if (!answer) return found;
  const times = [...new Set(answer.rows.map((row) => row.time ?? ""))].filter(Boolean).sort();
  const first = toMicros(times[0] ?? "");
  const last = toMicros(times.at(-1) ?? "");
  const gaps = times.slice(1).map((time, at) => toMicros(time) - toMicros(times[at] as string));
  const step = Math.max(1, Math.min(...gaps, Number.MAX_SAFE_INTEGER));
  const length = gaps.length === 0 ? 1 : Math.min(MOST_POINTS, Math.round((last - first) / step) + 1);
  for (const row of answer.rows) {
    if (!row.time) continue;
    const key = groupKey(row, fields);
    const points = found.get(key) ?? new Array<number>(length).fill(0);
    const at = Math.round((toMicros(row.time) - first) / step);
    if (at < length) points[at] = (points[at] ?? 0) + row.calls;
    found.set(key, points);
  }
  return found;
}

/** The table as CSV (RFC 4180), figures in the units of the machine interface. */
export function asCsv(rows: StatRow[], fields: string[]): string {
  const figures = ["calls", "errors", "client_errors", "bytes", "p50_us", "p95_us", "p99_us"] as const;
  const lines = [[...fields, ...figures].map(cell).join(",")];
  for (const row of rows) {
    const values = [...fields.map((field) => row.by[field]), ...figures.map((figure) => row[figure])];
    lines.push(values.map(cell).join(","));
  }
  return `${lines.join("\r\n")}\r\n`;
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return "";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The length of a step that makes about so many points of a window. */
export function stepFor(seconds: number, points = 40): string {
  const wanted = seconds / points;
  const round = STEPS.find((step) => step >= wanted) ?? (STEPS.at(-1) as number);
  return `${round}s`;
}

const STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400, 604_800, 2_592_000, 31_536_000,
];
const MOST_POINTS = 2000;
