// The time of a call as bars on one line of time.
import type { EntryDetail } from "../api/types";
import type { Entry } from "../entry/entry";
import { long, micros } from "../format/number";
import { toMicros } from "../format/time";
import css from "./detail.module.css";
import { type Phase, phases } from "./phases";
import { useFound } from "./queries";

const WORDS: Record<Phase["name"], string> = {
  connect: "Connect",
  tls: "TLS handshake",
  idle: "Connection idle",
  request: "Request sent",
  waiting: "Waiting",
  response: "Response",
};

export function CallWaterfall({ detail, entry }: { detail: EntryDetail; entry: Entry }) {
  const inside = useInside(detail.connection.id, entry.index === 0);
  const found = phases(detail, inside);
  const first = found[0];
  if (!first) return null;
  // Halves of a call may overlap: the last to begin need not be the last to end.
  const whole = Math.max(1, Math.max(...found.map((phase) => phase.endUs)) - first.startUs);
  const place = (us: number) => (100 * (us - first.startUs)) / whole;
  const beforeUs = toMicros(entry.timestamp) - toMicros(detail.connection.opened);
  const isLate = first.name === "request" && beforeUs > 1_000_000;
  return (
    <section className={css.waterfall} aria-label="How the time of the call went">
      {found.map((phase) => (
        <div key={phase.name} className={css.phase}>
          <span>{WORDS[phase.name]}</span>
          <span className={css.track}>
            <span
              data-phase={phase.name}
              style={{
                left: `${place(phase.startUs)}%`,
                width: `max(2px, ${place(phase.endUs) - place(phase.startUs)}%)`,
              }}
            />
          </span>
          <span className={css.took}>{micros(phase.endUs - phase.startUs)}</span>
        </div>
      ))}
      {isLate && toMicros(detail.connection.opened) > 0 ? (
        <p className={css.faint}>
          The connection {detail.connection.is_midstream ? "was first seen" : "had been open for"}{" "}
          {long(beforeUs / 1e6)}
          {detail.connection.is_midstream ? " before" : ""}.
        </p>
      ) : null}
    </section>
  );
}

/** The connection's own entry and its TLS handshake. */
export function useInside(connection: number, isWanted = true): { connection?: Entry; tls?: Entry } {
  const found = useFound(`conn_id == ${connection} && (conn || tls)`, 4, isWanted).data ?? [];
  return {
    connection: found.find((one) => one.conn === true),
    tls: found.find((one) => one.conn !== true),
  };
}
