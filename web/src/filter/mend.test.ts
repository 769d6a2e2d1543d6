import { expect, test } from "vitest";
import { mend, mended } from "./mend";

test("the word concerned is replaced by what is proposed", () => {
  const error = { code: "bad_filter", message: "unknown name htp", column: 11, hint: "did you mean http?" };
  expect(mend(error)).toBe("http");
  expect(mend({ ...error, hint: "write a number" })).toBeNull();
  expect(mended('"日本" && htp.x || a', 9, "http")).toBe('"日本" && http || a');
});

test("a single = is doubled, and clauses side by side are joined", () => {
  const single = { code: "bad_filter", message: "unexpected character '='", column: 13, expected: "==" };
  expect(mended("status_code = 500", 13, mend(single) ?? "")).toBe("status_code == 500");
  const expected = "an operator or the end of the query";
  const beside = { code: "bad_filter", message: "unexpected status_code", column: 6, expected };
  expect(mended("http status_code >= 500", 6, mend(beside) ?? "")).toBe("http && status_code >= 500");
  expect(mend({ ...beside, message: "unexpected .0" })).toBeNull();
});
