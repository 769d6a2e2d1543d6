// What the stream shows, fed by the worker: the list, whether there is more, what is under way, and what went wrong.
import type { ErrorBody, LossAnswer } from "../api/types";
import type { FromWorker, Link, Question, ToWorker } from "../live/messages";
import { type Gap, StreamList } from "./list";

export interface FeedState {
  /** Rises with every change; the list itself is the same object. */
  version: number;
  isLoading: boolean;
  /** Whether the first page has come. */
  isBegun: boolean;
  /** Whether the oldest entry of the window is in the list. */
  isEnd: boolean;
  error: ErrorBody | null;
  link: Link;
  loss: LossAnswer | null;
  /** Entries of the last second that are not drawn; 0 when all are. */
  undrawn: number;
  /** How many rows came since the question was asked. */
  news: number;
}

const START: FeedState = {
  version: 0,
  isLoading: true,
  isBegun: false,
  isEnd: false,
  error: null,
  link: { isUp: true, retries: 0 },
  loss: null,
  undrawn: 0,
  news: 0,
};

export class Feed {
  readonly list = new StreamList();
  #state = START;
  #serial = 0;
  #pages = 0;
  #filling = new Set<number>();
  #lastDrops: { atMs: number; count: number }[] = [];
  #listeners = new Set<() => void>();
  readonly #send: (message: ToWorker) => void;

  constructor(send: (message: ToWorker) => void) {
    this.#send = send;
  }

  ask(question: Question): void {
    this.#serial += 1;
    this.#pages = 0;
    this.#filling.clear();
    this.#lastDrops = [];
    this.list.clear();
    this.#change({ ...START, link: this.#state.link });
    this.#send({ kind: "ask", serial: this.#serial, question });
    this.#send({ kind: "more", serial: this.#serial, limit: FIRST_PAGE, beforeUs: null });
  }

  /** Loads older rows; pages grow while the reader goes on. */
  more(): void {
    if (this.#state.isLoading || this.#state.isEnd || this.#state.error) return;
    this.#change({ isLoading: true });
    const limit = Math.min(LARGEST_PAGE, FIRST_PAGE * 2 ** this.#pages);
    const beforeUs = this.list.isTrimmed ? (this.list.oldest?.us ?? null) : null;
    this.#send({ kind: "more", serial: this.#serial, limit, beforeUs });
  }

  /** Loads what a gap stands for. */
  fill(gap: Gap): void {
    if (this.#filling.has(gap.id)) return;
    this.#filling.add(gap.id);
    this.#send({ kind: "fill", serial: this.#serial, gap: gap.id, fromUs: gap.fromUs, toUs: gap.toUs });
  }

  pause(isPaused: boolean): void {
    this.#send({ kind: "pause", isPaused });
  }

  receive(message: FromWorker): void {
    if (message.kind === "link") {
      this.#change({ link: message.state });
      return;
    }
    if (message.serial !== this.#serial) return;
    switch (message.kind) {
      case "page": {
        const before = this.list.rowCount;
        this.list.put(message.rows);
        this.#pages += 1;
        // A page of rows that are all known, after the list was trimmed, is no end.
        const isStuck = message.rows.length > 0 && this.list.rowCount === before && this.list.isTrimmed;
        this.#change({ isLoading: false, isBegun: true, isEnd: message.isEnd && !isStuck, loss: message.loss });
        break;
      }
      case "filled":
        this.#filling.delete(message.gap);
        this.list.fill(message.gap, message.rows, message.isWhole);
        this.#change({});
        break;
      case "news":
        this.#countDrops(message.dropped);
        this.#news(message);
        break;
      case "missed":
        this.list.putGap(message.sinceUs, message.untilUs, null);
        this.#change({});
        break;
      case "fault":
        if (message.gap !== undefined) this.#filling.delete(message.gap);
        if (message.during !== "fill") this.#change({ isLoading: false, isBegun: true, error: message.error });
        break;
    }
  }

  state = (): FeedState => this.#state;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  #news(message: Extract<FromWorker, { kind: "news" }>): void {
    const added = this.list.put(message.rows);
    if (message.dropped > 0) {
      const below = message.rows.reduce((least, row) => Math.min(least, row.us), message.untilUs);
      this.list.putGap(message.sinceUs, message.untilUs, message.dropped, below);
    }
    const length = this.list.length;
    this.list.trim();
    const isTrimmed = this.list.length < length;
    this.#change({ news: this.#state.news + added, isEnd: this.#state.isEnd && !isTrimmed });
  }

  #countDrops(dropped: number): void {
    const now = performance.now();
    this.#lastDrops.push({ atMs: now, count: dropped });
    this.#lastDrops = this.#lastDrops.filter((drop) => now - drop.atMs < 1000);
    this.#state = { ...this.#state, undrawn: this.#lastDrops.reduce((sum, drop) => sum + drop.count, 0) };
  }

  #change(part: Partial<FeedState>): void {
    this.#state = { ...this.#state, ...part, version: this.#state.version + 1 };
    for (const listener of this.#listeners) listener();
  }
}

const FIRST_PAGE = 250;
const LARGEST_PAGE = 4000;
