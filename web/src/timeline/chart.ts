// The chart of the timeline: stacked bars of calls a second, a line of the 95th percentile, hatches where something was lost.
import uPlot from "uplot";
import { micros, rate } from "../format/number";
import type { Clock } from "../format/time";
import { color } from "../theme/preferences";
import { type Columns, darkSteps, headroom } from "./steps";

export interface ChartEvents {
  onSelect: (fromUs: number, toUs: number) => void;
  onReset: () => void;
  onHover: (index: number | null) => void;
}

/** The colours of the outcomes, in the order in which they are stacked. */
export const OUTCOME_COLORS = ["calls-ok", "calls-open", "calls-client", "calls-server", "calls-failed"] as const;

export function makeChart(host: HTMLElement, columns: Columns, clock: Clock, events: ChartEvents): uPlot {
  const bars = (uPlot.paths.bars as NonNullable<typeof uPlot.paths.bars>)({ size: [0.86, 40], align: 1 });
  let held = columns;
  const axis = color("text-faint");
  const font = `11px ${color("font")}`;
  // The tallest stack is drawn first, and those below it over it.
  const stacked = OUTCOME_COLORS.map(
    (name): uPlot.Series => ({ scale: "y", fill: color(name), width: 0, paths: bars, points: { show: false } }),
  ).reverse();

  const chart: uPlot = new uPlot(
    {
      width: Math.max(200, host.clientWidth),
      height: host.clientHeight,
      padding: [8, 8, 0, 8],
      legend: { show: false },
      cursor: {
        y: false,
        points: { show: false },
        drag: { x: true, y: false, setScale: false, dist: 6 },
        bind: {
          dblclick: () => () => {
            events.onReset();
            return null;
          },
        },
      },
      tzDate: (seconds) =>
        clock === "utc" ? uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC") : new Date(seconds * 1000),
      scales: {
        x: { time: true, range: () => [held.times[0] ?? 0, (held.times.at(-1) ?? 1) + held.stepSeconds] },
        y: { range: (_, __, most) => [0, headroom(most)] },
        us: { range: (_, __, most) => [0, Math.max(most * 1.2, 1)] },
      },
      axes: [
        {
          stroke: axis,
          font,
          size: 18,
          gap: 2,
          // A label with seconds, and air on both sides.
          space: 72,
          grid: { show: false },
          ticks: { show: false },
          values: (_, splits, __, ___, step) => splits.map((at) => timeLabel(at, step, clock)),
        },
        {
          scale: "y",
          stroke: axis,
          font,
          size: 56,
          grid: { stroke: color("line"), width: 1 },
          ticks: { show: false },
          splits: (_, __, ___, most) => [0, most / 1.1],
          values: (_, splits) => splits.map((at) => (at === 0 || isBare(held) ? "" : rate(at))),
        },
        {
          scale: "us",
          side: 1,
          stroke: axis,
          font,
          size: 64,
          grid: { show: false },
          ticks: { show: false },
          splits: (_, __, ___, most) => [most / 1.2],
          values: (_, splits) => splits.map((at) => (at > 1 ? micros(at) : "")),
        },
      ],
      series: [
        {},
        ...stacked,
        { scale: "us", stroke: color("accent"), width: 1, spanGaps: false, points: { size: 3, fill: color("accent") } },
      ],
      hooks: {
        drawClear: [(plot) => drawLoss(plot, held)],
        setCursor: [(plot) => events.onHover(plot.cursor.idx ?? null)],
        setSelect: [
          (plot) => {
            if (plot.select.width < 4) return;
            const at = (px: number) => plot.posToVal(px, "x") * 1e6;
            events.onSelect(Math.floor(at(plot.select.left)), Math.ceil(at(plot.select.left + plot.select.width)));
            plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          },
        ],
      },
    },
    data(columns),
    host,
  );
  // The chart asks for the columns when it draws: they change with the data.
  (chart as Held).hold = (next) => {
    held = next;
    chart.setData(data(next));
  };
  return chart;
}

type Held = uPlot & { hold?: (columns: Columns) => void };

/** Shows other columns in the same chart. */
export const showColumns = (chart: uPlot, columns: Columns): void => (chart as Held).hold?.(columns);

const isBare = (of: Columns): boolean => of.steps.every((step) => (step?.calls ?? 0) === 0);

const data = (of: Columns): uPlot.AlignedData => [of.times, ...of.tops.toReversed(), of.p95];

/** Hatches over the steps in which something was lost: darkness is visible where it happened. */
function drawLoss(plot: uPlot, of: Columns): void {
  const dark = darkSteps(of);
  if (dark.length === 0) return;
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.fillStyle = color("warn-soft");
  ctx.strokeStyle = color("loss");
  ctx.lineWidth = devicePixelRatio;
  for (const at of dark) {
    const start = of.times[at] ?? 0;
    const left = plot.valToPos(start, "x", true);
    const width = Math.max(3, plot.valToPos(start + of.stepSeconds, "x", true) - left);
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, bbox.top, width, bbox.height);
    ctx.clip();
    ctx.fill();
    ctx.beginPath();
    const gap = 6 * devicePixelRatio;
    for (let x = left - bbox.height - ((left - bbox.height) % gap); x < left + width; x += gap) {
      ctx.moveTo(x, bbox.top + bbox.height);
      ctx.lineTo(x + bbox.height, bbox.top);
    }
    ctx.stroke();
    ctx.restore();
  }
  ctx.restore();
}

function timeLabel(seconds: number, step: number, clock: Clock): string {
  const date = new Date(seconds * 1000);
  const zone = clock === "utc" ? { timeZone: "UTC" } : {};
  if (step >= 86_400) return date.toLocaleDateString("en-CA", zone);
  const time = date.toLocaleTimeString("en-GB", { ...zone, hour: "2-digit", minute: "2-digit" });
  if (step < 1) return `${date.toLocaleTimeString("en-GB", zone)}.${String(date.getMilliseconds()).padStart(3, "0")}`;
  return step < 60 ? date.toLocaleTimeString("en-GB", zone) : time;
}
