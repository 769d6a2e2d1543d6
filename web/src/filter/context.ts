// What the cursor stands at while a filter is written: a name, a value of a field, a key of a map, an operator.
import type { FieldInfo } from "../api/types";
import { type Token, tokens } from "./lexer";

export type Position =
  | { kind: "name"; from: number; text: string }
  | { kind: "value"; from: number; text: string; field: string; isQuoted: boolean }
  | { kind: "key"; from: number; text: string; field: string }
  | { kind: "operator"; from: number; field: string }
  | { kind: "nothing" };

const COMPARES = new Set(["==", "!=", "<", "<=", ">", ">="]);

/** Reads the filter up to the cursor. */
export function positionAt(before: string): Position {
  const all = tokens(before);
  const last = all.at(-1);
  if (!last) return { kind: "name", from: before.length, text: "" };
  const isTouching = last.end === before.length;
  if (last.kind === "comment") return { kind: "nothing" };

  if (last.kind === "string" && isTouching && isUnclosed(last.text)) {
    const prefix = /^[rRbB]{0,2}["']/.exec(last.text)?.[0] ?? "";
    const text = last.text.slice(prefix.length);
    const from = last.start + prefix.length;
    const opener = all.at(-2);
    if (opener?.text === "[" && isNameToken(all.at(-3))) {
      return { kind: "key", from, text, field: (all.at(-3) as Token).text };
    }
    const field = comparedField(all.slice(0, -1));
    return field ? { kind: "value", from, text, field, isQuoted: true } : { kind: "nothing" };
  }
  if ((last.kind === "name" || last.kind === "number" || last.kind === "word") && isTouching) {
    const field = comparedField(all.slice(0, -1));
    if (field) return { kind: "value", from: last.start, text: last.text, field, isQuoted: false };
    return last.kind === "number" ? { kind: "nothing" } : { kind: "name", from: last.start, text: last.text };
  }
  // A dot that is still open belongs to the name: `src.` asks for what follows.
  if (last.text === "." && isTouching && isNameToken(all.at(-2))) {
    const name = all.at(-2) as Token;
    return { kind: "name", from: name.start, text: `${name.text}.` };
  }
  const field = comparedField(all);
  if (field) return { kind: "value", from: before.length, text: "", field, isQuoted: false };
  if (isNameToken(last) && !isTouching) return { kind: "operator", from: before.length, field: last.text };
  if (last.text === "]" && !isTouching) {
    const keyed = keyedField(all);
    if (keyed) return { kind: "operator", from: before.length, field: keyed };
  }
  const wantsName =
    last.text === "(" || last.text === "!" || last.text === "&&" || last.text === "||" || last.kind === "word";
  return wantsName ? { kind: "name", from: before.length, text: "" } : { kind: "nothing" };
}

/** The field on the left of the comparison that ends here; null where there is none. */
function comparedField(all: Token[]): string | null {
  let rest = all;
  const last = rest.at(-1);
  if (last?.text === "[" || last?.text === ",") {
    // A list behind `in`: go back to its bracket.
    const open = rest.findLastIndex((token) => token.text === "[");
    if (open < 1 || rest[open - 1]?.text !== "in") return null;
    rest = rest.slice(0, open);
  }
  const operator = rest.at(-1);
  if (!operator || !(COMPARES.has(operator.text) || operator.text === "in")) return null;
  if (operator.text === "in" && rest === all) return null;
  const left = rest.slice(0, -1);
  if (isNameToken(left.at(-1))) return (left.at(-1) as Token).text;
  return keyedField(left);
}

/** `request.headers["host"]` at the end of the tokens. */
function keyedField(all: Token[]): string | null {
  const [name, open, key, close] = all.slice(-4);
  const isKeyed = isNameToken(name) && open?.text === "[" && key?.kind === "string" && close?.text === "]";
  return isKeyed ? `${name?.text}[${key.text}]` : null;
}

const isNameToken = (token: Token | undefined): boolean => token?.kind === "name";

const isUnclosed = (text: string): boolean => {
  const quote = /["']/.exec(text)?.[0] ?? '"';
  return text.split("").filter((char, at) => char === quote && text[at - 1] !== "\\").length === 1;
};

/** What can follow a field, by its type: the text, and what it means. */
export function operatorsOf(field: Pick<FieldInfo, "type"> | undefined): { text: string; does: string }[] {
  switch (field?.type) {
    case "bool":
      return [
        { text: "&& ", does: "and" },
        { text: "|| ", does: "or" },
      ];
    case "int":
    case "double":
    case "timestamp":
      return ["==", "!=", ">", ">=", "<", "<="].map((text) => ({ text: `${text} `, does: "" }));
    case "map":
      return [{ text: '["', does: "the value of a key" }];
    case "[]string":
      return [{ text: ".exists(x, x == ", does: "any element" }];
    default:
      return [
        { text: '== "', does: "equals" },
        { text: '!= "', does: "differs" },
        { text: '== r"', does: "matches the regular expression" },
        { text: '.contains("', does: "contains" },
        { text: '.startsWith("', does: "begins with" },
        { text: '.endsWith("', does: "ends with" },
        { text: "in [", does: "is one of" },
      ];
  }
}
