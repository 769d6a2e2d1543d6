import { expect, test } from "vitest";
import { add, both, conjuncts, is, isAnyOf, isNot, lacks } from "./clause";
import { quote } from "./lexer";

test("a value becomes the clause of its type", () => {
  expect(is({ path: "method", type: "string" }, "GET")).toBe('method == "GET"');
  expect(is({ path: "status_code", type: "int" }, 503)).toBe("status_code == 503");
  expect(is({ path: "request.headers", type: "map", key: "x-id" }, 'a"b\\')).toBe(
    'request.headers["x-id"] == "a\\"b\\\\"',
  );
  expect(is({ path: "dns_answers", type: "[]string" }, "10.0.0.1")).toBe('"10.0.0.1" in dns_answers');
  expect(is({ path: "dns_authoritative", type: "bool" }, false)).toBe("!dns_authoritative");
});

test("filtering out keeps entries that lack the key", () => {
  expect(isNot({ path: "method", type: "string" }, "GET")).toBe('method != "GET"');
  expect(isNot({ path: "request.headers", type: "map", key: "a" }, "b")).toBe('!(request.headers["a"] == "b")');
  expect(isNot({ path: "notes", type: "[]string" }, "x")).toBe('!("x" in notes)');
  expect(isNot({ path: "tls_has_ech", type: "bool" }, true)).toBe("!tls_has_ech");
});

test("several values become one clause", () => {
  expect(isAnyOf({ path: "dst.name", type: "string" }, ["a", "b"])).toBe('dst.name in ["a", "b"]');
  expect(isAnyOf({ path: "notes", type: "[]string" }, ["a", "b"])).toBe('("a" in notes || "b" in notes)');
});

test("a clause is added once, and replaces what it contradicts", () => {
  expect(add("", "http")).toBe("http");
  expect(add("http", 'method == "GET"')).toBe('http && method == "GET"');
  expect(add("http && dns", "dns")).toBe("http && dns");
  expect(add('http && method == "GET"', 'method != "GET"', 'method == "GET"')).toBe('http && method != "GET"');
});

test("other forms of logic are kept whole in parentheses", () => {
  expect(add("a or b", "http")).toBe("(a or b) && http");
  expect(add("a || b && c", "http")).toBe("(a || b && c) && http");
  expect(add("(a || b) && c", "http")).toBe("(a || b) && c && http");
  expect(add('path == "x || y"', "http")).toBe('path == "x || y" && http');
  expect(add("http # all", "dns")).toBe("(http # all\n) && dns");
  expect(conjuncts("[1, 2].exists(x, x == 1 || x == 2) && http")).toHaveLength(2);
  expect(both("a or b", "c && d")).toBe("(a or b) && c && d");
});

test("strings are quoted so that any text survives", () => {
  expect(quote('tab\t "q" \\ \n é \u0001')).toBe('"tab\\t \\"q\\" \\\\ \\n é \\x01"');
});

test("entries that lack a field are asked for by its name, or by its key", () => {
  expect(lacks({ path: "dst.name", type: "string" })).toBe("!has(dst.name)");
  expect(lacks({ path: "request.headers", key: "x-id", type: "map" })).toBe('!has(request.headers["x-id"])');
});
