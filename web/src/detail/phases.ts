// How the time of a call went inside its connection: connect, TLS, request, waiting, response.
import type { EntryDetail } from "../api/types";
import type { Entry } from "../entry/entry";
import { toMicros } from "../format/time";

export type PhaseName = "connect" | "tls" | "idle" | "request" | "waiting" | "response";

export interface Phase {
  name: PhaseName;
  startUs: number;
  endUs: number;
}

interface Inside {
  /** The connection's own entry and its TLS handshake, where they are known. */
  connection?: Entry;
  tls?: Entry;
}

/** The phases in their order; those of the connection only for the call that waited for them. */
export function phases(detail: Pick<EntryDetail, "request" | "response" | "connection">, inside: Inside): Phase[] {
  const { request, response } = detail;
  const found: Phase[] = [];
  const put = (name: PhaseName, startUs: number, endUs: number) => {
    if (endUs >= startUs && startUs > 0) found.push({ name, startUs, endUs });
  };
  const first = toMicros(request?.first_time ?? response?.first_time ?? "");
  const openedUs = toMicros(detail.connection.opened);
  const handshake = inside.connection?.tcp_handshake_rtt;
  let readyUs = openedUs;
  if (typeof handshake === "number" && openedUs > 0) {
    put("connect", openedUs, openedUs + handshake);
    readyUs = openedUs + handshake;
  }
  if (inside.tls && typeof inside.tls.elapsed_time === "number") {
    const startUs = toMicros(inside.tls.timestamp);
    if (startUs < first) {
      put("tls", startUs, startUs + inside.tls.elapsed_time);
      readyUs = startUs + inside.tls.elapsed_time;
    }
  }
  if (found.length > 0 && first > readyUs) put("idle", readyUs, first);
  if (request) put("request", toMicros(request.first_time), toMicros(request.last_time));
  if (request && response) put("waiting", toMicros(request.last_time), toMicros(response.first_time));
  if (response) put("response", toMicros(response.first_time), toMicros(response.last_time));
  return withoutLongIdle(found);
}

/** A connection that stood long before the call tells nothing about the call: its beginning is left out. */
function withoutLongIdle(found: Phase[]): Phase[] {
  const idle = found.find((phase) => phase.name === "idle");
  const last = found.at(-1);
  if (!idle || !last) return found;
  const callUs = Math.max(1, last.endUs - idle.endUs);
  return idle.endUs - idle.startUs > LONG_IDLE * callUs ? found.slice(found.indexOf(idle) + 1) : found;
}

const LONG_IDLE = 4;
