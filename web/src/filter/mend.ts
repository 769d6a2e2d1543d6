// The mend that an error of a filter proposes, and the filter with it.
import type { ErrorBody } from "../api/types";

/** The name in `did you mean response?`; null where none is proposed. */
export const mend = (error: ErrorBody): string | null =>
  /did you mean [`"]?([\w.]+)[`"]?\?/.exec(error.hint ?? "")?.[1] ?? null;

/** The text with the word at a column, in characters from 1, replaced. */
export function mended(text: string, column: number, name: string): string {
  const characters = [...text];
  const before = characters.slice(0, column - 1).join("");
  const rest = characters.slice(column - 1).join("");
  return before + rest.replace(/^[\w.]+/, name);
}
