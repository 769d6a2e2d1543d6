// Clauses made from values on the page, and filters with a clause more or less.
import { quote, tokens } from "./lexer";

/** A value as it stands in an entry's JSON. */
export type Scalar = string | number | boolean;

/** What a value belongs to: a field, a key of a map field, or an element of a list field. */
export interface Target {
  path: string;
  /** The KFL type of the field, as the table of fields tells it; `json` for what lies below a decoded body. */
  type: string;
  /** The key, for map fields. */
  key?: string;
}

/** The clause that holds for entries with this value. */
export function is(target: Target, value: Scalar): string {
  if (target.type === "map" && target.key !== undefined)
    return `${keyed(target.path, target.key)} == ${literal(value)}`;
  if (target.type === "[]string") return `${literal(value)} in ${target.path}`;
  if (target.type === "bool") return value === true || value === "true" ? target.path : `!${target.path}`;
  if (target.type === "timestamp") return `${target.path} == timestamp(${quote(String(value))})`;
  return `${target.path} == ${literal(value)}`;
}

/** The clause that holds for entries without this value, those that lack the field among them. */
export function isNot(target: Target, value: Scalar): string {
  const clause = is(target, value);
  if (target.type === "bool") return clause.startsWith("!") ? clause.slice(1) : `!${clause}`;
  if (target.type === "map" || target.type === "[]string" || target.type === "json") return `!(${clause})`;
  return clause.replace(" == ", " != ");
}

/** The clause that holds for entries that lack the field, or the key in it. */
export const lacks = ({ path, key, type }: Target): string =>
  `!has(${type === "map" && key !== undefined ? keyed(path, key) : path})`;

/** The clause that holds for entries with any of these values. */
export function isAnyOf(target: Target, values: Scalar[]): string {
  const clauses = values.map((value) => is(target, value));
  if (clauses.length === 1) return clauses[0] as string;
  if (target.type !== "map" && target.type !== "[]string" && target.type !== "bool") {
    return `${target.path} in [${values.map(literal).join(", ")}]`;
  }
  return `(${clauses.join(" || ")})`;
}

/** The filter with one more clause. What it contradicts is replaced; what is there already is not said twice. */
export function add(filter: string, clause: string, opposite?: string): string {
  const parts = conjuncts(filter);
  if (parts.length === 0) return clause;
  if (parts.includes(clause)) return filter;
  const at = opposite === undefined ? -1 : parts.indexOf(opposite);
  if (at >= 0) parts[at] = clause;
  else parts.push(clause);
  return parts.join(" && ");
}

/** The clauses of a filter that must all hold. A filter that is anything else is one clause, in parentheses. */
export function conjuncts(filter: string): string[] {
  const text = filter.trim();
  if (text === "") return [];
  const all = tokens(text);
  let depth = 0;
  let start = 0;
  const parts: string[] = [];
  for (const token of all) {
    if (token.kind === "bracket") depth += "([{".includes(token.text) ? 1 : -1;
    if (depth !== 0) continue;
    const isLoose =
      token.text === "||" ||
      token.text === "?" ||
      token.text === "and" ||
      token.text === "or" ||
      token.kind === "comment";
    if (isLoose) return [`(${text}${token.kind === "comment" ? "\n" : ""})`];
    if (token.text === "&&") {
      parts.push(text.slice(start, token.start).trim());
      start = token.end;
    }
  }
  parts.push(text.slice(start).trim());
  return depth === 0 && parts.every(Boolean) ? parts : [`(${text})`];
}

/** A filter and another one, both of which must hold. */
export function both(one: string, other: string): string {
  return [...conjuncts(one), ...conjuncts(other)].join(" && ");
}

/** A map field's value under a key. */
export const keyed = (path: string, key: string): string => `${path}[${quote(key)}]`;

/** A value as a KFL literal. */
export const literal = (value: Scalar): string => (typeof value === "string" ? quote(value) : String(value));

/** The filter without one of its clauses; unchanged where it is not among them. */
export function without(filter: string, clause: string): string {
  const parts = conjuncts(filter);
  const rest = parts.filter((part) => part !== clause);
  return rest.length === parts.length ? filter : rest.join(" && ");
}
