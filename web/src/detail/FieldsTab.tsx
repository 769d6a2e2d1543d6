// Every field that the entry has, with its meaning; searched by name and value.
import { useState } from "react";
import { useFields } from "../api/queries";
import { type Entry, text } from "../entry/entry";
import ui from "../ui/ui.module.css";
import css from "./detail.module.css";
import { FieldTable } from "./FieldTable";
import { allValues, type Shown } from "./sides";

export function FieldsTab({ entry }: { entry: Entry }) {
  const [search, setSearch] = useState("");
  const fields = useFields().data?.fields ?? [];
  const wanted = search.trim().toLowerCase();
  const matches = ({ field, value }: Shown) =>
    wanted === "" || field.name.toLowerCase().includes(wanted) || text(value).toLowerCase().includes(wanted);
  const shown = allValues(entry, fields).filter(matches);
  const common = shown.filter((one) => one.field.protocols.length === 0);
  const own = shown.filter((one) => one.field.protocols.length > 0);
  return (
    <>
      <input
        className={ui.field}
        type="search"
        placeholder="Find a field or value"
        aria-label="Find a field or value"
        value={search}
        onChange={(event) => setSearch(event.target.value)}
      />
      <section className={css.block}>
        <h3>
          Of {entry.protocol} <small>{own.length}</small>
        </h3>
        <FieldTable rows={own} title={`Fields of ${entry.protocol}`} />
      </section>
      <section className={css.block}>
        <h3>
          Of every entry <small>{common.length}</small>
        </h3>
        <FieldTable rows={common} title="Common fields" />
      </section>
    </>
  );
}
