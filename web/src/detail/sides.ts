// Which fields of an entry belong to its request, its response, or to both; derived from their names and aliases.
import type { FieldInfo } from "../api/types";
import { type Entry, type Json, valueAt } from "../entry/entry";

export interface Shown {
  field: FieldInfo;
  value: Json;
}

export interface Sides {
  both: Shown[];
  request: Shown[];
  response: Shown[];
}

export type Side = keyof Sides;

/** The side of a field. */
export function sideOf(field: Pick<FieldInfo, "name" | "aliases">): Side {
  const names = [field.name, ...field.aliases];
  if (names.some((name) => name.startsWith("request."))) return "request";
  if (names.some((name) => name.startsWith("response."))) return "response";
  if (/(^|_)request(_|$)/.test(field.name)) return "request";
  if (/(^|_)response(_|$)/.test(field.name)) return "response";
  return "both";
}

/** The values that an entry has of its protocol's own fields, by side. Bodies are shown by themselves. */
export function sides(entry: Entry, fields: FieldInfo[]): Sides {
  const found: Sides = { both: [], request: [], response: [] };
  for (const field of fields) {
    if (field.word || !field.protocols.includes(entry.protocol) || BODY.test(field.name)) continue;
    const value = valueAt(entry, field.name);
    if (value !== undefined && value !== null) found[sideOf(field)].push({ field, value });
  }
  return found;
}

/** All values that an entry has, common fields first. */
export function allValues(entry: Entry, fields: FieldInfo[]): Shown[] {
  const shown: Shown[] = [];
  for (const field of fields) {
    const isOther = field.protocols.length > 0 && !field.protocols.includes(entry.protocol);
    if (field.word || isOther || BODY.test(field.name)) continue;
    const value = valueAt(entry, field.name);
    if (value !== undefined && value !== null) shown.push({ field, value });
  }
  return shown;
}

export interface Body {
  text: string | null;
  base64: string | null;
}

/** The body of a side: text, or base64 where it is none; null where the entry has no body. */
export function bodyOf(entry: Entry, side: "request" | "response"): Body | null {
  const half = entry[side];
  if (typeof half !== "object" || half === null || Array.isArray(half)) return null;
  const text = (half as { body?: Json }).body;
  const base64 = (half as { body_b64?: Json }).body_b64;
  if (typeof text === "string") return { text, base64: null };
  return typeof base64 === "string" ? { text: null, base64 } : null;
}

const BODY = /^(request|response)\.body$/;
