// The time range: the last so many minutes, a span between two times, or all there is; and which clock tells times.
import { CalendarClock } from "lucide-react";
import { useEffect, useState } from "react";
import { useScope } from "../api/queries";
import { times } from "../api/window";
import { long } from "../format/number";
import { type Clock, span } from "../format/time";
import { serverNowUs } from "../live/clock";
import { usePreferences } from "../theme/preferences";
import { Button } from "../ui/Button";
import { Segments } from "../ui/Controls";
import { Popover } from "../ui/Popup";
import ui from "../ui/ui.module.css";
import type { Range } from "../url/location";
import { go } from "../url/usePlace";
import css from "./app.module.css";
import { fromInput, toInput } from "./timeInput";

const LAST = [60, 300, 900, 3600, 21_600, 86_400, 604_800];

export function TimeRange() {
  const [isOpen, setIsOpen] = useState(false);
  const scope = useScope();
  const { clock, change } = usePreferences();
  const choose = (range: Range) => {
    go({ range });
    setIsOpen(false);
  };
  return (
    <Popover
      open={isOpen}
      onOpenChange={setIsOpen}
      align="end"
      label="Time range"
      trigger={
        <Button className={css.range} aria-label={`Time range: ${words(scope.range, clock)}`}>
          <CalendarClock size={14} aria-hidden />
          <span>{words(scope.range, clock)}</span>
        </Button>
      }
    >
      <div className={css.rangeBox}>
        <div className={css.rangeQuick}>
          {LAST.map((seconds) => (
            <button
              key={seconds}
              type="button"
              className={ui.item}
              aria-pressed={scope.range.kind === "last" && scope.range.seconds === seconds}
              onClick={() => choose({ kind: "last", seconds })}
            >
              Last {long(seconds)}
            </button>
          ))}
          <button
            type="button"
            className={ui.item}
            aria-pressed={scope.range.kind === "all"}
            onClick={() => choose({ kind: "all" })}
          >
            All that is stored
          </button>
        </div>
        <Span range={scope.range} clock={clock} onChoose={choose} />
        <div className={css.rangeClock}>
          <span>Times are told in</span>
          <Segments
            label="Clock"
            value={clock}
            options={[
              { value: "local", label: "local time" },
              { value: "utc", label: "UTC" },
            ]}
            onChange={(value) => change({ clock: value })}
          />
        </div>
      </div>
    </Popover>
  );
}

function Span({ range, clock, onChoose }: { range: Range; clock: Clock; onChoose: (range: Range) => void }) {
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  // biome-ignore lint/correctness/useExhaustiveDependencies: the ends are taken over once, when the box opens.
  useEffect(() => {
    const now = times(range) ?? { fromUs: serverNowUs() - 3600e6, toUs: serverNowUs() };
    setFrom(toInput(now.fromUs, clock));
    setTo(toInput(now.toUs, clock));
  }, [clock]);
  const fromUs = fromInput(from, clock);
  const toUs = fromInput(to, clock);
  const isGood = fromUs !== null && toUs !== null && toUs > fromUs;
  return (
    <form
      className={css.rangeSpan}
      onSubmit={(event) => {
        event.preventDefault();
        if (isGood) onChoose({ kind: "span", fromUs, toUs });
      }}
    >
      <label>
        From
        <input
          className={ui.field}
          type="datetime-local"
          step="1"
          value={from}
          onChange={(event) => setFrom(event.target.value)}
        />
      </label>
      <label>
        To
        <input
          className={ui.field}
          type="datetime-local"
          step="1"
          value={to}
          onChange={(event) => setTo(event.target.value)}
        />
      </label>
      <Button type="submit" look="main" disabled={!isGood}>
        Show this span
      </Button>
    </form>
  );
}

function words(range: Range, clock: Clock): string {
  if (range.kind === "last") return `Last ${long(range.seconds)}`;
  if (range.kind === "all") return "All that is stored";
  return span(range.fromUs, range.toUs, clock, serverNowUs());
}
