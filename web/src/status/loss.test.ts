import { expect, test } from "vitest";
import { hidesEntries } from "./loss";

test("what hides no call does not count as a loss", () => {
  const hides = (stage: string, cause: string) => hidesEntries({ stage, cause });
  expect(hides("capture", "kernel drop")).toBe(true);
  expect(hides("wire", "malformed header")).toBe(true);
  expect(hides("reassembly", "overlap conflict")).toBe(true);
  expect(hides("wire", "not IP")).toBe(false);
  expect(hides("reassembly", "overlap unchecked")).toBe(false);
  expect(hides("identity", "process ended")).toBe(false);
});
