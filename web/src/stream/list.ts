// The rows of the stream in memory: sorted by time, revisions in place, and marks for what is not drawn yet. Kept oldest
// first, so that new rows are added at the end cheaply; shown newest first.
import type { Row } from "../entry/row";

/** A stretch of time whose entries are stored but not in the list. */
export interface Gap {
  isGap: true;
  /** Negative, so that it never meets the id of an entry. */
  id: number;
  fromUs: number;
  toUs: number;
  /** Where it stands among the rows. */
  us: number;
  /** How many entries there are at least; null where nobody knows. */
  count: number | null;
}

export type Item = Row | Gap;

export const isGap = (item: Item): item is Gap => "isGap" in item;

/** The most rows that are kept; the oldest ones are let go and can be loaded again. */
export const MAX_ROWS = 120_000;

export class StreamList {
  #items: Item[] = [];
  #nextGap = -1;
  #rows = 0;
  /** Rises with every change. */
  version = 0;
  /** Whether rows were let go at the old end. */
  isTrimmed = false;

  get length(): number {
    return this.#items.length;
  }

  /** How many entries are in the list, gaps not counted. */
  get rowCount(): number {
    return this.#rows;
  }

  /** The item at a position as shown: 0 is the newest. */
  at(index: number): Item | undefined {
    return this.#items[this.#items.length - 1 - index];
  }

  /** The position, as shown, of an item; -1 where it is not in the list. */
  indexOf(item: { us: number; id: number }): number {
    const at = this.#find(item);
    return this.#items[at]?.id === item.id ? this.#items.length - 1 - at : -1;
  }

  /** The position, as shown, where an item stands or stood. */
  indexNear(item: { us: number; id: number }): number {
    const at = this.#find(item);
    return this.#items.length - 1 - (this.#items[at]?.id === item.id ? at : Math.max(0, at - 1));
  }

  /** The oldest and the newest row. */
  get oldest(): Row | undefined {
    return this.#items.find((item): item is Row => !isGap(item));
  }
  get newest(): Row | undefined {
    return this.#items.findLast((item): item is Row => !isGap(item));
  }

  /** Puts rows in at their places; a row that is there is replaced by a newer revision. Returns how many were new. */
  put(rows: Row[]): number {
    if (rows.length === 0) return 0;
    const fresh: Row[] = [];
    for (const row of rows.toSorted(byTime)) {
      const at = this.#find(row);
      const there = this.#items[at];
      if (there?.id === row.id) {
        if (row.revision >= (there as Row).revision) this.#items[at] = row;
      } else if (fresh.at(-1)?.id === row.id) {
        if (row.revision >= (fresh.at(-1) as Row).revision) fresh[fresh.length - 1] = row;
      } else {
        fresh.push(row);
      }
    }
    this.#merge(fresh);
    this.#rows += fresh.length;
    this.version += 1;
    return fresh.length;
  }

  /** Marks a stretch of time as not drawn; the mark stands at `us`. Gaps that meet become one. */
  putGap(fromUs: number, toUs: number, count: number | null, us = toUs): void {
    const gap: Gap = { isGap: true, id: this.#nextGap--, fromUs, toUs, us, count };
    const at = this.#find(gap);
    const before = this.#items[at - 1];
    if (before && isGap(before)) {
      this.#items[at - 1] = {
        ...before,
        fromUs: Math.min(before.fromUs, fromUs),
        toUs: Math.max(before.toUs, toUs),
        us: Math.max(before.us, us),
        count: before.count === null || count === null ? null : before.count + count,
      };
    } else {
      this.#items.splice(at, 0, gap);
    }
    this.version += 1;
  }

  /** Fills a gap with the newest rows in it; `isWhole` tells that there are no more. */
  fill(id: number, rows: Row[], isWhole: boolean): void {
    const at = this.#items.findIndex((item) => item.id === id);
    const gap = this.#items[at];
    if (!gap || !isGap(gap)) return;
    this.#items.splice(at, 1);
    const added = this.put(rows);
    const oldest = rows.reduce((least, row) => Math.min(least, row.us), gap.toUs);
    if (!isWhole && oldest > gap.fromUs && rows.length > 0) {
      this.putGap(gap.fromUs, oldest, gap.count === null ? null : Math.max(0, gap.count - added));
    }
    this.version += 1;
  }

  /** Lets the oldest rows go where there are too many. */
  trim(most = MAX_ROWS): void {
    const excess = this.#items.length - most;
    if (excess <= 0) return;
    for (const item of this.#items.splice(0, excess)) if (!isGap(item)) this.#rows -= 1;
    this.isTrimmed = true;
    this.version += 1;
  }

  clear(): void {
    this.#items = [];
    this.#rows = 0;
    this.isTrimmed = false;
    this.version += 1;
  }

  #merge(fresh: Row[]): void {
    const first = fresh[0];
    if (!first) return;
    const from = this.#find(first);
    if (from === this.#items.length) {
      for (const row of fresh) this.#items.push(row);
      return;
    }
    const tail = this.#items.splice(from);
    let next = 0;
    for (const item of tail) {
      while (next < fresh.length && byTime(fresh[next] as Row, item) < 0) this.#items.push(fresh[next++] as Row);
      this.#items.push(item);
    }
    while (next < fresh.length) this.#items.push(fresh[next++] as Row);
  }

  /** Where an item stands or would stand, oldest first. */
  #find(item: { us: number; id: number }): number {
    let low = 0;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (byTime(this.#items[middle] as Item, item) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const byTime = (one: { us: number; id: number }, other: { us: number; id: number }): number =>
  one.us - other.us || one.id - other.id;
