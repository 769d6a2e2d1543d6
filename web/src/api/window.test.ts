import { expect, test } from "vitest";
import { recordedSeconds } from "./window";

const MINUTE = 60e6;
const start = Date.parse("2026-01-01T12:00:00Z") * 1000;

test("rates are told by the time in which something was recorded", () => {
  const hour = { kind: "span", fromUs: start, toUs: start + 60 * MINUTE } as const;
  expect(recordedSeconds(hour, null)).toBe(3600);
  expect(recordedSeconds(hour, "2026-01-01T12:50:00Z")).toBe(600);
  expect(recordedSeconds(hour, "2025-01-01T00:00:00Z")).toBe(3600);
  expect(recordedSeconds(hour, "2027-01-01T00:00:00Z")).toBe(1);
  expect(recordedSeconds({ kind: "all" }, null)).toBeNull();
});
