import { expect, test } from "vitest";
import type { Entry } from "../entry/entry";
import { phases } from "./phases";

const at = (ms: number) => new Date(1_800_000_000_000 + ms).toISOString();
const half = (from: number, to: number) => ({ first_time: at(from), last_time: at(to) }) as never;
const spans = (found: ReturnType<typeof phases>) =>
  found.map((phase) => `${phase.name} ${(phase.endUs - phase.startUs) / 1000}`);

test("the first call of a connection waits for it", () => {
  const detail = { request: half(10, 11), response: half(40, 42), connection: { opened: at(0) } as never };
  const connection = { tcp_handshake_rtt: 2000 } as unknown as Entry;
  const tls = { timestamp: at(2), elapsed_time: 6000 } as unknown as Entry;
  expect(spans(phases(detail, { connection, tls }))).toEqual([
    "connect 2",
    "tls 6",
    "idle 2",
    "request 1",
    "waiting 29",
    "response 2",
  ]);
});

test("a later call of a long connection stands alone", () => {
  const detail = {
    request: half(60_000, 60_001),
    response: half(60_005, 60_006),
    connection: { opened: at(0) } as never,
  };
  const connection = { tcp_handshake_rtt: 2000 } as unknown as Entry;
  expect(spans(phases(detail, { connection }))).toEqual(["request 1", "waiting 4", "response 1"]);
});

test("what was not seen is not drawn", () => {
  expect(spans(phases({ request: half(1, 2), response: null, connection: { opened: "" } as never }, {}))).toEqual([
    "request 1",
  ]);
});
