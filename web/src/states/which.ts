// Why nothing is shown: the three cases must never look alike.
import type { Explanation, LossAnswer, Status } from "../api/types";
import { toMicros } from "../format/time";
import { hidesEntries } from "../status/loss";
import type { Range } from "../url/location";

export type Emptiness = "nothing" | "unmatched" | "dark";

/** Tells the case: the filter excluded what is there; there is nothing though all was seen; or something was not seen. */
export function whichEmpty(
  filter: string,
  explanation: Pick<Explanation, "total"> | undefined,
  loss: Pick<LossAnswer, "causes"> | undefined,
  status: Pick<Status, "watching" | "source" | "dark"> | undefined,
): Emptiness {
  if (filter !== "" && explanation && explanation.total > 0) return "unmatched";
  const isOff = status?.source.kind === "live" && !status.watching.is_on;
  // What was seen but not told apart (a process that had ended) hides no entry.
  const hides = loss?.causes.some((cause) => hidesEntries(cause) && cause.stage !== "output");
  const isBlind = status?.source.kind === "live" && status.watching.rights.length === 0 && status.dark.length > 0;
  return isOff || hides || isBlind ? "dark" : "nothing";
}

/** Since when entries are kept, in microseconds, where the whole range lies before that; else null. */
export function keptSince(range: Range, status: Pick<Status, "recording" | "started"> | undefined): number | null {
  if (range.kind !== "span" || !status) return null;
  const sinceUs = toMicros(status.recording.oldest ?? status.started);
  return sinceUs > 0 && range.toUs <= sinceUs ? sinceUs : null;
}
