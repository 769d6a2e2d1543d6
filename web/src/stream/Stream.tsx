// The stream: one dense row for each entry, newest first.
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef, useState } from "react";
import { useScope, useTotals } from "../api/queries";
import { plural } from "../format/number";
import { type Clock, day } from "../format/time";
import { useKeys } from "../keys/keys";
import { serverNowUs } from "../live/clock";
import { EmptyStream } from "../states/EmptyStream";
import { FaultPanel } from "../states/Fault";
import { usePreferences } from "../theme/preferences";
import { Progress } from "../ui/Controls";
import { useWidth } from "../ui/useWidth";
import { go, usePlace } from "../url/usePlace";
import { useChosen } from "./chosen";
import { DEFAULT_COLUMNS, fitted, withDays } from "./columns";
import { feed, useFeed } from "./feeder";
import { isGap } from "./list";
import { StreamBar } from "./StreamBar";
import { StreamHead } from "./StreamHead";
import { GapRow, StreamRow } from "./StreamRow";
import css from "./stream.module.css";
import { useAnchor } from "./useAnchor";

export const ROW_HEIGHT = 28;

export function Stream({ retry }: { retry: () => void }) {
  const state = useFeed();
  const { entry } = usePlace();
  const preferences = usePreferences();
  const columns = preferences.columns ?? DEFAULT_COLUMNS;
  const p95Us = useTotals(useScope()).data?.row?.p95_us ?? 0;
  const nowUs = useNow(preferences.isRelative);
  const chosen = useChosen((is) => is.row);
  const scroller = useRef<HTMLDivElement>(null);
  const [isWalking, setIsWalking] = useState(false);
  const anchor = useAnchor(scroller, ROW_HEIGHT, entry !== null || isWalking);
  const { list } = feed;

  const virtualizer = useVirtualizer({
    count: list.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    getItemKey: (index) => list.at(index)?.id ?? index,
    overscan: OVERSCAN,
    // The heads stay above the rows and take one row's height from the view.
    scrollPaddingEnd: ROW_HEIGHT,
  });
  const shown = virtualizer.getVirtualItems();
  // The virtual list tells of a change of height alone.
  const isDated = !preferences.isRelative && isOfOtherDays(preferences.clock);
  const widths = fitted(isDated ? withDays(columns) : columns, useWidth(scroller));
  const width = widths.reduce((sum, one) => sum + one, 0);
  // Rows are drawn in slots that are used again: to change a row's words is cheaper than to make a row.
  const slots = Math.ceil((virtualizer.scrollRect?.height ?? 0) / ROW_HEIGHT) + 2 * OVERSCAN + 2;

  // Loads what scrolls into view: gaps, and older rows near the end.
  const last = shown.at(-1)?.index ?? 0;
  const first = shown[0]?.index ?? 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: it acts on every change of the list.
  useEffect(() => {
    for (let index = first; index <= last; index += 1) {
      const item = list.at(index);
      if (item && isGap(item)) feed.fill(item);
    }
    if (last >= list.length - MARGIN_ROWS && state.isBegun) feed.more();
  }, [first, last, state.version]);

  // Another question begins at its newest rows.
  useEffect(() => {
    if (!state.isBegun) setIsWalking(false);
  }, [state.isBegun]);

  const step = (by: number) => {
    const at = chosen ? list.indexOf(chosen) : -1;
    let next = at < 0 ? Math.ceil((scroller.current?.scrollTop ?? 0) / ROW_HEIGHT) : at + by;
    while (isGapAt(next)) next += by;
    const row = list.at(next);
    if (!row || isGap(row)) return;
    // The row under the hand stays where it is while others come in above it.
    setIsWalking(true);
    choose(row);
    // The rows that one passes by are no steps that one would take back.
    if (entry !== null) go({ entry: row.id }, "replace");
    virtualizer.scrollToIndex(next, { align: "auto" });
  };

  const toTop = () => {
    setIsWalking(false);
    anchor.toTop();
  };

  const letGo = () => {
    if (entry !== null || !isWalking) return false;
    setIsWalking(false);
    useChosen.setState({ row: null });
  };

  useKeys({
    j: () => step(1),
    k: () => step(-1),
    ArrowDown: () => step(1),
    ArrowUp: () => step(-1),
    Home: toTop,
    Enter: () => (chosen ? open(chosen) : false),
    Escape: letGo,
  });

  const change = (next: typeof columns | null) => preferences.change({ columns: next });
  const isEmpty = state.isBegun && list.length === 0;

  return (
    <section className={css.stream} aria-label="Stream">
      <StreamBar columns={columns} onChange={change} />
      {state.isLoading && list.length === 0 ? <Progress label="Loading entries" /> : null}
      {state.error ? <FaultPanel error={state.error} retry={retry} /> : null}
      {isEmpty && !state.error ? <EmptyStream /> : null}
      {/* biome-ignore lint/a11y/useSemanticElements: a virtual list can't be a table element. */}
      <div
        className={css.scroller}
        ref={scroller}
        role="grid"
        aria-label="Entries, newest first"
        aria-rowcount={list.length}
        aria-activedescendant={chosen ? `row-${chosen.id}` : undefined}
        tabIndex={0}
        hidden={isEmpty || state.error !== null}
        onScroll={anchor.onScroll}
        style={{ "--columns": widths.map((width) => `${width}px`).join(" ") } as React.CSSProperties}
      >
        <StreamHead columns={columns} onChange={change} />
        <div className={css.rows} style={{ height: virtualizer.getTotalSize(), width }}>
          {shown.map(({ index, start }) => {
            const item = list.at(index);
            if (!item) return null;
            const isChosen = chosen?.id === item.id;
            return (
              // biome-ignore lint/a11y/useSemanticElements: as above.
              // biome-ignore lint/a11y/useFocusableInteractive: the grid holds the focus and names the chosen row.
              // biome-ignore lint/a11y/useKeyWithClickEvents: j, k and Enter do it by keys.
              <div
                key={index % slots}
                id={`row-${item.id}`}
                role="row"
                aria-rowindex={index + 1}
                aria-selected={isChosen}
                className={css.row}
                data-outcome={isGap(item) ? undefined : item.outcome}
                style={{ transform: `translateY(${start}px)` }}
                onClick={() => !isGap(item) && open(item)}
              >
                {isGap(item) ? (
                  <GapRow gap={item} onLoad={() => feed.fill(item)} />
                ) : (
                  <StreamRow
                    row={item}
                    columns={columns}
                    clock={preferences.clock}
                    isChosen={isChosen}
                    nowUs={nowUs}
                    p95Us={p95Us}
                  />
                )}
              </div>
            );
          })}
        </div>
      </div>
      {anchor.news > 0 && !anchor.isFollowing ? (
        <button
          type="button"
          className={css.pill}
          onClick={() => {
            if (entry !== null) go({ entry: null, tab: "" });
            toTop();
          }}
        >
          ↑ {plural(anchor.news, "new", "new")}
        </button>
      ) : null}
      {state.isLoading && list.length > 0 ? <Progress label="Loading older entries" /> : null}
    </section>
  );
}

const choose = ({ id, us }: { id: number; us: number }): void => useChosen.setState({ row: { id, us } });

function open(row: { id: number; us: number }): void {
  choose(row);
  go({ entry: row.id });
}

/** Whether the list holds rows of another day than today. */
const isOfOtherDays = (clock: Clock): boolean => {
  const oldest = feed.list.oldest;
  return oldest !== undefined && day(oldest.us, clock) !== day(serverNowUs(), clock);
};

const isGapAt = (index: number): boolean => {
  const item = feed.list.at(index);
  return item !== undefined && isGap(item);
};

/** The server's time, each second, where ages are told; 0 where they are not. */
function useNow(isWanted: boolean): number {
  const [now, setNow] = useState(serverNowUs);
  useEffect(() => {
    if (!isWanted) return;
    const timer = setInterval(() => setNow(serverNowUs()), 1000);
    return () => clearInterval(timer);
  }, [isWanted]);
  return isWanted ? now : 0;
}

/** So many rows before the end the next page is asked for. */
const MARGIN_ROWS = 60;
const OVERSCAN = 6;
