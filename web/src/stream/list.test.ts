import { expect, test } from "vitest";
import type { Row } from "../entry/row";
import { isGap, StreamList } from "./list";

const row = (id: number, us: number, revision = 0) => ({ id, us, revision }) as Row;
const ids = (list: StreamList) => Array.from({ length: list.length }, (_, index) => list.at(index)?.id);

test("rows stand newest first, whatever order they come in", () => {
  const list = new StreamList();
  expect(list.put([row(1, 10), row(3, 30)])).toBe(2);
  expect(list.put([row(4, 40), row(2, 20)])).toBe(2);
  expect(list.put([row(5, 20)])).toBe(1);
  expect(ids(list)).toEqual([4, 3, 5, 2, 1]);
  expect(list.indexOf(row(5, 20))).toBe(2);
  expect(list.indexOf(row(9, 20))).toBe(-1);
  expect([list.oldest?.id, list.newest?.id, list.rowCount]).toEqual([1, 4, 5]);
});

test("a revision replaces its row in place, an older one does not", () => {
  const list = new StreamList();
  list.put([row(1, 10, 1), row(2, 20)]);
  expect(list.put([row(1, 10, 2)])).toBe(0);
  expect((list.at(1) as Row).revision).toBe(2);
  list.put([row(1, 10, 1)]);
  expect((list.at(1) as Row).revision).toBe(2);
  expect(list.put([row(7, 5, 0), row(7, 5, 3), row(7, 5, 1)])).toBe(1);
  expect((list.at(2) as Row).revision).toBe(3);
});

test("a gap is filled from its newest end until it is whole", () => {
  const list = new StreamList();
  list.put([row(1, 10), row(9, 90)]);
  list.putGap(11, 89, 4);
  const gap = list.at(1);
  if (!gap || !isGap(gap)) throw new Error("no gap");
  list.fill(gap.id, [row(8, 80), row(7, 70)], false);
  expect(ids(list).filter((id) => (id as number) > 0)).toEqual([9, 8, 7, 1]);
  const rest = list.at(3);
  if (!rest || !isGap(rest)) throw new Error("no rest");
  expect([rest.fromUs, rest.toUs, rest.count]).toEqual([11, 70, 2]);
  list.fill(rest.id, [row(6, 60), row(7, 70)], true);
  expect(ids(list)).toEqual([9, 8, 7, 6, 1]);
});

test("gaps that meet become one", () => {
  const list = new StreamList();
  list.put([row(1, 10)]);
  list.putGap(11, 20, 5);
  list.putGap(21, 30, 6);
  list.put([row(4, 40)]);
  list.putGap(41, 50, null);
  expect(list.length).toBe(4);
  expect(list.at(2)).toMatchObject({ fromUs: 11, toUs: 30, count: 11 });
});

test("too many rows: the oldest go", () => {
  const list = new StreamList();
  list.put(Array.from({ length: 100 }, (_, index) => row(index, index)));
  list.trim(60);
  expect([list.length, list.rowCount, list.oldest?.id, list.isTrimmed]).toEqual([60, 60, 40, true]);
});

test("a random mix of orders gives the sorted list", () => {
  const list = new StreamList();
  const all = Array.from({ length: 500 }, (_, id) => row(id, (id * 7919) % 1000));
  for (let at = 0; at < all.length; at += 37) list.put(all.slice(at, at + 37));
  const expected = all.toSorted((a, b) => b.us - a.us || b.id - a.id).map((entry) => entry.id);
  expect(ids(list)).toEqual(expected);
});
