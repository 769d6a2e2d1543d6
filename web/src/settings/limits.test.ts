import { expect, test } from "vitest";
import { goes } from "./limits";

test("what goes is said in words, and nothing where nothing goes", () => {
  const nothing = { entries: 0, bytes: 0, packet_bytes: 0 };
  expect(goes(nothing)).toBe("");
  expect(goes({ ...nothing, entries: 1, bytes: 2048 })).toBe("1 entry (2 KiB)");
  expect(goes({ entries: 12_345, bytes: 3 << 20, packet_bytes: 1 << 30 })).toBe(
    "12,345 entries (3 MiB) and 1 GiB of raw packets",
  );
});
