// What components ask of the server, each question once: kept, shared, repeated and cancelled by TanStack Query.
import { QueryClient, queryOptions, useQuery } from "@tanstack/react-query";
import { colorProtocols } from "../entry/Protocol";
import { toMicros } from "../format/time";
import { setServerTime } from "../live/clock";
import { usePause } from "../live/pause";
import type { Range } from "../url/location";
import { usePlace } from "../url/usePlace";
import { answer, api, Fault } from "./client";
import { bounds, effective, isOpen } from "./window";

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      // What the server refuses it will refuse again; what it could not be asked is asked again soon.
      retry: (count, error) => error instanceof Fault && error.status === 0 && count < 2,
      refetchOnWindowFocus: false,
      staleTime: 1000,
    },
  },
});

/** What all views are about: filter, range and source, as parameters of requests. */
export interface Scope {
  filter: string;
  range: Range;
  snapshot: string;
  /** Whether it may still grow. */
  isGrowing: boolean;
  /** Whether the source is known, on which the range may hang. */
  isKnown: boolean;
}

/** What runs here. Asked every two seconds, paused or not, so that a lost server is noticed. */
export function useStatus() {
  return useQuery({
    queryKey: ["status"],
    queryFn: async ({ signal }) => {
      const status = await answer(api.GET("/api/v1/status", { signal }));
      setServerTime(toMicros(status.now));
      return status;
    },
    refetchInterval: 2000,
  });
}

/** The table of fields, protocols and words; it does not change while the server runs. */
const FIELDS = queryOptions({
  queryKey: ["fields"],
  queryFn: async ({ signal }) => {
    const table = await answer(api.GET("/api/v1/fields", { signal }));
    colorProtocols(table.protocols);
    return table;
  },
  staleTime: Number.POSITIVE_INFINITY,
});

export const useFields = () => useQuery(FIELDS);

/** The table as soon as it is there, for code outside components. */
export const loadFields = () => queryClient.ensureQueryData(FIELDS);

export function useScope(): Scope {
  const { filter, range, snapshot } = usePlace();
  const status = useStatus().data;
  const chosen = effective(range, status, snapshot);
  const isGrowing = isOpen(chosen) && snapshot === "" && (status?.source.is_growing ?? true);
  return { filter, range: chosen, snapshot, isGrowing, isKnown: status !== undefined };
}

/** The parameters that choose entries. */
export const selection = (scope: Scope) => ({
  filter: scope.filter || undefined,
  snapshot: scope.snapshot || undefined,
  ...bounds(scope.range),
});

/** How often to ask again: never for what does not change, and not while the page stands still. */
export function useInterval(scope: Scope, ms: number): number | false {
  const isPaused = usePause((pause) => pause.isPaused);
  return scope.isGrowing && !isPaused ? ms : false;
}

export function useTimeline(scope: Scope, steps: number) {
  return useQuery({
    queryKey: ["timeline", selection(scope), steps],
    queryFn: ({ signal }) =>
      answer(api.GET("/api/v1/timeline", { params: { query: { ...selection(scope), steps } }, signal })),
    enabled: scope.isKnown,
    refetchInterval: useInterval(scope, 2000),
    placeholderData: (before) => before,
  });
}

/** The loss of the window: shown on every view. */
export function useLoss(scope: Scope) {
  const { filter: _, ...range } = selection(scope);
  return useQuery({
    queryKey: ["loss", range],
    queryFn: ({ signal }) => answer(api.GET("/api/v1/loss", { params: { query: range }, signal })),
    enabled: scope.isKnown,
    refetchInterval: useInterval(scope, 2000),
    placeholderData: (before) => before,
  });
}

/** The figures of all entries that match: calls, errors, latency. */
export function useTotals(scope: Scope) {
  return useQuery({
    queryKey: ["totals", selection(scope)],
    queryFn: async ({ signal }) => {
      const stats = await answer(api.GET("/api/v1/stats", { params: { query: selection(scope) }, signal }));
      return { row: stats.rows[0] ?? null, unreadable: stats.cost.unreadable ?? [] };
    },
    enabled: scope.isKnown,
    refetchInterval: useInterval(scope, 5000),
    placeholderData: (before) => before,
  });
}

export function useExplain(scope: Scope, isWanted: boolean) {
  return useQuery({
    queryKey: ["explain", selection(scope)],
    queryFn: ({ signal }) =>
      answer(api.GET("/api/v1/explain", { params: { query: { ...selection(scope), filter: scope.filter } }, signal })),
    enabled: isWanted && scope.filter !== "",
  });
}
