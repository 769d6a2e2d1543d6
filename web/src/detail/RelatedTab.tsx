// What belongs to the entry: its trace, the same call at other times, the other calls of its connection.
import { sentence } from "../api/client";
import { useFields } from "../api/queries";
import type { Entry } from "../entry/entry";
import { fromMicros, toMicros } from "../format/time";
import { Button } from "../ui/Button";
import { Progress } from "../ui/Controls";
import { go } from "../url/usePlace";
import css from "./detail.module.css";
import { useFound, useRows } from "./queries";
import { RowList } from "./RowList";
import { type Relation, relations } from "./related";

export function RelatedTab({ entry }: { entry: Entry; summary: string }) {
  const protocols = useFields().data?.protocols ?? [];
  const fields = protocols.find((one) => one.name === entry.protocol)?.summary ?? [];
  const found = relations(entry, fields);
  return found.map((relation) => <Related key={relation.filter} relation={relation} entry={entry} />);
}

function Related({ relation, entry }: { relation: Relation; entry: Entry }) {
  const us = toMicros(entry.timestamp);
  const around = { from: fromMicros(us - AROUND_US), to: fromMicros(us + AROUND_US) };
  const { data, isPending, error } = useFound(relation.filter, 40, true, around);
  const rows = useRows(data);
  return (
    <section className={css.block}>
      <div className={css.blockHead}>
        <h3>
          {relation.title} <small>{rows.length}</small>
        </h3>
        <Button look="quiet" onClick={() => go({ filter: relation.filter, view: "stream" })}>
          Show in the stream
        </Button>
      </div>
      {isPending ? <Progress label="Loading" /> : null}
      {error ? <p className={css.faint}>{sentence(error)}</p> : null}
      {data ? <RowList rows={rows} current={entry.id} empty="None within an hour." /> : null}
    </section>
  );
}

const AROUND_US = 3600e6;
