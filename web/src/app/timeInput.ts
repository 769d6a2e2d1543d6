// Times in the form of the browser's own input of date and time.
import { type Clock, clockTime, day } from "../format/time";

export const toInput = (us: number, clock: Clock): string => `${day(us, clock)}T${clockTime(us, clock)}`;

/** Null where the input holds no time. */
export function fromInput(text: string, clock: Clock): number | null {
  const ms = Date.parse(clock === "utc" ? `${text}Z` : text);
  return Number.isNaN(ms) ? null : ms * 1000;
}
