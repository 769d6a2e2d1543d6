// One row of the stream, and one mark for rows that are not drawn.
import { memo } from "react";
import { OutcomeCell } from "../entry/Outcome";
import { ProtocolLabel } from "../entry/Protocol";
import type { Row } from "../entry/row";
import { bytes, micros, plural } from "../format/number";
import { ago, type Clock, dayAndTime, precise } from "../format/time";
import { serverNowUs } from "../live/clock";
import type { ColumnChoice } from "../theme/preferences";
import { columnOf, extraFields } from "./columns";
import type { Gap } from "./list";
import css from "./stream.module.css";

interface StreamRowProps {
  row: Row;
  columns: ColumnChoice[];
  isChosen: boolean;
  clock: Clock;
  /** The time against which ages are told; 0 for absolute times. */
  nowUs: number;
  /** The latency that fills a bar: the 95th percentile of the window. */
  p95Us: number;
}

export const StreamRow = memo(function StreamRow(props: StreamRowProps) {
  const extras = extraFields(props.columns);
  return props.columns.map(({ id }) => (
    // biome-ignore lint/a11y/useSemanticElements: rows of a virtual list can't stand in a table element.
    <div key={id} role="gridcell" tabIndex={-1} className={css.cell} data-number={columnOf(id).isNumber || undefined}>
      {cell(id, props, extras)}
    </div>
  ));
});

function cell(id: string, { row, clock, nowUs, p95Us }: StreamRowProps, extras: string[]) {
  switch (id) {
    case "time":
      return (
        <span className={css.time} title={precise(row.us, clock)}>
          {nowUs > 0 ? ago(row.us, nowUs) : dayAndTime(row.us, clock, serverNowUs())}
        </span>
      );
    case "protocol":
      return <ProtocolLabel name={row.protocol} />;
    case "outcome":
      return <OutcomeCell outcome={row.outcome} status={row.status} code={row.code} />;
    case "summary":
      return (
        <span className={css.summary} title={row.note ? `${row.summary}\n${row.note}` : row.summary}>
          {row.kind === "call" ? null : <i className={css.kind}>{row.kind} </i>}
          {row.summary}
          {row.note ? <i className={css.note}> {row.note}</i> : null}
        </span>
      );
    case "source":
      return <span title={row.srcAddress}>{row.src}</span>;
    case "destination":
      return <span title={row.dstAddress}>{row.dst}</span>;
    case "latency":
      return <Latency row={row} p95Us={p95Us} />;
    case "size":
      return row.bytes === null ? null : bytes(row.bytes);
    default: {
      const value = row.extra[extras.indexOf(id)] ?? "";
      return <span title={value}>{value}</span>;
    }
  }
}

/** The latency with a bar: full at the window's 95th percentile, marked beyond it. */
function Latency({ row, p95Us }: { row: Row; p95Us: number }) {
  if (row.elapsedUs === null) return null;
  const part = p95Us > 0 && row.kind === "call" ? row.elapsedUs / p95Us : 0;
  return (
    <span className={css.latency} title={part > 1 ? "slower than 95 % of the window" : undefined}>
      <span className={css.bar} data-slow={part > 1 || undefined}>
        <span style={{ width: `${Math.min(100, Math.round(100 * part))}%` }} />
      </span>
      {micros(row.elapsedUs)}
    </span>
  );
}

export function GapRow({ gap, onLoad }: { gap: Gap; onLoad: () => void }) {
  return (
    <button type="button" className={css.gap} onClick={onLoad}>
      {gap.count === null
        ? "entries of this time are being loaded"
        : `${plural(gap.count, "stored entry", "stored entries")} not drawn`}
    </button>
  );
}
