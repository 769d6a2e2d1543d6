import { expect, test } from "vitest";
import type { Entry } from "../entry/entry";
import { relations, traceOf } from "./related";

const entry = (headers: Record<string, string>): Entry => ({
  id: 1,
  timestamp: "",
  protocol: "http",
  src: {},
  dst: { name: "orders", ip: "10.0.0.9" },
  conn_id: 26,
  method: "GET",
  url: "/a",
  request: { headers },
});

test("traces are found by the headers that carry them", () => {
  const id = "0af7651916cd43dd8448eb211c80319c";
  expect(traceOf(entry({ traceparent: `00-${id}-b7ad6b7169203331-01` }))).toEqual({
    id,
    filter: `request.headers["traceparent"].contains("${id}")`,
  });
  expect(traceOf(entry({ "x-request-id": "r-1" }))?.filter).toBe('request.headers["x-request-id"] == "r-1"');
  expect(traceOf(entry({}))).toBeNull();
});

test("the same call is one of the same protocol, server and summary", () => {
  expect(relations(entry({}), ["method", "url"]).map((relation) => relation.filter)).toEqual([
    'protocol == "http" && dst.name == "orders" && method == "GET" && url == "/a"',
    "conn_id == 26 && !conn && !flow",
  ]);
});
