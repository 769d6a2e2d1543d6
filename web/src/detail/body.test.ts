import { expect, test } from "vitest";
import { childPath, fromBase64, fromHex, hexDump, parseJson, pretty, printable } from "./body";

test("bytes are dumped sixteen a line", () => {
  const data = Uint8Array.from({ length: 18 }, (_, at) => at + 60);
  expect(hexDump(data, 16).split("\n")).toEqual([
    "00000010  3c 3d 3e 3f 40 41 42 43  44 45 46 47 48 49 4a 4b  <=>?@ABCDEFGHIJK",
    `00000020  4c 4d${" ".repeat(43)}  LM`,
  ]);
  expect(printable(fromBase64("AGEKYg=="))).toBe("·a\nb");
  expect(fromBase64("not base64!").length).toBe(0);
  expect([...fromHex("00ff1")]).toEqual([0, 255]);
});

test("what can be laid out is, what can't is left alone", () => {
  expect(pretty('{"a":[1]}', "")).toBe('{\n  "a": [\n    1\n  ]\n}');
  expect(pretty("a=1&b=%20x", "application/x-www-form-urlencoded")).toBe("a = 1\nb =  x");
  expect(pretty("<a><b>t</b><br></a>", "text/html")).toBe("<a>\n  <b>\n    t\n  </b>\n  <br>\n</a>");
  expect(pretty("plain", "text/plain")).toBeNull();
  expect(parseJson("12").isJson).toBe(false);
  expect(parseJson("{broken").isJson).toBe(false);
});

test("paths into a body are KFL", () => {
  expect(childPath(childPath(childPath("response.body.json()", "items"), 0), "a-b")).toBe(
    'response.body.json().items[0]["a-b"]',
  );
});
