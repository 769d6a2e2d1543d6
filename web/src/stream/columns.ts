// The columns of the stream: those that come with it, and any field that the reader adds.
import type { ColumnChoice } from "../theme/preferences";

export interface Column {
  id: string;
  title: string;
  /** The width that it begins with, in pixels. */
  width: number;
  isNumber?: boolean;
}

export const BUILT_IN: readonly Column[] = [
  { id: "time", title: "Time", width: 108 },
  { id: "protocol", title: "Protocol", width: 72 },
  { id: "outcome", title: "Outcome", width: 112 },
  { id: "summary", title: "Summary", width: 360 },
  { id: "source", title: "From", width: 140 },
  { id: "destination", title: "To", width: 160 },
  { id: "latency", title: "Latency", width: 104, isNumber: true },
  { id: "size", title: "Size", width: 80, isNumber: true },
];

export const DEFAULT_COLUMNS: ColumnChoice[] = BUILT_IN.map(({ id, width }) => ({ id, width }));

export const MIN_WIDTH = 48;
export const MAX_WIDTH = 1200;
export const EXTRA_WIDTH = 160;

const builtIn = new Map(BUILT_IN.map((column) => [column.id, column]));

/** A column by its id: that of a built-in one, or a field. */
export const columnOf = (id: string): Column => builtIn.get(id) ?? { id, title: id, width: EXTRA_WIDTH };

export const isBuiltIn = (id: string): boolean => builtIn.has(id);

/** The fields that the reader added, in their order. */
export const extraFields = (columns: ColumnChoice[]): string[] =>
  columns.map((column) => column.id).filter((id) => !isBuiltIn(id));

/** The columns with room for the day beside the time. */
export const withDays = (columns: ColumnChoice[]): ColumnChoice[] =>
  columns.map((column) => (column.id === "time" ? { ...column, width: Math.max(column.width, DATED_WIDTH) } : column));

/**
 * The widths in a view so wide, in pixels: the summary takes what is left; where there is too little, the names give way,
 * and last the summary, so that latency and size stay in sight. Rows of fixed widths are laid out much faster than rows that find their own.
 */
export function fitted(columns: ColumnChoice[], view: number): number[] {
  const widths = columns.map(({ id, width }) => (id === "summary" ? Math.min(width, LEAST_SUMMARY) : width));
  let left = view - widths.reduce((sum, width) => sum + width, 0);
  if (left < 0) {
    const yielding = columns.map(({ id, width }) => (isYielding(id) ? Math.max(0, width - LEAST_NAME) : 0));
    const most = yielding.reduce((sum, width) => sum + width, 0);
    const part = most > 0 ? Math.min(1, -left / most) : 0;
    for (const [at, room] of yielding.entries()) widths[at] = Math.round((widths[at] ?? 0) - room * part);
    left = Math.min(0, left + most);
  }
  const summary = columns.findIndex(({ id }) => id === "summary");
  const own = widths[summary];
  if (own !== undefined) widths[summary] = Math.max(Math.min(own, NARROWEST_SUMMARY), own + left);
  return widths;
}

const isYielding = (id: string) => id === "source" || id === "destination" || !isBuiltIn(id);
const DATED_WIDTH = 154;
const LEAST_NAME = 80;
const LEAST_SUMMARY = 150;
const NARROWEST_SUMMARY = 110;

export const resized = (columns: ColumnChoice[], id: string, width: number): ColumnChoice[] =>
  columns.map((column) =>
    column.id === id ? { id, width: Math.round(Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, width))) } : column,
  );

/** The columns with one moved to where another stands. */
export function moved(columns: ColumnChoice[], id: string, to: number): ColumnChoice[] {
  const from = columns.findIndex((column) => column.id === id);
  const column = columns[from];
  if (!column) return columns;
  const rest = columns.filter((other) => other.id !== id);
  const at = Math.max(0, Math.min(rest.length, to));
  return [...rest.slice(0, at), column, ...rest.slice(at)];
}

export const toggled = (columns: ColumnChoice[], id: string): ColumnChoice[] =>
  columns.some((column) => column.id === id)
    ? columns.filter((column) => column.id !== id)
    : [...columns, { id, width: columnOf(id).width }];
