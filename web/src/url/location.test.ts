import { expect, test } from "vitest";
import { absolute, HOME, parse, parseDuration, print } from "./location";

test("a place survives its address", () => {
  const place = {
    ...HOME,
    view: "analyse" as const,
    filter: 'path == "/a?b=c&d" && status_code >= 500',
    range: { kind: "span" as const, fromUs: 1_795_643_571_158_207, toUs: 1_795_643_572_158_207 },
    entry: 9_007_199_254_740_991,
    tab: "hex",
    isAll: true,
    by: ['request.headers["x"]', "path"],
    group: "host",
    focus: "process:curl",
    snapshot: "s1",
  };
  expect(parse(print(place))).toEqual(place);
  expect(print(HOME)).toBe("");
  expect(parse("")).toEqual(HOME);
});

test("nonsense in an address falls back", () => {
  expect(parse("?view=evil&entry=-1&last=never&from=x")).toEqual(HOME);
  expect(parse("?entry=1e99").entry).toBeNull();
  expect(parse("?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z").range).toBeNull();
});

test("durations are read and a shared place is absolute", () => {
  expect(["15m", "2h", "1d", "90s", "0m", "x"].map(parseDuration)).toEqual([900, 7200, 86_400, 90, null, null]);
  const shared = absolute({ ...HOME, range: { kind: "last", seconds: 900 } }, { fromUs: 1, toUs: 2 });
  expect(shared.range).toEqual({ kind: "span", fromUs: 1, toUs: 2 });
});
