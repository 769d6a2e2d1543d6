// The window that is shown: a time range made of what the reader chose and what suits the source.
import { fromMicros, toMicros } from "../format/time";
import { serverNowUs } from "../live/clock";
import type { Range } from "../url/location";
import type { Status } from "./types";

/** The range that holds: the chosen one, else the last minutes of a live source, or all of files and snapshots. */
export function effective(range: Range | null, status: Status | undefined, snapshot: string): Range {
  if (range) return range;
  if (snapshot || (status && status.source.kind !== "live")) return { kind: "all" };
  return { kind: "last", seconds: DEFAULT_SECONDS };
}

/** The bounds as the server takes them. */
export function bounds(range: Range): { from?: string; to?: string } {
  if (range.kind === "last") return { from: `-${range.seconds}s` };
  if (range.kind === "span") return { from: fromMicros(range.fromUs), to: fromMicros(range.toUs) };
  return {};
}

/** The window in times; null where it has no ends. */
export function times(range: Range): { fromUs: number; toUs: number } | null {
  if (range.kind === "span") return { fromUs: range.fromUs, toUs: range.toUs };
  if (range.kind === "last") return { fromUs: serverNowUs() - range.seconds * 1e6, toUs: serverNowUs() };
  return null;
}

/** The times of the first and last entry that is stored, where they are known. */
type Recorded = Pick<Status["recording"], "oldest" | "newest"> | null | undefined;

/** How much of the window can hold entries, in seconds; rates are told by it. Null where the window has no ends and nobody knows them. */
export function recordedSeconds(range: Range, recorded: Recorded): number | null {
  const oldestUs = recorded?.oldest ? toMicros(recorded.oldest) : 0;
  const newestUs = recorded?.newest ? toMicros(recorded.newest) : 0;
  const span = times(range) ?? (oldestUs > 0 && newestUs > 0 ? { fromUs: oldestUs, toUs: newestUs } : null);
  if (!span) return null;
  const fromUs = Math.max(span.fromUs, oldestUs);
  return Math.max(1, (span.toUs - Math.min(fromUs, span.toUs)) / 1e6);
}

/**
 * The last minutes that the timeline spreads out: where recording began a short while ago, no more than that, in steps, so that
 * the first minutes are not a strip at the edge.
 */
export function spread(range: Range, oldest: string | null | undefined): Range {
  if (range.kind !== "last" || !oldest) return range;
  const age = (serverNowUs() - toMicros(oldest)) / 1e6;
  const seconds = SPREADS.find((step) => step >= age) ?? range.seconds;
  return seconds < range.seconds ? { kind: "last", seconds } : range;
}

/** Whether new entries may fall into it. */
export const isOpen = (range: Range): boolean => range.kind !== "span";

const DEFAULT_SECONDS = 900;
const SPREADS = [60, 120, 300, 600, 900, 1800, 3600];
