import { expect, test } from "vitest";
import { keptSince, whichEmpty } from "./which";

const live = (isOn: boolean, rights = ["capture packets"], dark: unknown[] = []) =>
  ({ source: { kind: "live" }, watching: { is_on: isOn, rights }, dark }) as never;
const loss = (stage: string) => ({ causes: [{ stage, cause: "x", count: 1, unit: "packets" }] });

test("each way of seeing nothing is told apart", () => {
  expect(whichEmpty("http", { total: 5 }, undefined, live(true))).toBe("unmatched");
  expect(whichEmpty("http", { total: 0 }, { causes: [] }, live(true))).toBe("nothing");
  expect(whichEmpty("", undefined, { causes: [] }, live(true))).toBe("nothing");
  expect(whichEmpty("", undefined, loss("capture"), live(true))).toBe("dark");
  expect(whichEmpty("", undefined, loss("identity"), live(true))).toBe("nothing");
  expect(whichEmpty("", undefined, undefined, live(false))).toBe("dark");
  expect(whichEmpty("", undefined, undefined, live(true, [], [{ what: "packets" }]))).toBe("dark");
});

test("a time before the recording is told from a time in which nothing passed", () => {
  const status = (oldest: string | null) =>
    ({ started: "2026-01-01T12:00:00Z", recording: { oldest } }) as Parameters<typeof keptSince>[1];
  const [noon, morning] = [1_767_268_800e6, 1_767_258_000e6];
  const before = { kind: "span", fromUs: morning, toUs: noon - 1 } as const;
  expect(keptSince(before, status("2026-01-01T12:00:00Z"))).toBe(noon);
  expect(keptSince(before, status(null))).toBe(noon);
  expect(keptSince({ ...before, toUs: noon + 1 }, status("2026-01-01T12:00:00Z"))).toBeNull();
  expect(keptSince({ kind: "last", seconds: 60 }, status(null))).toBeNull();
});
