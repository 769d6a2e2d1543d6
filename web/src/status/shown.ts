// How much of what matches is shown, in words.
import { count, plural } from "../format/number";

/**
 * The rows in the list, `null` where there is no list, of the calls that match, `null` where nobody knows. The list knows of
 * rows that came since the calls were counted, and shows connections that failed too: no part is told as larger than the whole.
 */
export function shownOf(rows: number | null, calls: number | null): string {
  if (rows === null) return calls === null ? "" : `${plural(calls, "call")} ${calls === 1 ? "matches" : "match"}`;
  if (calls === null || rows >= calls) return `${plural(rows, "row")} shown`;
  return `${count(rows)} of ${plural(calls, "row")} shown`;
}
