// Searching in what is shown, without touching it: hits are marked by the browser's own highlights.
import { type RefObject, useEffect, useState } from "react";

export interface Search {
  text: string;
  setText: (text: string) => void;
  hits: number;
  /** The hit that is looked at, from 1; 0 where there is none. */
  at: number;
  step: (by: 1 | -1) => void;
}

/** Searches in the text below an element. `content` is whatever the text depends on. */
export function useSearch(below: RefObject<HTMLElement | null>, content: unknown): Search {
  const [text, setText] = useState("");
  const [ranges, setRanges] = useState<Range[]>([]);
  const [at, setAt] = useState(0);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the content decides what there is to be found.
  useEffect(() => {
    const found = text === "" || !below.current ? [] : find(below.current, text);
    setRanges(found);
    setAt(found.length > 0 ? 1 : 0);
  }, [text, content, below]);

  useEffect(() => {
    const own = below.current;
    if (typeof Highlight === "undefined" || !own) return;
    const current = ranges[at - 1];
    CSS.highlights.set("search", new Highlight(...ranges));
    if (current) {
      CSS.highlights.set("search-at", new Highlight(current));
      current.startContainer.parentElement?.scrollIntoView({ block: "nearest" });
      scrollTo(own, current);
    }
    return () => {
      CSS.highlights.delete("search");
      CSS.highlights.delete("search-at");
    };
  }, [ranges, at, below]);

  const step = (by: 1 | -1) => setAt(ranges.length === 0 ? 0 : ((at - 1 + by + ranges.length) % ranges.length) + 1);
  return { text, setText, hits: ranges.length, at, step };
}

function find(below: HTMLElement, text: string): Range[] {
  const wanted = text.toLowerCase();
  const ranges: Range[] = [];
  const walker = document.createTreeWalker(below, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node && ranges.length < MOST_HITS; node = walker.nextNode()) {
    const held = (node.nodeValue ?? "").toLowerCase();
    for (let from = held.indexOf(wanted); from >= 0; from = held.indexOf(wanted, from + wanted.length)) {
      const range = document.createRange();
      range.setStart(node, from);
      range.setEnd(node, Math.min(from + wanted.length, node.nodeValue?.length ?? 0));
      ranges.push(range);
      if (ranges.length >= MOST_HITS) break;
    }
  }
  return ranges;
}

/** Brings a hit into view within the nearest part of the page that scrolls: a long text is one element. */
function scrollTo(own: HTMLElement, range: Range): void {
  let box: HTMLElement | null = own;
  while (box && box.scrollHeight <= box.clientHeight + 1) box = box.parentElement;
  if (!box) return;
  const hit = range.getBoundingClientRect();
  const view = box.getBoundingClientRect();
  if (hit.top < view.top || hit.bottom > view.bottom) box.scrollTop += hit.top - view.top - view.height / 3;
}

const MOST_HITS = 2000;
