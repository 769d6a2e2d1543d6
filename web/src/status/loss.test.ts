import { expect, test } from "vitest";
import { hidesEntries, lossAmount } from "./loss";

test("what hides no call does not count as a loss", () => {
  const hides = (stage: string, cause: string) => hidesEntries({ stage, cause });
  expect(hides("capture", "kernel drop")).toBe(true);
  expect(hides("wire", "malformed header")).toBe(true);
  expect(hides("reassembly", "overlap conflict")).toBe(true);
  expect(hides("wire", "not IP")).toBe(false);
  expect(hides("reassembly", "overlap unchecked")).toBe(false);
  expect(hides("identity", "process ended")).toBe(false);
});

test("an amount is told in the unit that reads best", () => {
  expect(lossAmount(1536, "bytes")).toBe("1.5 KiB");
  expect(lossAmount(2100, "milliseconds")).toBe("2.1 s");
  expect(lossAmount(1200, "packets")).toBe("1,200 packets");
});
