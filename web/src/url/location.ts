// What the page shows, as it stands in its address: view, filter, time range, open entry. All of it and nothing more,
// so that a link shows another reader the same.
import { fromMicros, toMicros } from "../format/time";

export const VIEWS = ["stream", "map", "analyse", "snapshots", "settings"] as const;
export type View = (typeof VIEWS)[number];

/** Whether a view shows entries, by filter and time range. */
export const isAboutEntries = (view: View): boolean => view === "stream" || view === "map" || view === "analyse";

/** The time range: the last so many seconds, a span with two ends, or everything there is. */
export type Range =
  | { kind: "last"; seconds: number }
  | { kind: "span"; fromUs: number; toUs: number }
  | { kind: "all" };

export interface Place {
  view: View;
  filter: string;
  /** `null`: what suits the source (live: the last minutes; files and snapshots: all). */
  range: Range | null;
  /** The open entry. */
  entry: number | null;
  /** The tab of the detail pane. */
  tab: string;
  /** Whether the stream shows all connections and flows. */
  isAll: boolean;
  /** The snapshot that is browsed in place of the live source. */
  snapshot: string;
  /** The fields that Analyse groups by. */
  by: string[];
  /** How the map groups its nodes. */
  group: string;
  /** The node that the map is focused on. */
  focus: string;
}

export const HOME: Place = {
  view: "stream",
  filter: "",
  range: null,
  entry: null,
  tab: "",
  isAll: false,
  snapshot: "",
  by: [],
  group: "",
  focus: "",
};

/** Reads a place from the query of an address; what it does not understand falls back to the default. */
export function parse(search: string): Place {
  const params = new URLSearchParams(search);
  const text = (name: string) => params.get(name) ?? "";
  const view = text("view") as View;
  const entry = Number(text("entry"));
  return {
    view: VIEWS.includes(view) ? view : HOME.view,
    filter: text("filter"),
    range: parseRange(params),
    entry: params.has("entry") && Number.isSafeInteger(entry) && entry >= 0 ? entry : null,
    tab: text("tab"),
    isAll: params.has("all"),
    snapshot: text("snapshot"),
    by: params.getAll("by").filter(Boolean).slice(0, 2),
    group: text("group"),
    focus: text("focus"),
  };
}

/** Writes a place as the query of an address, with its question mark; empty for the home place. */
export function print(place: Place): string {
  const params = new URLSearchParams();
  if (place.view !== HOME.view) params.set("view", place.view);
  if (place.filter) params.set("filter", place.filter);
  if (place.range) printRange(place.range, params);
  if (place.entry !== null) params.set("entry", String(place.entry));
  if (place.entry !== null && place.tab) params.set("tab", place.tab);
  if (place.isAll) params.set("all", "");
  if (place.snapshot) params.set("snapshot", place.snapshot);
  for (const field of place.by) params.append("by", field);
  if (place.group) params.set("group", place.group);
  if (place.focus) params.set("focus", place.focus);
  const query = params.toString();
  return query ? `?${query}` : "";
}

/** The same place with absolute times, as it is shared: a relative range would show another reader something else. */
export function absolute(place: Place, shown: { fromUs: number; toUs: number } | null): Place {
  return shown && place.range?.kind !== "all" ? { ...place, range: { kind: "span", ...shown } } : place;
}

const DURATION = /^(\d+)(s|m|h|d)$/;
const UNIT_SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** Reads `90s`, `15m`, `2h`, `1d`; null where it is none. */
export function parseDuration(text: string): number | null {
  const match = DURATION.exec(text.trim());
  if (!match) return null;
  const seconds = Number(match[1]) * UNIT_SECONDS[match[2] as keyof typeof UNIT_SECONDS];
  return seconds > 0 ? seconds : null;
}

export function printDuration(seconds: number): string {
  for (const unit of ["d", "h", "m"] as const) {
    if (seconds % UNIT_SECONDS[unit] === 0) return `${seconds / UNIT_SECONDS[unit]}${unit}`;
  }
  return `${seconds}s`;
}

function parseRange(params: URLSearchParams): Range | null {
  const last = params.get("last");
  if (last === "all") return { kind: "all" };
  const seconds = last === null ? null : parseDuration(last);
  if (seconds !== null) return { kind: "last", seconds };
  const fromUs = toMicros(params.get("from") ?? "");
  const toUs = toMicros(params.get("to") ?? "");
  return fromUs > 0 && toUs > fromUs ? { kind: "span", fromUs, toUs } : null;
}

function printRange(range: Range, params: URLSearchParams): void {
  if (range.kind === "all") params.set("last", "all");
  else if (range.kind === "last") params.set("last", printDuration(range.seconds));
  else {
    params.set("from", fromMicros(range.fromUs));
    params.set("to", fromMicros(range.toUs));
  }
}
