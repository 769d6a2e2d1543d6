// What the detail pane asks for.
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { answer, api } from "../api/client";
import { useFields } from "../api/queries";
import type { FieldInfo } from "../api/types";
import type { Entry } from "../entry/entry";
import { plan, type Row, toRow } from "../entry/row";
import { usePlace } from "../url/usePlace";

const useSnapshot = () => usePlace().snapshot || undefined;

export function useDetail(id: number) {
  const snapshot = useSnapshot();
  return useQuery({
    queryKey: ["detail", id, snapshot],
    queryFn: ({ signal }) =>
      answer(api.GET("/api/v1/entries/{id}/detail", { params: { path: { id }, query: { snapshot } }, signal })),
    // The entry before stays while the next one comes, so that going through rows does not flicker.
    placeholderData: keepPreviousData,
    // A connection that still stands has newer revisions.
    refetchInterval: (query) => ((query.state.data?.entry as Entry | undefined)?.outcome === "open" ? 2000 : false),
  });
}

/** The entries that a filter finds, newest first. */
export function useFound(filter: string, limit: number, isWanted = true, window: { from?: string; to?: string } = {}) {
  const snapshot = useSnapshot();
  return useQuery({
    queryKey: ["found", filter, limit, snapshot, window],
    queryFn: async ({ signal }) => {
      const query = { filter, limit, snapshot, bodies: false, ...window };
      const page = await answer(api.GET("/api/v1/entries", { params: { query }, signal }));
      return page.entries as unknown as Entry[];
    },
    enabled: isWanted,
    staleTime: 5000,
  });
}

/** Entries as rows, once the table of fields is known. */
export function useRows(entries: Entry[] | undefined): Row[] {
  const table = useFields().data;
  if (!entries || !table) return [];
  const by = plan(table, []);
  return entries.map((entry) => toRow(entry, by));
}

export type Direction = "both" | "to_server" | "to_client";

/** The reassembled bytes of a connection, part by part. */
export function useFollow(connection: number, direction: Direction) {
  const snapshot = useSnapshot();
  return useInfiniteQuery({
    queryKey: ["follow", connection, direction, snapshot],
    initialPageParam: 0,
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/api/v1/connections/{id}/stream", {
          params: { path: { id: connection }, query: { direction, offset: pageParam, snapshot } },
          signal,
        }),
      ),
    getNextPageParam: (part) => part.next ?? undefined,
    staleTime: 2000,
  });
}

/** The packets of a connection or of an entry, part by part. */
export function usePackets(of: "connection" | "entry", id: number) {
  const snapshot = useSnapshot();
  return useInfiniteQuery({
    queryKey: ["packets", of, id, snapshot],
    initialPageParam: 0,
    queryFn: ({ pageParam, signal }) => {
      const params = { path: { id }, query: { offset: pageParam, limit: 200, snapshot } };
      return of === "connection"
        ? answer(api.GET("/api/v1/connections/{id}/packets", { params, signal }))
        : answer(api.GET("/api/v1/entries/{id}/packets", { params, signal }));
    },
    getNextPageParam: (part) => part.next ?? undefined,
    staleTime: 2000,
  });
}

export const fieldNamed = (fields: FieldInfo[], name: string): FieldInfo | undefined =>
  fields.find((field) => field.name === name);

/** The address of a file of the machine interface. */
export function fileAddress(path: string, query: Record<string, string | undefined>): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) params.set(name, value);
  const text = params.toString();
  return `/api/v1${path}${text ? `?${text}` : ""}`;
}
