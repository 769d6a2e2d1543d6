// Snapshots: frozen windows that never change; made of what is shown, browsed like the live source.
import { useState } from "react";
import { useScope } from "../api/queries";
import type { Snapshot } from "../api/types";
import { times } from "../api/window";
import { fileAddress } from "../detail/queries";
import { bytes, plural } from "../format/number";
import { fromMicros, precise, span, toMicros } from "../format/time";
import { serverNowUs } from "../live/clock";
import { useMayControl } from "../settings/queries";
import { FaultPanel } from "../states/Fault";
import { usePreferences } from "../theme/preferences";
import { Button } from "../ui/Button";
import { Progress } from "../ui/Controls";
import { Dialog } from "../ui/Popup";
import ui from "../ui/ui.module.css";
import { go, usePlace } from "../url/usePlace";
import { useCreate, useDelete, useSnapshots } from "./queries";
import css from "./snapshots.module.css";
import { packetsOf } from "./words";

export default function Snapshots() {
  const { data, error, isPending, refetch } = useSnapshots();
  const [doomed, setDoomed] = useState<Snapshot | null>(null);
  const remove = useDelete();
  return (
    <section className={css.page} aria-label="Snapshots">
      <div className={css.column}>
        <Create />
        {isPending ? <Progress label="Loading the snapshots" /> : null}
        {error ? <FaultPanel error={error} retry={() => void refetch()} /> : null}
        {data && data.snapshots.length === 0 ? (
          <p className={css.faint}>
            No snapshot was made yet. One keeps the time that is shown now for good, whatever the live store lets go.
          </p>
        ) : null}
        {data?.snapshots.map((snapshot) => (
          <Card key={snapshot.id} snapshot={snapshot} onDelete={() => setDoomed(snapshot)} />
        ))}
      </div>
      <Dialog title="Delete the snapshot?" open={doomed !== null} onClose={() => setDoomed(null)}>
        <p>
          {doomed?.name || doomed?.id} holds {plural(doomed?.entries ?? 0, "entry", "entries")},{" "}
          {doomed ? packetsOf(doomed) : ""}. It can’t be had back.
        </p>
        <div className={css.buttons}>
          <Button onClick={() => setDoomed(null)}>Keep it</Button>
          <Button
            look="danger"
            onClick={() => {
              if (doomed) remove.mutate(doomed.id);
              setDoomed(null);
            }}
          >
            Delete
          </Button>
        </div>
      </Dialog>
    </section>
  );
}

function Create() {
  const scope = useScope();
  const clock = usePreferences((preferences) => preferences.clock);
  const [name, setName] = useState("");
  const [packets, setPackets] = useState(true);
  const [isFiltered, setFiltered] = useState(false);
  const create = useCreate();
  const mayControl = useMayControl();
  const shown = times(scope.range);
  if (scope.snapshot !== "") return <p className={css.faint}>A snapshot is shown; leave it to make another.</p>;
  return (
    <form
      className={css.create}
      onSubmit={(event) => {
        event.preventDefault();
        const ends = times(scope.range);
        create.mutate({
          name: name.trim(),
          filter: scope.filter,
          is_filtered: isFiltered && scope.filter !== "",
          packets,
          ...(ends ? { from: fromMicros(ends.fromUs), to: fromMicros(ends.toUs) } : {}),
        });
        setName("");
      }}
    >
      <h2>Freeze what is shown</h2>
      <p className={css.faint}>
        {shown ? span(shown.fromUs, shown.toUs, clock, serverNowUs()) : "All that is stored"}
        {scope.filter ? "" : ", all entries"}
      </p>
      {scope.filter ? (
        <fieldset className={css.keeps}>
          <legend>
            With the filter <code>{scope.filter}</code>
          </legend>
          <label>
            <input type="radio" name="keeps" checked={!isFiltered} onChange={() => setFiltered(false)} />
            keep all of this time; the filter is the bookmark that it opens with
          </label>
          <label>
            <input type="radio" name="keeps" checked={isFiltered} onChange={() => setFiltered(true)} />
            keep only what matches, and the packets of these connections
          </label>
        </fieldset>
      ) : null}
      <div className={css.line}>
        <input
          className={ui.field}
          placeholder="A name, if you like"
          aria-label="Name of the snapshot"
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <label>
          <input type="checkbox" checked={packets} onChange={(event) => setPackets(event.target.checked)} />
          with raw packets (they hold secrets unredacted)
        </label>
        <Button type="submit" look="main" disabled={create.isPending || !mayControl}>
          {create.isPending ? "Making it…" : "Make a snapshot"}
        </Button>
      </div>
    </form>
  );
}

function Card({ snapshot, onDelete }: { snapshot: Snapshot; onDelete: () => void }) {
  const clock = usePreferences((preferences) => preferences.clock);
  const isOpen = usePlace().snapshot === snapshot.id;
  const isReady = snapshot.state === "ready";
  const mayControl = useMayControl();
  const when =
    snapshot.from && snapshot.to
      ? span(toMicros(snapshot.from), toMicros(snapshot.to), clock, serverNowUs())
      : "all that was stored";
  return (
    <article className={css.card} data-open={isOpen || undefined}>
      <div className={css.about}>
        <h2>{snapshot.name || snapshot.id}</h2>
        <p>{when}</p>
        {snapshot.filter ? (
          <p>
            {snapshot.is_filtered ? "Only what matches " : "All of this time; opens with "}
            <code>{snapshot.filter}</code>
          </p>
        ) : null}
        <p className={css.faint}>
          {plural(snapshot.entries, "entry", "entries")}, {packetsOf(snapshot)}, {bytes(snapshot.bytes)} on the disk;
          made {precise(toMicros(snapshot.created), clock)}
        </p>
        {snapshot.note ? <p className={css.warn}>{snapshot.note}</p> : null}
        {snapshot.state === "creating" ? <Progress label="The snapshot is being made" /> : null}
      </div>
      <div className={css.buttons}>
        <Button
          look="main"
          disabled={!isReady || isOpen}
          onClick={() =>
            go({ snapshot: snapshot.id, view: "stream", range: null, filter: snapshot.filter, entry: null })
          }
        >
          {isOpen ? "Shown now" : "Browse"}
        </Button>
        <Button
          disabled={!isReady}
          onClick={() => window.location.assign(fileAddress(`/snapshots/${snapshot.id}/export`, {}))}
        >
          Export
        </Button>
        <Button look="danger" disabled={snapshot.state === "creating" || isOpen || !mayControl} onClick={onDelete}>
          Delete
        </Button>
      </div>
    </article>
  );
}
