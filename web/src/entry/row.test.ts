import { expect, test } from "vitest";
import { type Entry, selector, textAt, valueAt } from "./entry";
import { plan, sizeFields, summary, toRow } from "./row";

const http: Entry = {
  id: 917504,
  timestamp: "2026-11-25T21:52:51.158361751Z",
  protocol: "http",
  src: { ip: "127.0.0.1", port: 56294, name: "localhost", dns: "localhost" },
  dst: { ip: "::1", port: 45933, process: { name: "lanternfish" } },
  elapsed_time: 6043,
  outcome: "ok",
  status_code: 200,
  method: "GET",
  url: "/cart/4",
  request_headers_size: 128,
  response_body_size: 42,
  request: { headers: { host: "cart.shop.test", accept: ["a", "b"] } },
};

const field = (name: string, protocol: string, unit = "bytes") => ({ name, unit, protocols: [protocol] });

test("a row holds what the stream shows", () => {
  const table = {
    protocols: [{ name: "http", summary: ["method", "url"] }],
    fields: ["request_headers_size", "request_body_size", "response_body_size"].map((name) => field(name, "http")),
  } as never;
  const row = toRow(http, plan(table, ['request.headers["HOST"]', "dst.process.name"]));
  expect(row).toMatchObject({
    id: 917504,
    us: 1_795_643_571_158_361,
    kind: "call",
    summary: "GET /cart/4",
    src: "localhost",
    dst: "[::1]:45933",
    bytes: 170,
    extra: ["cart.shop.test", "lanternfish"],
  });
});

test("a response code is told in words, a failed connection by why it failed", () => {
  const table = {
    protocols: [
      { name: "dns", summary: ["dns_questions"] },
      { name: "tcp", summary: ["conn_state"] },
    ],
    fields: [{ ...field("dns_response_code", "dns", ""), type: "string" }],
  } as never;
  const by = plan(table, []);
  const side = { src: {}, dst: {}, timestamp: "", id: 1 };
  const dns = { ...side, protocol: "dns", dns_questions: ["db"], status_code: 3, dns_response_code: "NXDOMAIN" };
  expect(toRow(dns, by)).toMatchObject({ code: "NXDOMAIN", summary: "db", status: 3 });
  const refused = { ...side, protocol: "tcp", conn: true, conn_state: "closed", tcp_error_message: "refused" };
  expect(toRow(refused, by)).toMatchObject({ code: "", summary: "refused", kind: "connection" });
});

test("parts of a summary that repeat are said once", () => {
  const redis = { redis_type: "GET", redis_command: "GET user:7", redis_key: "user:7" } as unknown as Entry;
  expect(summary(redis, ["redis_type", "redis_command", "redis_key"])).toBe("GET user:7");
  const dns = { dns_questions: ["a", "b", "c", "d"] } as unknown as Entry;
  expect(summary(dns, ["dns_questions"])).toBe("a, b, c, …");
});

test("the size is the total, or the sum of its parts", () => {
  expect(sizeFields(["dns_request_length", "dns_total_size"])).toEqual(["dns_total_size"]);
  expect(sizeFields(["conn_local_bytes", "conn_local_payload_bytes", "conn_remote_bytes", "tcp_gap_bytes"])).toEqual([
    "conn_local_bytes",
    "conn_remote_bytes",
  ]);
});

test("values are found by path and key", () => {
  expect(selector('request.headers["a\\"b"]')).toEqual({ path: "request.headers", key: 'a"b' });
  expect(valueAt(http, "dst.process.name")).toBe("lanternfish");
  expect(valueAt(http, "constructor")).toBeUndefined();
  expect(valueAt({ ...http, tcp_payload_b64: "AA==" }, "tcp_payload")).toBe("AA==");
  expect(valueAt({ ...http, src: { pod: "a", "pod.name": "b" } }, "src.pod.name")).toBe("b");
  expect(textAt(http, selector('request.headers["accept"]'))).toBe("a, b");
});
