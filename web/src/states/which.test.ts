import { expect, test } from "vitest";
import { whichEmpty } from "./which";

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
