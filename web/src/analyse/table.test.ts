import { expect, test } from "vitest";
import { asCsv, courses, sorted, stepFor } from "./table";

const row = (name: string, calls: number, time?: string, p95: number | null = null) => ({
  by: { path: name },
  time,
  calls,
  answered: calls,
  errors: 0,
  client_errors: 0,
  bytes: 1,
  p50_us: null,
  p95_us: p95,
  p99_us: null,
});

test("rows are sorted by a figure, unknown ones last", () => {
  const rows = [row("a", 1, undefined, 5), row("b", 3), row("c", 2, undefined, 9)];
  expect(sorted(rows, "calls").map((one) => one.by.path)).toEqual(["b", "c", "a"]);
  expect(sorted(rows, "p95_us").map((one) => one.by.path)).toEqual(["c", "a", "b"]);
});

test("the course of a group has a point for each step", () => {
  const at = (second: number) => `2026-01-01T00:00:${String(second).padStart(2, "0")}Z`;
  const found = courses({ rows: [row("a", 1, at(0)), row("a", 4, at(20)), row("b", 2, at(10))] } as never, ["path"]);
  expect(found.get('"a"')).toEqual([1, 0, 4]);
  expect(found.get('"b"')).toEqual([0, 2, 0]);
  expect(courses(undefined, ["path"]).size).toBe(0);
});

test("CSV quotes what needs it", () => {
  expect(asCsv([row('a"b,c', 7)], ["path"])).toBe(
    'path,calls,errors,client_errors,bytes,p50_us,p95_us,p99_us\r\n"a""b,c",7,0,0,1,,,\r\n',
  );
});

test("steps are round", () => {
  expect([60, 900, 86_400].map((seconds) => stepFor(seconds))).toEqual(["2s", "30s", "3600s"]);
});
