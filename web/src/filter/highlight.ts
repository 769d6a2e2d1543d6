// The colours of KFL in the editor.
import { HighlightStyle, StreamLanguage, syntaxHighlighting } from "@codemirror/language";
import type { Extension } from "@codemirror/state";
import { tags } from "@lezer/highlight";
import { type TokenKind, tokenAt } from "./lexer";

const TAGS: Record<TokenKind, string | null> = {
  name: "variableName",
  word: "keyword",
  string: "string",
  number: "number",
  operator: "operator",
  bracket: "bracket",
  comment: "comment",
  other: "invalid",
};

const language = StreamLanguage.define({
  token(stream) {
    if (stream.eatSpace()) return null;
    const token = tokenAt(stream.string, stream.pos);
    stream.pos = token.end;
    return TAGS[token.kind];
  },
});

const style = HighlightStyle.define([
  { tag: tags.variableName, color: "var(--code-key)" },
  { tag: tags.keyword, color: "var(--code-word)" },
  { tag: tags.string, color: "var(--code-string)" },
  { tag: tags.number, color: "var(--code-number)" },
  { tag: [tags.operator, tags.bracket], color: "var(--text-soft)" },
  { tag: tags.comment, color: "var(--text-faint)", fontStyle: "italic" },
  { tag: tags.invalid, color: "var(--bad)" },
]);

export const highlighting: Extension = [language, syntaxHighlighting(style)];
