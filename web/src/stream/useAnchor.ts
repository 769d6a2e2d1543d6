// Holds the view still: rows that come in above what is read push nothing away.
import type { RefObject } from "react";
import { useCallback, useLayoutEffect, useRef, useState } from "react";
import { feed, useFeed } from "./feeder";

export interface Anchor {
  /** Whether new rows show up at the top as they come. */
  isFollowing: boolean;
  /** How many rows came since the reader left the top. */
  news: number;
  onScroll: () => void;
  toTop: () => void;
}

/** Follows the top while the reader is there and reads no entry; else keeps the first row in view where it is. */
export function useAnchor(scroller: RefObject<HTMLDivElement | null>, rowHeight: number, isReading: boolean): Anchor {
  const { version, news } = useFeed();
  const anchor = useRef<{ us: number; id: number; offset: number } | null>(null);
  const seen = useRef(0);
  const [isAtTop, setIsAtTop] = useState(true);
  const isFollowing = isAtTop && !isReading;
  if (isFollowing || news < seen.current) seen.current = news;

  const hold = useCallback(() => {
    const top = scroller.current?.scrollTop ?? 0;
    const item = feed.list.at(Math.floor(top / rowHeight));
    anchor.current = item ? { us: item.us, id: item.id, offset: top % rowHeight } : null;
    return top;
  }, [scroller, rowHeight]);

  const onScroll = useCallback(() => setIsAtTop(hold() < 1), [hold]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: it acts on every change of the list.
  useLayoutEffect(() => {
    const view = scroller.current;
    if (!view) return;
    if (isFollowing) {
      view.scrollTop = 0;
    } else if (anchor.current) {
      const top = feed.list.indexNear(anchor.current) * rowHeight + anchor.current.offset;
      if (Math.abs(top - view.scrollTop) >= 1) view.scrollTop = top;
    }
    hold();
  }, [version, isFollowing]);

  const toTop = useCallback(() => {
    anchor.current = null;
    seen.current = Number.MAX_SAFE_INTEGER;
    if (scroller.current) scroller.current.scrollTop = 0;
    setIsAtTop(true);
    hold();
  }, [scroller, hold]);

  return { isFollowing, news: news - seen.current, onScroll, toTop };
}
