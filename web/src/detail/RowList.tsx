// A short list of entries, each of which opens.
import { OutcomeCell } from "../entry/Outcome";
import { ProtocolLabel } from "../entry/Protocol";
import type { Row } from "../entry/row";
import { micros } from "../format/number";
import { precise, timeOfDay } from "../format/time";
import { usePreferences } from "../theme/preferences";
import { go } from "../url/usePlace";
import css from "./detail.module.css";

export function RowList({
  rows,
  current,
  empty = "None in this time.",
}: {
  rows: Row[];
  current: number;
  empty?: string;
}) {
  const clock = usePreferences((preferences) => preferences.clock);
  if (rows.length === 0) return <p className={css.faint}>{empty}</p>;
  return (
    <ul className={css.rowList}>
      {rows.map((row) => (
        <li key={row.id}>
          <button
            type="button"
            aria-current={row.id === current ? "true" : undefined}
            onClick={() => go({ entry: row.id, tab: "" })}
          >
            <span className={css.rowTime} title={precise(row.us, clock)}>
              {timeOfDay(row.us, clock)}
            </span>
            <ProtocolLabel name={row.protocol} />
            <OutcomeCell outcome={row.outcome} status={row.status} code={row.code} />
            <span className={css.rowSummary} title={`${row.src} → ${row.dst}`}>
              {row.summary}
            </span>
            <span className={css.took}>{row.elapsedUs === null ? "" : micros(row.elapsedUs)}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}
