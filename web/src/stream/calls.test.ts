import { expect, test } from "vitest";
import { namesConnections, streamFilter } from "./calls";

const table = {
  fields: [
    { name: "conn", protocols: [] },
    { name: "conn_state", protocols: ["tcp", "udp"] },
    { name: "tcp", protocols: ["tcp"] },
    { name: "tcp_rtt", protocols: ["tcp"] },
    { name: "http", protocols: ["http"] },
    { name: "method", protocols: ["http"] },
  ],
} as never;

test("connections appear when the filter names them", () => {
  expect(
    ["tcp", "tcp_rtt > 5", "conn", "conn_id == 7", 'conn_state == "open"'].map((f) => namesConnections(f, table)),
  ).toEqual([true, true, true, true, true]);
  expect(["", "http", 'method == "tcp"', "http && method == 'GET'"].map((f) => namesConnections(f, table))).toEqual([
    false,
    false,
    false,
    false,
  ]);
});

test("the reader's filter is kept whole", () => {
  expect(streamFilter("", true, table)).toBe("");
  expect(streamFilter("tcp or http", false, table)).toBe("tcp or http");
  expect(streamFilter("http or dns", false, table)).toMatch(/^\(http or dns\) && \(!conn/);
  expect(streamFilter("", false, table)).toMatch(/^\(!conn/);
});
