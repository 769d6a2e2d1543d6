import { expect, test } from "vitest";
import { positionAt } from "./context";

test.each([
  ["", { kind: "name", from: 0, text: "" }],
  ["htt", { kind: "name", from: 0, text: "htt" }],
  ["src.", { kind: "name", from: 0, text: "src." }],
  ["http && me", { kind: "name", from: 8, text: "me" }],
  ["http && ", { kind: "name", from: 8, text: "" }],
  ["(", { kind: "name", from: 1, text: "" }],
  ["method ", { kind: "operator", from: 7, field: "method" }],
  ['method == "G', { kind: "value", from: 11, text: "G", field: "method", isQuoted: true }],
  ["method == ", { kind: "value", from: 10, text: "", field: "method", isQuoted: false }],
  ["status_code >= 5", { kind: "value", from: 15, text: "5", field: "status_code", isQuoted: false }],
  ['method in ["GET", "P', { kind: "value", from: 19, text: "P", field: "method", isQuoted: true }],
  ['request.headers["ho', { kind: "key", from: 17, text: "ho", field: "request.headers" }],
  [
    'request.headers["host"] == "a',
    { kind: "value", from: 28, text: "a", field: 'request.headers["host"]', isQuoted: true },
  ],
  ['request.headers["host"] ', { kind: "operator", from: 24, field: 'request.headers["host"]' }],
  ['method == "GET" ', { kind: "nothing" }],
  ["# words", { kind: "nothing" }],
])("%j", (before, expected) => {
  expect(positionAt(before)).toEqual(expected);
});
