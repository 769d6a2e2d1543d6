// KFL cut into tokens, for colours, completion and joining of clauses. It judges nothing: what a filter means and what is
// wrong with it, the server alone says.

export type TokenKind = "name" | "word" | "string" | "number" | "operator" | "bracket" | "comment" | "other";

export interface Token {
  kind: TokenKind;
  text: string;
  start: number;
  end: number;
}

const WORDS = new Set(["and", "or", "in", "true", "false", "nil", "null"]);

const RULES: [TokenKind, RegExp][] = [
  ["comment", /(?:#|\/\/).*/y],
  ["string", /[rRbB]{0,2}"(?:\\.|[^"\\])*"?/y],
  ["string", /[rRbB]{0,2}'(?:\\.|[^'\\])*'?/y],
  ["number", /\d+(?:\.\d+)?(?:[eE][+-]?\d+)?u?/y],
  ["name", /[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*/y],
  ["operator", /&&|\|\||==|!=|<=|>=|\.\.|[<>!+\-*/%?:.,]/y],
  ["bracket", /[()[\]{}]/y],
];

/** The tokens of a filter, in order; white space is left out. */
export function tokens(filter: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  while (at < filter.length) {
    if (/\s/.test(filter[at] as string)) {
      at += 1;
      continue;
    }
    const token = tokenAt(filter, at);
    found.push(token);
    at = token.end;
  }
  return found;
}

/** The token that begins at a position, which must not be white space. */
export function tokenAt(filter: string, at: number): Token {
  for (const [kind, rule] of RULES) {
    rule.lastIndex = at;
    const text = rule.exec(filter)?.[0];
    if (text) {
      const isWord = kind === "name" && WORDS.has(text);
      return { kind: isWord ? "word" : kind, text, start: at, end: at + text.length };
    }
  }
  return { kind: "other", text: filter[at] ?? "", start: at, end: at + 1 };
}

/** A text as a KFL string literal. */
export function quote(text: string): string {
  let out = '"';
  for (const char of text) {
    const code = char.codePointAt(0) as number;
    if (char === '"' || char === "\\") out += `\\${char}`;
    else if (char === "\n") out += "\\n";
    else if (char === "\r") out += "\\r";
    else if (char === "\t") out += "\\t";
    else if (code < 0x20 || code === 0x7f) out += `\\x${code.toString(16).padStart(2, "0")}`;
    else out += char;
  }
  return `${out}"`;
}
