import { expect, test } from "vitest";
import { shownOf } from "./shown";

test("the part that is shown is never larger than the whole", () => {
  expect(shownOf(365, 6295)).toBe("365 of 6,295 rows shown");
  expect(shownOf(108, 106)).toBe("108 rows shown");
  expect(shownOf(1, 1)).toBe("1 row shown");
  expect(shownOf(7, null)).toBe("7 rows shown");
  expect(shownOf(null, 6295)).toBe("6,295 calls match");
  expect(shownOf(null, 1)).toBe("1 call matches");
});
