// The line at the foot: how much passes, how much is shown, what was lost, what it costs.
import { useLoss, useScope, useStatus, useTotals } from "../api/queries";
import type { LossAnswer } from "../api/types";
import { bytes, count, long, plural, rate } from "../format/number";
import { toMicros } from "../format/time";
import { serverNowUs } from "../live/clock";
import { feed, useFeed } from "../stream/feeder";
import { Popover } from "../ui/Popup";
import { isAboutEntries } from "../url/location";
import { usePlace } from "../url/usePlace";
import { LossTable } from "./LossTable";
import { hidesEntries, lossAmount } from "./loss";
import { shownOf } from "./shown";
import css from "./status.module.css";

export function StatusLine() {
  const scope = useScope();
  const { view } = usePlace();
  const status = useStatus().data;
  const loss = useLoss(scope).data;
  const totals = useTotals(scope).data;
  useFeed();
  const recording = status?.recording;
  const oldestUs = recording?.oldest ? toMicros(recording.oldest) : 0;
  return (
    <footer className={css.line}>
      {status?.source.is_growing ? (
        <span>{rate(status.rates.entries_per_second).replace("/", " entries/")}</span>
      ) : null}
      {isAboutEntries(view) ? (
        <span title="Rows in the list, of the calls of this time that match; older ones load as one scrolls">
          {shownOf(view === "stream" ? feed.list.rowCount : null, totals?.row?.calls ?? null)}
        </span>
      ) : null}
      {loss ? <Loss loss={loss} /> : null}
      {totals && totals.unreadable.length > 0 ? (
        <span
          className={css.unreadable}
          title={totals.unreadable.map((one) => `${one.name}: ${one.reason}`).join("\n")}
        >
          {plural(totals.unreadable.length, "stored segment")} can’t be read
        </span>
      ) : null}
      <span className={css.grow} />
      {status && !status.is_redacting && status.source.kind === "live" ? (
        <span title="Secrets are stored as they were sent (--no-redact)">not redacted</span>
      ) : null}
      {status ? (
        <span className={css.aside} title={`Resident: ${bytes(status.memory.resident_bytes)}`}>
          Memory {bytes(status.memory.used_bytes)}
        </span>
      ) : null}
      {recording?.is_on ? (
        <span title={`${count(recording.entries)} entries; raw packets: ${bytes(recording.ring_bytes)}`}>
          Recording {bytes(recording.bytes + recording.ring_bytes)}
          {oldestUs > 0 && status?.source.kind === "live" ? `, ${long((serverNowUs() - oldestUs) / 1e6)} back` : ""}
        </span>
      ) : null}
      {recording && !recording.is_on ? <span>Not recording</span> : null}
    </footer>
  );
}

function Loss({ loss }: { loss: LossAnswer }) {
  const isLossy = loss.causes.some(hidesEntries);
  const unnamed = loss.causes.reduce((sum, cause) => sum + (cause.stage === "identity" ? cause.count : 0), 0);
  return (
    <Popover
      side="top"
      label="Losses of the shown time"
      trigger={
        <button type="button" className={css.loss} data-lossy={isLossy || undefined}>
          {isLossy ? <i className={css.hatch} aria-hidden /> : null}
          {isLossy ? lossWords(loss) : "Nothing lost"}
          {unnamed > 0 ? <span className={css.unnamed}>{plural(unnamed, "endpoint")} not named</span> : null}
        </button>
      }
    >
      <div className={css.lossBox}>
        {loss.total > 0 ? (
          <>
            <p>
              {isLossy
                ? "What was not seen or not kept in the shown time:"
                : "No call of the shown time was hidden. What was set aside or has no name:"}
            </p>
            <LossTable loss={loss} />
          </>
        ) : (
          <p>Everything that passed in the shown time was seen and kept.</p>
        )}
      </div>
    </Popover>
  );
}

/** The losses that hide entries in few words, by what is counted. */
export function lossWords(loss: LossAnswer): string {
  const sums = new Map<string, number>();
  for (const { unit, count: amount } of loss.causes.filter(hidesEntries))
    sums.set(unit, (sums.get(unit) ?? 0) + amount);
  const parts = [...sums].map(([unit, amount]) => lossAmount(amount, unit));
  return `Lost: ${parts.join(", ")}`;
}
