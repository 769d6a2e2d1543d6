// Which columns the stream has: the built-in ones, and any field.
import { ArrowDown, ArrowUp } from "lucide-react";
import { useState } from "react";
import { useFields } from "../api/queries";
import type { ColumnChoice } from "../theme/preferences";
import { Button, IconButton } from "../ui/Button";
import ui from "../ui/ui.module.css";
import { BUILT_IN, columnOf, DEFAULT_COLUMNS, moved, toggled } from "./columns";
import css from "./stream.module.css";

interface ColumnMenuProps {
  columns: ColumnChoice[];
  onChange: (columns: ColumnChoice[] | null) => void;
}

export function ColumnMenu({ columns, onChange }: ColumnMenuProps) {
  const [search, setSearch] = useState("");
  const fields = useFields().data?.fields ?? [];
  const chosen = new Set(columns.map((column) => column.id));
  const found = search.trim() === "" ? [] : fields.filter((field) => matches(field, search)).slice(0, MOST_FOUND);
  const others = BUILT_IN.filter((column) => !chosen.has(column.id));
  return (
    <div className={css.columnMenu}>
      <input
        className={ui.field}
        placeholder="Add any field: path, dns_answers, request.headers[&quot;x&quot;]"
        aria-label="Find a field"
        value={search}
        onChange={(event) => setSearch(event.target.value)}
        onKeyDown={(event) => {
          const id = /^[\w.]+\["/.test(search.trim()) ? search.trim() : found[0]?.name;
          if (event.key !== "Enter" || !id) return;
          if (!chosen.has(id)) onChange(toggled(columns, id));
          setSearch("");
        }}
      />
      <div className={css.columnList}>
        {found.map((field) => (
          <div key={field.name} className={css.columnItem} title={field.doc}>
            <label>
              <input
                type="checkbox"
                checked={chosen.has(field.name)}
                onChange={() => onChange(toggled(columns, field.name))}
              />
              {field.name} <small>{field.type}</small>
            </label>
          </div>
        ))}
        {found.length > 0 ? <div className={ui.separator} /> : null}
        {columns.map(({ id }, at) => (
          <div key={id} className={css.columnItem}>
            <label>
              <input
                type="checkbox"
                checked
                disabled={columns.length === 1}
                onChange={() => onChange(toggled(columns, id))}
              />
              {columnOf(id).title}
            </label>
            <IconButton
              label="Move left"
              isSmall
              disabled={at === 0}
              onClick={() => onChange(moved(columns, id, at - 1))}
            >
              <ArrowUp size={12} />
            </IconButton>
            <IconButton
              label="Move right"
              isSmall
              disabled={at === columns.length - 1}
              onClick={() => onChange(moved(columns, id, at + 1))}
            >
              <ArrowDown size={12} />
            </IconButton>
          </div>
        ))}
        {others.map(({ id, title }) => (
          <div key={id} className={css.columnItem}>
            <label>
              <input type="checkbox" checked={false} onChange={() => onChange(toggled(columns, id))} />
              {title}
            </label>
          </div>
        ))}
      </div>
      <Button look="quiet" onClick={() => onChange(columns === DEFAULT_COLUMNS ? columns : null)}>
        Back to the columns at the start
      </Button>
    </div>
  );
}

const matches = (
  field: { name: string; pending: string; word: boolean; aliases: string[] },
  search: string,
): boolean => {
  const wanted = search.trim().toLowerCase();
  return (
    field.pending === "" &&
    !field.word &&
    [field.name, ...field.aliases].some((name) => name.toLowerCase().includes(wanted))
  );
};

const MOST_FOUND = 12;
