import { expect, test } from "vitest";
import type { Row } from "../entry/row";
import type { Question, ToWorker } from "../live/messages";
import { Feed } from "./feed";
import { isGap } from "./list";

const row = (id: number, us = id * 10) => ({ id, us, revision: 0 }) as Row;
const loss = { total: 0, causes: [] };

function start() {
  const sent: ToWorker[] = [];
  const feed = new Feed((message) => sent.push(message));
  feed.ask({} as Question);
  return { feed, sent };
}

test("pages grow while one goes on, and end", () => {
  const { feed, sent } = start();
  feed.more();
  expect(sent).toHaveLength(2);
  feed.receive({ kind: "page", serial: 1, rows: [row(9), row(8)], isEnd: false, loss, tookMs: 1 });
  feed.more();
  expect(sent.at(-1)).toMatchObject({ kind: "more", limit: 500, beforeUs: null });
  feed.receive({ kind: "page", serial: 1, rows: [row(7)], isEnd: true, loss, tookMs: 1 });
  feed.more();
  expect(sent).toHaveLength(3);
  expect([feed.list.rowCount, feed.state().isEnd]).toEqual([3, true]);
});

test("what a former question brings is not taken", () => {
  const { feed } = start();
  feed.ask({} as Question);
  feed.receive({ kind: "page", serial: 1, rows: [row(9)], isEnd: true, loss, tookMs: 1 });
  expect([feed.list.rowCount, feed.state().isBegun]).toEqual([0, false]);
});

test("entries that were not drawn leave a gap below the news, which is loaded once", () => {
  const { feed, sent } = start();
  feed.receive({ kind: "page", serial: 1, rows: [row(1)], isEnd: true, loss, tookMs: 1 });
  feed.receive({ kind: "news", serial: 1, rows: [row(8), row(9)], dropped: 5, sinceUs: 20, untilUs: 90 });
  expect(feed.state()).toMatchObject({ undrawn: 5, news: 2 });
  const gap = feed.list.at(2);
  if (!gap || !isGap(gap)) throw new Error("no gap");
  expect(gap).toMatchObject({ fromUs: 20, toUs: 90, count: 5 });
  feed.fill(gap);
  feed.fill(gap);
  expect(sent.filter((message) => message.kind === "fill")).toHaveLength(1);
  feed.receive({ kind: "filled", serial: 1, gap: gap.id, rows: [row(5), row(9)], isWhole: true });
  expect(Array.from({ length: feed.list.length }, (_, at) => feed.list.at(at)?.id)).toEqual([9, 8, 5, 1]);
});

test("a break leaves a gap of unknown size, a fault is told", () => {
  const { feed } = start();
  feed.receive({ kind: "link", state: { isUp: false, retries: 3 } });
  expect(feed.state().link.retries).toBe(3);
  feed.receive({ kind: "missed", serial: 1, sinceUs: 1, untilUs: 5 });
  expect(feed.list.at(0)).toMatchObject({ count: null });
  feed.receive({ kind: "fault", serial: 1, during: "page", error: { code: "bad_filter", message: "no" } });
  expect(feed.state().error?.message).toBe("no");
});
