// The slim timeline above all views: when there was how much, what failed, how slow it was, and when nothing could be seen.
import "uplot/dist/uPlot.min.css";
import { useEffect, useRef, useState } from "react";
import type uPlot from "uplot";
import { useScope, useStatus, useTimeline } from "../api/queries";
import { spread } from "../api/window";
import { OUTCOMES } from "../entry/entry";
import { count, micros, rate } from "../format/number";
import { type Clock, clockTime, timeOfDay } from "../format/time";
import { hidesEntries } from "../status/loss";
import { lossWords } from "../status/StatusLine";
import { onThemeChange, usePreferences } from "../theme/preferences";
import { go, usePlace } from "../url/usePlace";
import { makeChart, OUTCOME_COLORS, showColumns } from "./chart";
import { type Columns, columns } from "./steps";
import css from "./timeline.module.css";

export default function Timeline() {
  const scope = useScope();
  const oldest = useStatus().data?.recording.oldest;
  // A range that the reader chose is shown as it was chosen.
  const isChosen = usePlace().range !== null;
  const range = isChosen ? scope.range : spread(scope.range, oldest);
  const { data, isFetching, error } = useTimeline({ ...scope, range }, STEPS);
  const clock = usePreferences((preferences) => preferences.clock);
  const host = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const [hovered, setHovered] = useState<number | null>(null);
  const [paint, setPaint] = useState(0);
  const shown = data ? columns(data) : null;
  const hasColumns = shown !== null;
  const kept = useRef(shown);
  kept.current = shown;

  useEffect(() => onThemeChange(() => setPaint((at) => at + 1)), []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the chart is made anew when its colours or clock change.
  useEffect(() => {
    const box = host.current;
    if (!box || !kept.current) return;
    const made = makeChart(box, kept.current, clock, {
      onSelect: (fromUs, toUs) => go({ range: { kind: "span", fromUs, toUs } }),
      onReset: () => go({ range: null }),
      onHover: setHovered,
    });
    chart.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: box.clientWidth, height: box.clientHeight }));
    observer.observe(box);
    return () => {
      observer.disconnect();
      made.destroy();
      chart.current = null;
    };
  }, [hasColumns, clock, paint]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the columns follow from the data.
  useEffect(() => {
    if (chart.current && kept.current) showColumns(chart.current, kept.current);
  }, [data]);

  return (
    <section className={css.timeline} aria-label="Timeline" aria-busy={isFetching}>
      <div
        ref={host}
        className={css.chart}
        role="img"
        aria-label={shown ? inWords(shown) : "No calls in this time"}
        title="Drag to choose a span; double click for the range at the start"
      />
      {shown ? (
        <p className={css.legend} data-resting={hovered === null || undefined}>
          {hovered === null ? <Legend /> : <Hover columns={shown} at={hovered} clock={clock} />}
        </p>
      ) : (
        <p className={css.none}>{data && !error ? "No calls in this time" : ""}</p>
      )}
    </section>
  );
}

const Legend = () => (
  <>
    {OUTCOMES.map(({ name, words }, at) => (
      <span key={name}>
        <i style={{ background: `var(--${OUTCOME_COLORS[at]})` }} /> {words}
      </span>
    ))}
    <span>
      <i className={css.line} /> 95th percentile
    </span>
    <span>
      <i className={css.hatch} /> lost
    </span>
  </>
);

function Hover({ columns: of, at, clock }: { columns: Columns; at: number; clock: Clock }) {
  const step = of.steps[at];
  const us = (of.times[at] ?? 0) * 1e6;
  const calls = step?.calls ?? 0;
  return (
    <>
      <span>{of.stepSeconds < 1 ? timeOfDay(us, clock) : clockTime(us, clock)}</span>
      <span>
        {count(calls)} calls, {rate(calls / of.stepSeconds)}
      </span>
      {OUTCOMES.filter(({ name }) => name !== "ok" && (step?.outcomes[name] ?? 0) > 0).map(({ name, words }) => (
        <span key={name}>
          {count(step?.outcomes[name] ?? 0)} {words}
        </span>
      ))}
      {step?.p95_us ? <span>p95 {micros(step.p95_us)}</span> : null}
      {step?.loss?.causes.some(hidesEntries) ? <span className={css.lost}>{lossWords(step.loss)}</span> : null}
    </>
  );
}

function inWords(of: Columns): string {
  const calls = of.steps.reduce((sum, step) => sum + (step?.calls ?? 0), 0);
  const bad = of.steps.reduce(
    (sum, step) => sum + (step?.outcomes.server_error ?? 0) + (step?.outcomes.failed ?? 0),
    0,
  );
  return `${count(calls)} calls, ${count(bad)} of them failed, in ${of.steps.length} steps of ${of.stepSeconds} s`;
}

const STEPS = 180;
