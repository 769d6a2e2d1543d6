import { expect, test } from "vitest";
import { columns, darkSteps, headroom } from "./steps";

const step = (time: string, outcomes: Record<string, number>, stages: string[] = []) => ({
  time,
  calls: 0,
  outcomes,
  bytes: 0,
  p50_us: null,
  p95_us: 500,
  loss:
    stages.length > 0
      ? { total: 1, causes: stages.map((stage) => ({ stage, cause: "x", count: 1, unit: "packets" })) }
      : undefined,
});

test("empty steps are there, outcomes are stacked as rates", () => {
  const of = columns({
    from: "2026-01-01T00:00:00Z",
    to: "2026-01-01T00:00:40Z",
    step_ms: 10_000,
    steps: [
      step("2026-01-01T00:00:00Z", { ok: 20, failed: 10 }, ["identity"]),
      step("2026-01-01T00:00:20Z", { server_error: 5 }, ["capture"]),
    ],
    loss: { total: 0, causes: [] },
    took_ms: 1,
  } as never);
  if (!of) throw new Error("no columns");
  expect(of.times.map((time) => time - (of.times[0] as number))).toEqual([0, 10, 20, 30]);
  expect(of.tops.map((top) => top[0])).toEqual([2, 2, 2, 2, 3]);
  expect(of.tops.at(-1)).toEqual([3, 0, 0.5, 0]);
  expect(of.p95).toEqual([500, null, 500, null]);
  expect(darkSteps(of)).toEqual([2]);
});

test("rare calls are as tall as many", () => {
  expect(headroom(0.0001) / 0.0001).toBeCloseTo(headroom(200) / 200);
  expect(headroom(0)).toBeGreaterThan(0);
});

test("nothing stored has no columns", () => {
  expect(columns({ from: null, to: null, step_ms: 1000, steps: [] } as never)).toBeNull();
});
