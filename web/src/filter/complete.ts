// Completion: names of fields with their types and meaning, and values that were seen in the window.
import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import { answer, api } from "../api/client";
import { loadFields, queryClient } from "../api/queries";
import type { FieldInfo, FieldsAnswer } from "../api/types";
import { short } from "../format/number";
import { operatorsOf, positionAt } from "./context";
import { quote } from "./lexer";

export interface CompletionSetting {
  /** The window and snapshot whose values are offered. */
  window: { from?: string; to?: string; snapshot?: string };
}

export function completionSource(setting: () => CompletionSetting) {
  return async (context: CompletionContext): Promise<CompletionResult | null> => {
    const before = context.state.sliceDoc(0, context.pos);
    const at = positionAt(before);
    const { window } = setting();
    const table = await loadFields().catch(() => null);
    if (!table) return null;
    switch (at.kind) {
      case "name":
        return at.text === "" && !context.explicit
          ? null
          : { from: at.from, options: named(table, at.text), filter: false };
      case "operator":
        return { from: at.from, options: operatorsOf(fieldOf(table, at.field)).map(operator), validFor: /^$/ };
      case "value":
      case "key": {
        const field = fieldOf(table, at.field);
        const values = await seen(at.field, at.text, window);
        const after = context.state.sliceDoc(context.pos, context.pos + 1);
        const isQuoted = at.kind === "key" || at.isQuoted;
        const options = values.map(
          ({ value, count }): Completion => ({
            label: value,
            apply: at.kind === "key" ? key(value, after) : literal(value, field, isQuoted, after),
            detail: short(count),
            type: "text",
          }),
        );
        return { from: at.from, options, filter: false };
      }
      default:
        return null;
    }
  };
}

const operator = ({ text, does }: { text: string; does: string }): Completion => ({
  label: text.trim(),
  apply: text,
  detail: does,
  type: "operator",
});

/** The names that hold the text, those that begin with it first. */
function named(table: FieldsAnswer, text: string): Completion[] {
  const wanted = text.toLowerCase();
  const found = names(table).filter(({ label }) => label.toLowerCase().includes(wanted));
  const rank = ({ label, boost = 0 }: Completion) => (label.toLowerCase().startsWith(wanted) ? 10 : 0) + boost;
  return found.toSorted((one, other) => rank(other) - rank(one)).slice(0, MOST_NAMES);
}

function names(table: FieldsAnswer): Completion[] {
  const fields = table.fields
    .filter((field) => field.pending === "")
    .map(
      (field): Completion => ({
        label: field.name,
        detail: field.word ? "" : `${field.type}${field.unit ? ` (${field.unit})` : ""}`,
        info: field.example && !field.word ? `${field.doc} Example: ${field.example}` : field.doc,
        type: field.word ? "keyword" : "variable",
        boost: field.word ? 2 : field.protocols.length === 0 ? 1 : 0,
      }),
    );
  const helpers = [...new Set(table.helpers.map(({ name }) => name))].map(
    (name): Completion => ({
      label: `${name}()`,
      apply: `${name}(`,
      detail: "function",
      type: "function",
      boost: -1,
    }),
  );
  return [...fields, ...helpers];
}

export function fieldOf(table: FieldsAnswer, name: string): FieldInfo | undefined {
  const path = name.replace(/\[.*$/, "");
  return table.fields.find((field) => field.name === path || field.aliases.includes(path));
}

/** The values of a field that were seen; none where the server does not tell. */
async function seen(field: string, prefix: string, window: CompletionSetting["window"]) {
  try {
    const query = { field, prefix: prefix || undefined, limit: MOST_VALUES, ...window };
    const found = await queryClient.fetchQuery({
      queryKey: ["values", query],
      queryFn: ({ signal }) => answer(api.GET("/api/v1/values", { params: { query }, signal })),
      staleTime: 5000,
      retry: false,
    });
    return found.values;
  } catch {
    return [];
  }
}

function literal(value: string, field: FieldInfo | undefined, isQuoted: boolean, after: string): string {
  if (isQuoted) return `${quote(value).slice(1, -1)}${after === '"' ? "" : '"'}`;
  return field && /^(int|double|bool)$/.test(field.type) ? value : quote(value);
}

const key = (value: string, after: string): string => `${quote(value).slice(1, -1)}${after === '"' ? "" : '"]'}`;

const MOST_VALUES = 30;
const MOST_NAMES = 60;
