import { expect, test } from "vitest";
import type { Entry } from "../entry/entry";
import { asCurl } from "./curl";
import { sentenceOf } from "./sentence";
import { bodyOf, sideOf, sides } from "./sides";

const call: Entry = {
  id: 1,
  timestamp: "2026-11-25T21:52:51.158Z",
  protocol: "http",
  src: { name: "checkout" },
  dst: { name: "orders", ip: "10.0.0.9", port: 80 },
  outcome: "server_error",
  status_code: 503,
  elapsed_time: 2_100_000,
  method: "POST",
  url: "/orders?id='7'",
  http_host: "orders.shop",
  request: { headers: { host: "orders.shop", "x-a": ["1", "2"] }, body: '{"id":"it\'s"}' },
  response: { body_b64: "AAE=" },
};

test("a call reads as a sentence", () => {
  expect(sentenceOf(call, "POST /orders")).toEqual({
    ends: "checkout → orders",
    what: "POST /orders",
    how: "answered 503 after 2.1 s",
  });
  const open = { ...call, outcome: "open", status_code: undefined, elapsed_time: undefined };
  expect(sentenceOf(open, "x").how).toBe("is not answered yet");
  const conn = {
    ...call,
    protocol: "tcp",
    conn: true,
    conn_state: "closed",
    conn_local_bytes: 1000,
    conn_remote_bytes: 24,
  };
  expect(sentenceOf(conn, "x")).toMatchObject({ what: "TCP connection", how: "closed, 2.1 s long, 1 KiB" });
});

test("a request becomes a command that a shell takes as it is", () => {
  expect(asCurl(call)).toBe(
    `curl -X POST 'http://orders.shop/orders?id='\\''7'\\''' -H 'x-a: 1' -H 'x-a: 2' --data-binary '{"id":"it'\\''s"}'`,
  );
  expect(asCurl({ ...call, method: undefined })).toBeNull();
});

test("fields go to their side by name and alias", () => {
  expect(sideOf({ name: "method", aliases: ["request.method"] })).toBe("request");
  expect(sideOf({ name: "status_code", aliases: ["response.status"] })).toBe("response");
  expect(sideOf({ name: "redis_response_type", aliases: [] })).toBe("response");
  expect(sideOf({ name: "dns_questions", aliases: [] })).toBe("both");
  const fields = [
    { name: "method", aliases: ["request.method"], protocols: ["http"], word: false },
    { name: "redis_key", aliases: [], protocols: ["redis"], word: false },
    { name: "request.body", aliases: [], protocols: ["http"], word: false },
  ] as never;
  expect(sides(call, fields)).toEqual({ both: [], response: [], request: [{ field: fields[0], value: "POST" }] });
  expect([bodyOf(call, "request")?.text, bodyOf(call, "response")?.base64]).toEqual(['{"id":"it\'s"}', "AAE="]);
});
