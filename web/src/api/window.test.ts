import { expect, test } from "vitest";
import { recordedSeconds, spread } from "./window";

const MINUTE = 60e6;
const start = Date.parse("2026-01-01T12:00:00Z") * 1000;

test("rates are told by the time in which something was recorded", () => {
  const hour = { kind: "span", fromUs: start, toUs: start + 60 * MINUTE } as const;
  expect(recordedSeconds(hour, null)).toBe(3600);
  const since = (oldest: string) => ({ oldest, newest: "2027-01-01T00:01:00Z" });
  expect(recordedSeconds(hour, since("2026-01-01T12:50:00Z"))).toBe(600);
  expect(recordedSeconds(hour, since("2025-01-01T00:00:00Z"))).toBe(3600);
  expect(recordedSeconds(hour, since("2027-01-01T00:00:00Z"))).toBe(1);
  expect(recordedSeconds({ kind: "all" }, since("2027-01-01T00:00:00Z"))).toBe(60);
  expect(recordedSeconds({ kind: "all" }, null)).toBeNull();
});

test("the first minutes are spread over the timeline", () => {
  const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString();
  const quarter = { kind: "last", seconds: 900 } as const;
  expect(spread(quarter, ago(20))).toEqual({ kind: "last", seconds: 60 });
  expect(spread(quarter, ago(70))).toEqual({ kind: "last", seconds: 120 });
  expect(spread(quarter, ago(700))).toEqual(quarter);
  expect(spread(quarter, ago(90_000))).toEqual(quarter);
  expect(spread(quarter, null)).toEqual(quarter);
  expect(spread({ kind: "all" }, ago(20))).toEqual({ kind: "all" });
});
