// The one-line editor. It lives in a shadow root, where its styles are constructed sheets: the page's content policy needs
// no exception for them.
import {
  acceptCompletion,
  autocompletion,
  closeCompletion,
  completionStatus,
  moveCompletionSelection,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { type Diagnostic, setDiagnostics } from "@codemirror/lint";
import { Annotation, EditorState, type Extension } from "@codemirror/state";
import { EditorView, keymap, placeholder } from "@codemirror/view";
import { type CompletionSetting, completionSource } from "./complete";
import { highlighting } from "./highlight";
import { tokens } from "./lexer";

export interface EditorEvents {
  /** What the reader wrote; not what `set` puts in. */
  onChange: (text: string) => void;
  onEnter: () => void;
  onEscape: () => void;
  /** Arrow up or down: the history, or the offers. */
  onStep: (by: 1 | -1) => boolean;
  onFocus: (hasFocus: boolean) => void;
  /** Whether completions are offered at the moment. */
  onCompleting: (isOpen: boolean) => void;
  completion: () => CompletionSetting;
}

export interface Editor {
  text: () => string;
  set: (text: string) => void;
  mark: (problem: Problem | null) => void;
  focus: () => void;
  blur: () => void;
  closeCompletion: () => void;
  destroy: () => void;
}

export interface Problem {
  /** In characters from 1; null where it is about the whole. */
  column: number | null;
  message: string;
  severity: "error" | "warning";
}

export function createEditor(host: HTMLElement, text: string, events: EditorEvents): Editor {
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  const view = new EditorView({
    root,
    parent: root as unknown as Element,
    state: EditorState.create({ doc: text, extensions: extensions(events) }),
  });
  return {
    text: () => view.state.doc.toString(),
    set: (next) => {
      if (next === view.state.doc.toString()) return;
      view.dispatch({
        changes: { from: 0, to: view.state.doc.length, insert: next },
        selection: { anchor: next.length },
        annotations: isGiven.of(true),
      });
    },
    mark: (problem) =>
      view.dispatch(setDiagnostics(view.state, problem ? [diagnostic(view.state.doc.toString(), problem)] : [])),
    focus: () => {
      view.focus();
      view.dispatch({ selection: { anchor: view.state.doc.length } });
    },
    closeCompletion: () => void closeCompletion(view),
    blur: () => {
      // Completions that are still looked for must not open once nobody writes.
      closeCompletion(view);
      view.contentDOM.blur();
    },
    destroy: () => view.destroy(),
  };
}

function extensions(events: EditorEvents): Extension {
  const first = new FirstCompletion();
  return [
    oneLine,
    history(),
    highlighting,
    autocompletion({
      override: [completionSource(events.completion)],
      selectOnOpen: false,
      // Nothing is chosen when the list opens, so no key can take a completion by mistake.
      interactionDelay: 0,
      icons: false,
      aboveCursor: false,
      activateOnTypingDelay: 60,
    }),
    keymap.of([
      { key: "Enter", run: (view) => acceptCompletion(view) || done(events.onEnter) },
      { key: "Tab", run: (view) => acceptCompletion(view) || first.accept(view) },
      { key: "Escape", run: (view) => completionStatus(view.state) === null && done(events.onEscape) },
      { key: "ArrowUp", run: (view) => completionStatus(view.state) !== "active" && events.onStep(-1) },
      { key: "ArrowDown", run: (view) => completionStatus(view.state) !== "active" && events.onStep(1) },
      ...defaultKeymap,
      ...historyKeymap,
    ]),
    placeholder("Filter, or any word, address or number: http && status_code >= 500"),
    EditorView.contentAttributes.of({ "aria-label": "Filter", spellcheck: "false", autocapitalize: "off" }),
    EditorView.updateListener.of((update) => {
      const isWritten = update.transactions.some((one) => one.docChanged && !one.annotation(isGiven));
      if (isWritten) events.onChange(update.state.doc.toString());
      if (isWritten) first.forget();
      first.onUpdate(update.view);
      const isOpen = completionStatus(update.state) === "active";
      if (isOpen !== (completionStatus(update.startState) === "active")) events.onCompleting(isOpen);
      if (update.focusChanged) events.onFocus(update.view.hasFocus);
    }),
    look,
  ];
}

/** Marks a change that did not come from the reader. */
const isGiven = Annotation.define<boolean>();

const done = (what: () => void): true => {
  what();
  return true;
};

/** Tab takes the first completion; where completions are still looked for, as soon as they are there. */
class FirstCompletion {
  #isWanted = false;

  accept(view: EditorView): boolean {
    const status = completionStatus(view.state);
    this.#isWanted = status === "pending";
    return this.#isWanted || (status === "active" && take(view));
  }

  forget(): void {
    this.#isWanted = false;
  }

  onUpdate(view: EditorView): void {
    if (!this.#isWanted || completionStatus(view.state) === "pending") return;
    this.#isWanted = false;
    // The state can't be changed while it is being updated.
    queueMicrotask(() => completionStatus(view.state) === "active" && take(view));
  }
}

const take = (view: EditorView): boolean => moveCompletionSelection(true)(view) && acceptCompletion(view);

/** What is pasted with line breaks goes on in one line. */
const oneLine = EditorState.transactionFilter.of((change) => {
  if (!change.docChanged || change.newDoc.lines === 1) return change;
  const text = change.newDoc.toString().replace(/\s*\n\s*/g, " ");
  return [{ changes: { from: 0, to: change.startState.doc.length, insert: text }, selection: { anchor: text.length } }];
});

/** The problem under the word concerned. */
function diagnostic(text: string, { column, message, severity }: Problem): Diagnostic {
  const at = Math.min(text.length, Math.max(0, utf16(text, (column ?? 1) - 1)));
  const token = tokens(text).find((one) => one.start <= at && at < one.end);
  const from = column === null ? 0 : (token?.start ?? Math.max(0, at - 1));
  const to = column === null ? text.length : (token?.end ?? text.length);
  return { from, to: Math.max(to, from), message, severity };
}

/** The position in UTF-16 units of a position in characters. */
const utf16 = (text: string, characters: number): number => [...text].slice(0, characters).join("").length;

const look = EditorView.theme({
  "&": { height: "28px", fontSize: "13px", color: "var(--text)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "28px", overflow: "auto hidden", scrollbarWidth: "none" },
  ".cm-content": { padding: "0", caretColor: "var(--accent)" },
  ".cm-line": { padding: "0 4px" },
  ".cm-placeholder": { color: "var(--text-faint)", fontFamily: "var(--font)" },
  ".cm-lintRange-error": {
    backgroundImage: "none",
    textDecoration: "underline wavy var(--bad)",
    textUnderlineOffset: "3px",
  },
  ".cm-lintRange-warning": {
    backgroundImage: "none",
    textDecoration: "underline wavy var(--warn)",
    textUnderlineOffset: "3px",
  },
  ".cm-tooltip": {
    zIndex: "25",
    border: "1px solid var(--line-strong)",
    borderRadius: "6px",
    background: "var(--raised)",
    color: "var(--text)",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)", fontSize: "12px", maxHeight: "280px" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "3px 8px", lineHeight: "18px" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { background: "var(--accent-soft)", color: "var(--text)" },
  ".cm-completionMatchedText": { textDecoration: "none", color: "var(--accent)" },
  ".cm-completionDetail": { marginLeft: "12px", fontStyle: "normal", color: "var(--text-faint)" },
  ".cm-tooltip.cm-completionInfo": { padding: "6px 10px", maxWidth: "360px", font: "12px/1.45 var(--font)" },
  ".cm-diagnostic": { padding: "6px 10px", font: "12px/1.45 var(--font)", borderLeft: "3px solid var(--bad)" },
});
