// A field by its name, with the known ones offered.
import { useEffect, useId, useState } from "react";
import { useFields } from "../api/queries";
import { selector } from "../entry/entry";
import { fieldOf } from "../filter/complete";
import ui from "../ui/ui.module.css";
import css from "./analyse.module.css";

interface FieldPickerProps {
  label: string;
  value: string;
  placeholder?: string;
  onChange: (field: string) => void;
}

export function FieldPicker({ label, value, placeholder, onChange }: FieldPickerProps) {
  const [draft, setDraft] = useState(value);
  const table = useFields().data;
  const list = useId();
  useEffect(() => setDraft(value), [value]);
  const field = table ? fieldOf(table, selector(draft).path) : undefined;
  const isGood = draft === "" || (field !== undefined && (field.type !== "map" || /\["/.test(draft)));
  const settle = (text: string) => {
    if (text === value) return;
    if (text === "" || (table && fieldOf(table, selector(text).path))) onChange(text);
  };
  return (
    <>
      <input
        className={`${ui.field} ${css.picker}`}
        aria-label={label}
        aria-invalid={!isGood}
        placeholder={placeholder}
        list={list}
        value={draft}
        title={field?.type === "map" ? `A key of it: ${field.name}["…"]` : field?.doc}
        onChange={(event) => {
          setDraft(event.target.value);
          // A field picked from the list comes whole, with one event.
          if (table?.fields.some((one) => one.name === event.target.value && one.type !== "map"))
            settle(event.target.value);
        }}
        onBlur={() => isGood && settle(draft.trim())}
        onKeyDown={(event) => event.key === "Enter" && isGood && settle(draft.trim())}
      />
      <datalist id={list}>
        {table?.fields
          .filter((one) => one.pending === "" && !one.word && one.type !== "bytes")
          .map((one) => (
            <option key={one.name} value={one.type === "map" ? `${one.name}["` : one.name} />
          ))}
      </datalist>
    </>
  );
}
