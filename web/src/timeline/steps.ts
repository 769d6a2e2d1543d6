// The timeline as columns for a chart: every step of the window, empty ones too, with outcomes stacked.
import type { LossAnswer, TimelineAnswer } from "../api/types";
import { OUTCOMES } from "../entry/entry";
import { toMicros } from "../format/time";
import { hidesEntries } from "../status/loss";

export interface Columns {
  /** The start of each step in seconds since the epoch. */
  times: number[];
  /** For each outcome, in the order in which they are stacked: its top in calls a second. */
  tops: number[][];
  /** The 95th percentile of the latency in µs; null where nothing was answered. */
  p95: (number | null)[];
  stepSeconds: number;
  steps: (TimelineAnswer["steps"][number] | undefined)[];
}

/** The chart's columns; null where the answer holds no time at all. */
export function columns(answer: TimelineAnswer): Columns | null {
  const stepSeconds = answer.step_ms / 1000;
  if (!answer.from || !answer.to || stepSeconds <= 0) return null;
  const from = toMicros(answer.from) / 1e6;
  const length = Math.min(MOST_STEPS, Math.max(1, Math.round((toMicros(answer.to) / 1e6 - from) / stepSeconds)));
  const steps: Columns["steps"] = new Array(length).fill(undefined);
  for (const step of answer.steps) {
    const at = Math.round((toMicros(step.time) / 1e6 - from) / stepSeconds);
    if (at >= 0 && at < length) steps[at] = step;
  }
  const tops: number[][] = [];
  for (const { name } of OUTCOMES) {
    const below = tops.at(-1);
    tops.push(steps.map((step, at) => (below?.[at] ?? 0) + (step?.outcomes[name] ?? 0) / stepSeconds));
  }
  return {
    times: steps.map((_, at) => from + at * stepSeconds),
    tops,
    p95: steps.map((step) => step?.p95_us ?? null),
    stepSeconds,
    steps,
  };
}

/** The upper end of the scale of calls a second: the tallest bar fills it, however rare the calls are. */
export const headroom = (most: number): number => (most > 0 ? most * 1.1 : 1);

/** The stretches of time in which packets or bytes went unseen, as indexes of steps. */
export function darkSteps(of: Columns): number[] {
  return of.steps.flatMap((step, at) => (step?.loss && hides(step.loss) ? [at] : []));
}

const hides = (loss: LossAnswer): boolean => loss.causes.some(hidesEntries);

const MOST_STEPS = 2000;
