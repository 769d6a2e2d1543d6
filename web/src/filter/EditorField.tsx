// The editor of the filter bar, as a component.
import { useEffect, useRef } from "react";
import { selection, useScope } from "../api/queries";
import { createEditor, type Editor, type EditorEvents, type Problem } from "./editor";
import css from "./filter.module.css";
import { setFilterFocus } from "./focus";
import type { Checked } from "./useDraft";

interface EditorFieldProps extends Omit<EditorEvents, "completion"> {
  /** What it begins with. Later texts are given to the editor itself: what is written meanwhile must not be overtaken. */
  text: string;
  checked: Checked | undefined;
  onReady: (editor: Editor) => void;
}

export default function EditorField(props: EditorFieldProps) {
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<Editor>(null);
  const { filter: _, ...window } = selection(useScope());
  const kept = useRef({ ...props, completion: { window } });
  kept.current = { ...props, completion: { window } };

  useEffect(() => {
    if (!host.current) return;
    const made = createEditor(host.current, kept.current.text, {
      onChange: (text) => kept.current.onChange(text),
      onEnter: () => kept.current.onEnter(),
      onEscape: () => kept.current.onEscape(),
      onStep: (by) => kept.current.onStep(by),
      onCompleting: (isOpen) => kept.current.onCompleting(isOpen),
      onFocus: (hasFocus) => kept.current.onFocus(hasFocus),
      completion: () => kept.current.completion,
    });
    editor.current = made;
    setFilterFocus(made.focus);
    kept.current.onReady(made);
    return () => made.destroy();
  }, []);

  const { checked, text } = props;
  useEffect(() => {
    if (checked?.text === text || text === "") editor.current?.mark(problem(checked, text));
  }, [checked, text]);

  return <div ref={host} className={css.host} data-testid="filter" />;
}

function problem(checked: Checked | undefined, text: string): Problem | null {
  if (!checked || text === "") return null;
  if (checked.error) {
    return { column: checked.error.column ?? null, message: checked.error.message, severity: "error" };
  }
  const [warning] = checked.warnings;
  return warning ? { ...warning, severity: "warning" } : null;
}
