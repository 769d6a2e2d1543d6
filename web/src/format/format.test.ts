import { expect, test } from "vitest";
import { bytes, long, micros, rate, share, short } from "./number";
import { ago, dayAndTime, fromMicros, precise, span, timeOfDay, toMicros } from "./time";

test("durations take the unit that reads best", () => {
  expect([0, 71, 6043, 21_000, 367_000, 2_100_000, 125e6].map(micros)).toEqual([
    "0 µs",
    "71 µs",
    "6.04 ms",
    "21 ms",
    "367 ms",
    "2.1 s",
    "2 min 5 s",
  ]);
  expect(long(93_600)).toBe("1 d 2 h");
  expect(long(3600)).toBe("1 h");
});

test("counts and sizes are short", () => {
  expect([5, 0.5, 950, 12_345, 99_960, 999_600, 4_100_000].map(short)).toEqual([
    "5",
    "0.5",
    "950",
    "12.3k",
    "100k",
    "1M",
    "4.1M",
  ]);
  expect([42, 1536, 1_048_576].map(bytes)).toEqual(["42 B", "1.5 KiB", "1 MiB"]);
  expect([0, 3.33, 1234, 0.1, 0.02, 0.001, 1e-5].map(rate)).toEqual([
    "0/s",
    "3.3/s",
    "1.2k/s",
    "0.1/s",
    "1.2/min",
    "3.6/h",
    "<0.1/h",
  ]);
  expect([share(0, 5), share(1, 3000), share(1, 8), share(1, 0)]).toEqual(["0 %", "<0.1 %", "13 %", "0 %"]);
});

test("times keep their microseconds", () => {
  const us = toMicros("2026-11-25T21:52:51.158207086Z");
  expect(us).toBe(1_795_643_571_158_207);
  expect(fromMicros(us)).toBe("2026-11-25T21:52:51.158207Z");
  expect(timeOfDay(us, "utc")).toBe("21:52:51.158");
  expect(precise(us, "utc")).toBe("2026-11-25 21:52:51.158207 UTC");
  expect(toMicros("nonsense")).toBe(0);
});

test("a span names the day only where it is needed", () => {
  const noon = toMicros("2026-11-25T12:00:00Z");
  expect(span(noon, noon + 60e6, "utc", noon)).toBe("12:00:00 – 12:01:00");
  expect(span(noon, noon + 60e6, "utc", noon + 86_400e6)).toBe("2026-11-25 12:00:00 – 12:01:00");
  expect(span(noon, noon + 86_400e6, "utc", noon)).toBe("2026-11-25 12:00:00 – 2026-11-26 12:00:00");
  expect(ago(noon, noon + 65e6)).toBe("65 s");
  expect(ago(noon, noon + 7200e6)).toBe("2 h");
});

test("a time of another day names the day", () => {
  const us = toMicros("2026-11-25T21:52:51.158Z");
  expect(dayAndTime(us, "utc", us + 60e6)).toBe("21:52:51.158");
  expect(dayAndTime(us, "utc", us + 86_400e6)).toBe("11-25 21:52:51.158");
  expect(dayAndTime(us, "utc", us + 365 * 86_400e6)).toBe("2026-11-25 21:52:51");
});
