// The one feed of the page, with its worker, and the question that the page asks of it.
import { useEffect, useMemo, useSyncExternalStore } from "react";
import { useFields, useScope } from "../api/queries";
import type { FieldsAnswer } from "../api/types";
import { bounds } from "../api/window";
import { CONNECTION_ERROR, plan, type RowPlan } from "../entry/row";
import { skewUs } from "../live/clock";
import type { FromWorker } from "../live/messages";
import { usePause } from "../live/pause";
import { usePreferences } from "../theme/preferences";
import { usePlace } from "../url/usePlace";
import { streamFilter } from "./calls";
import { extraFields } from "./columns";
import { Feed, type FeedState } from "./feed";

const worker = new Worker(new URL("../live/worker.ts", import.meta.url), { type: "module" });

export const feed = new Feed((message) => worker.postMessage(message));

worker.onmessage = (event: MessageEvent<FromWorker>) => feed.receive(event.data);

/** The state of the feed, followed. */
export const useFeed = (): FeedState => useSyncExternalStore(feed.subscribe, feed.state);

/** Asks the feed whenever what is to be shown changes. Used once, by the frame. */
export function useFeeder(): () => void {
  const table = useFields().data;
  const scope = useScope();
  const { isAll } = usePlace();
  const extraKey = usePreferences((preferences) => extraFields(preferences.columns ?? []).join("\n"));
  const isPaused = usePause((pause) => pause.isPaused);
  const range = JSON.stringify(scope.range);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the range is compared by value.
  const ask = useMemo(() => {
    if (!table || !scope.isKnown) return () => {};
    const by = plan(table, extraKey === "" ? [] : extraKey.split("\n"));
    const { from = "", to = "" } = bounds(scope.range);
    return () =>
      feed.ask({
        filter: streamFilter(scope.filter, isAll, table),
        from,
        to,
        snapshot: scope.snapshot,
        fields: wanted(table, by, extraKey),
        plan: by,
        isLive: scope.isGrowing,
        skewUs: skewUs(),
      });
  }, [table, scope.filter, range, scope.snapshot, scope.isGrowing, scope.isKnown, isAll, extraKey]);

  useEffect(ask, [ask]);
  useEffect(() => feed.pause(isPaused), [isPaused]);
  return ask;
}

/** The fields that rows are made of. */
function wanted(table: FieldsAnswer, by: RowPlan, extra: string): string[] {
  const known = new Set(table.fields.map((field) => field.name));
  const own = [...Object.values(by.summaries), ...Object.values(by.sizes), ...Object.values(by.codes)].flat();
  const all = [...ALWAYS.filter((name) => known.has(name)), ...own, ...(extra === "" ? [] : extra.split("\n"))];
  return [...new Set(all)];
}

const ALWAYS = [
  "id",
  "timestamp",
  "protocol",
  "src.ip",
  "src.port",
  "src.name",
  "dst.ip",
  "dst.port",
  "dst.name",
  "elapsed_time",
  "status_code",
  "outcome",
  "conn",
  "flow",
  "conn_revision",
  "flow_revision",
  "notes",
  CONNECTION_ERROR,
];
