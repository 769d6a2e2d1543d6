// The connection that carried the entry: its facts, its TLS session, its calls, its packets, and the flow above it.
import { useFields } from "../api/queries";
import type { EntryDetail } from "../api/types";
import type { Entry } from "../entry/entry";
import { precise, toMicros } from "../format/time";
import { usePreferences } from "../theme/preferences";
import { Button } from "../ui/Button";
import { Progress } from "../ui/Controls";
import { go } from "../url/usePlace";
import css from "./detail.module.css";
import { FieldTable } from "./FieldTable";
import { PacketList } from "./PacketList";
import { useFound, useRows } from "./queries";
import { RowList } from "./RowList";
import { allValues } from "./sides";
import { useInside } from "./Waterfall";

export function ConnectionTab({ detail, entry }: { detail: EntryDetail; entry: Entry }) {
  const { connection: brief } = detail;
  const clock = usePreferences((preferences) => preferences.clock);
  const fields = useFields().data?.fields ?? [];
  const inside = useInside(brief.id, entry.flow !== true);
  const calls = useFound(`conn_id == ${brief.id} && !conn && !flow`, 50, entry.flow !== true);
  const flow = useFound(`flow && flow_id == ${brief.flow_id}`, 1);
  const own = entry.flow ? entry : (inside.connection ?? (entry.conn ? entry : undefined));
  const flowEntry = flow.data?.[0];
  const transport = own ? allValues(own, fields).filter((one) => one.field.protocols.length > 0) : [];
  const tls = inside.tls ? allValues(inside.tls, fields).filter((one) => one.field.protocols.length > 0) : [];
  const callRows = useRows(calls.data);
  return (
    <>
      <p className={css.lead}>
        {brief.transport.toUpperCase()} {brief.client} → {brief.server}, {brief.is_midstream ? "first seen" : "opened"}{" "}
        {precise(toMicros(brief.opened), clock)}
        {brief.tunnels.length > 0 ? `, inside ${brief.tunnels.join(", ")}` : ""}
      </p>
      <div className={css.links}>
        <Button onClick={() => go({ filter: `conn_id == ${brief.id}`, view: "stream" })}>All of this connection</Button>
        <Button onClick={() => go({ filter: `flow_id == ${brief.flow_id}`, view: "stream" })}>
          All between these two peers
        </Button>
        {inside.connection && inside.connection.id !== entry.id ? (
          <Button onClick={() => go({ entry: inside.connection?.id ?? null, tab: "connection" })}>
            The connection
          </Button>
        ) : null}
        {flowEntry && flowEntry.id !== entry.id ? (
          <Button onClick={() => go({ entry: flowEntry.id, tab: "connection" })}>The flow</Button>
        ) : null}
      </div>
      {own ? (
        <section className={css.block}>
          <h3>{own.flow ? "Flow" : "Connection"}</h3>
          {STANDING.has(String(own.conn_state)) ? (
            <p className={css.faint}>
              {own.conn_revision === 0
                ? "As it was when it opened: its figures follow when it has been told of anew, or closes."
                : "It still stands, or its end was not seen: these figures are the last ones that were told."}
            </p>
          ) : null}
          <FieldTable rows={transport} title="Facts of the connection" />
        </section>
      ) : (
        <p className={css.faint}>The connection has no entry of its own in this time.</p>
      )}
      {inside.tls ? (
        <section className={css.block}>
          <h3>TLS</h3>
          <FieldTable rows={tls} title="Facts of the TLS session" />
        </section>
      ) : null}
      {entry.flow ? null : (
        <section className={css.block}>
          <h3>
            Calls <small>{callRows.length}</small>
          </h3>
          {calls.isPending ? <Progress label="Loading the calls" /> : <RowList rows={callRows} current={entry.id} />}
        </section>
      )}
      {entry.flow ? null : (
        <section className={css.block}>
          <h3>Packets</h3>
          <PacketList of="connection" id={brief.id} />
        </section>
      )}
    </>
  );
}

/** The states of a connection whose end was not seen. */
const STANDING: ReadonlySet<string> = new Set(["open", "in_progress"]);
