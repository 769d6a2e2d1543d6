// The mend that an error of a filter proposes, and the filter with it.
import type { ErrorBody } from "../api/types";

/**
 * What to write at the word concerned: the name in `did you mean response?`, `==` for a single `=`, or `&&` between two clauses
 * that stand side by side; null where nothing is proposed.
 */
export function mend(error: ErrorBody): string | null {
  const name = /did you mean [`"]?([\w.]+)[`"]?\?/.exec(error.hint ?? "")?.[1];
  if (name) return name;
  if (error.expected === "==") return "==";
  const isClause = /^unexpected [a-z_]/i.test(error.message) && !/^unexpected (character|end)/.test(error.message);
  return isClause && error.expected?.startsWith("an operator") ? "&&" : null;
}

/** The text with the word at a column, in characters from 1, replaced; `&&` is put before it. */
export function mended(text: string, column: number, mending: string): string {
  const characters = [...text];
  const before = characters.slice(0, column - 1).join("");
  const rest = characters.slice(column - 1).join("");
  if (mending === "&&") return `${before}&& ${rest}`;
  return before + rest.replace(mending === "==" ? /^=/ : /^[\w.]+/, mending);
}
