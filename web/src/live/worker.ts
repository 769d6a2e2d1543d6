// The worker: asks the server for pages of entries, follows new ones, makes rows of them, and gives those to the page in
// few pieces.
import type { ErrorBody, LossAnswer } from "../api/types";
import type { Entry } from "../entry/entry";
import { type Row, toRow } from "../entry/row";
import { fromMicros } from "../format/time";
import type { FromWorker, Question, ToWorker } from "./messages";
import { type LiveMessage, LiveSocket } from "./socket";

interface Page {
  entries: Entry[];
  next: string | null;
  loss: LossAnswer;
  took_ms: number;
}

const nowUs = () => Date.now() * 1000 + (question?.skewUs ?? 0);
const say = (message: FromWorker) => self.postMessage(message);

let serial = 0;
let question: Question | null = null;
let socket: LiveSocket | null = null;
let cursor: string | null = null;
let isPaused = false;
let abort = new AbortController();

// What came and is not given to the page yet.
let waiting: Row[] = [];
let dropped = 0;
let sinceUs = 0;
let timer: ReturnType<typeof setTimeout> | undefined;
let lastGivenMs = 0;
// Entries that came in this second, to tell a calm stream from a flood.
let recent = 0;
let recentFromMs = 0;

self.onmessage = (event: MessageEvent<ToWorker>) => {
  const message = event.data;
  if (message.kind === "pause") pause(message.isPaused);
  else if (message.kind === "ask") ask(message.serial, message.question);
  else if (message.serial !== serial || !question) return;
  else if (message.kind === "more") void more(question, message.limit, message.beforeUs);
  else void fill(question, message.gap, message.fromUs, message.toUs);
};

function ask(newSerial: number, newQuestion: Question): void {
  abort.abort();
  abort = new AbortController();
  socket?.close();
  socket = null;
  clearTimeout(timer);
  timer = undefined;
  waiting = [];
  dropped = 0;
  cursor = null;
  serial = newSerial;
  question = newQuestion;
  if (newQuestion.isLive) follow(newSerial, newQuestion);
  else say({ kind: "link", state: { isUp: true, retries: 0 } });
}

function follow(of: number, what: Question): void {
  const params = new URLSearchParams({
    filter: what.filter,
    fields: what.fields.join(","),
    max_rate: String(MAX_RATE),
  });
  const scheme = self.location.protocol === "https:" ? "wss" : "ws";
  let brokenUs = 0;
  sinceUs = nowUs();
  socket = new LiveSocket(`${scheme}://${self.location.host}/api/v1/live?${params}`, isPaused, {
    onOpen: (wasBroken) => {
      say({ kind: "link", state: { isUp: true, retries: 0 } });
      if (wasBroken) say({ kind: "missed", serial: of, sinceUs: brokenUs, untilUs: nowUs() });
      brokenUs = 0;
    },
    onBreak: (retries) => {
      brokenUs ||= nowUs();
      say({ kind: "link", state: { isUp: false, retries } });
    },
    onMessage: (message) => take(of, what, message),
  });
}

function take(of: number, what: Question, message: LiveMessage): void {
  if (message.error) say({ kind: "fault", serial: of, during: "live", error: message.error as ErrorBody });
  const entries = (message.entries ?? []) as Entry[];
  const missed = message.dropped ?? 0;
  if (entries.length === 0 && missed === 0) return;
  for (const entry of entries) waiting.push(toRow(entry, what.plan));
  dropped += missed;
  const now = performance.now();
  if (now - recentFromMs > 1000) {
    recentFromMs = now;
    recent = 0;
  }
  recent += entries.length + missed;
  const pause = recent > CALM_RATE ? FLOOD_PAUSE_MS : CALM_PAUSE_MS;
  timer ??= setTimeout(() => give(of), Math.max(0, lastGivenMs + pause - now));
}

function give(of: number): void {
  timer = undefined;
  lastGivenMs = performance.now();
  if (of !== serial) return;
  const untilUs = waiting.reduce((newest, row) => Math.max(newest, row.us), nowUs());
  say({ kind: "news", serial: of, rows: waiting, dropped, sinceUs, untilUs });
  waiting = [];
  dropped = 0;
  sinceUs = untilUs;
}

function pause(toPause: boolean): void {
  if (toPause === isPaused) return;
  isPaused = toPause;
  socket?.pause(toPause);
  if (toPause) return;
  // What passed meanwhile is in the store, not on its way to us.
  const untilUs = nowUs();
  say({ kind: "missed", serial, sinceUs, untilUs });
  sinceUs = untilUs;
}

async function more(what: Question, limit: number, beforeUs: number | null): Promise<void> {
  const of = serial;
  const to = beforeUs === null ? what.to : fromMicros(beforeUs + 1);
  const page = await fetchPage(
    what,
    { from: what.from, to, limit, cursor: beforeUs === null ? cursor : null },
    of,
    "page",
  );
  if (!page || of !== serial) return;
  cursor = page.next;
  const rows = page.entries.map((entry) => toRow(entry, what.plan));
  say({ kind: "page", serial: of, rows, isEnd: page.next === null, loss: page.loss, tookMs: page.took_ms });
}

async function fill(what: Question, gap: number, fromUs: number, toUs: number): Promise<void> {
  const of = serial;
  const bounds = { from: fromMicros(fromUs), to: fromMicros(toUs + 1), limit: FILL_ROWS, cursor: null };
  const page = await fetchPage(what, bounds, of, "fill", gap);
  if (!page || of !== serial) return;
  const rows = page.entries.map((entry) => toRow(entry, what.plan));
  say({ kind: "filled", serial: of, gap, rows, isWhole: page.next === null });
}

interface Bounds {
  from: string;
  to: string;
  limit: number;
  cursor: string | null;
}

async function fetchPage(
  what: Question,
  bounds: Bounds,
  of: number,
  during: "page" | "fill",
  gap?: number,
): Promise<Page | null> {
  const params = new URLSearchParams({ fields: what.fields.join(","), limit: String(bounds.limit) });
  if (what.filter) params.set("filter", what.filter);
  if (bounds.from) params.set("from", bounds.from);
  if (bounds.to) params.set("to", bounds.to);
  if (bounds.cursor) params.set("cursor", bounds.cursor);
  if (what.snapshot) params.set("snapshot", what.snapshot);
  try {
    const response = await fetch(`/api/v1/entries?${params}`, { signal: abort.signal });
    const answer = await response.json();
    if (response.ok) return answer as Page;
    say({ kind: "fault", serial: of, during, gap, error: (answer as { error: ErrorBody }).error });
  } catch (fault) {
    if (fault instanceof DOMException && fault.name === "AbortError") return null;
    const error = { code: "unreachable", message: "the server does not answer" };
    say({ kind: "fault", serial: of, during, gap, error: error as ErrorBody });
  }
  return null;
}

/** The most new rows a second that are drawn; the rest is counted and can be loaded. */
const MAX_RATE = 1000;
/** Above so many entries a second the page is given news four times a second. */
const CALM_RATE = 200;
const CALM_PAUSE_MS = 30;
const FLOOD_PAUSE_MS = 250;
const FILL_ROWS = 500;
