import { expect, test } from "vitest";
import { mend, mended } from "./mend";

test("the word concerned is replaced by what is proposed", () => {
  const error = { code: "bad_filter", message: "unknown name htp", column: 11, hint: "did you mean http?" };
  expect(mend(error)).toBe("http");
  expect(mend({ ...error, hint: "write a number" })).toBeNull();
  expect(mended('"日本" && htp.x || a', 9, "http")).toBe('"日本" && http || a');
});
