// The map's data, and what is chosen on it. What is chosen stands in the filter as one clause, and the map itself is asked
// for without that clause: the rest stays in sight.
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { create } from "zustand";
import { answer, api } from "../api/client";
import { selection, useFields, useInterval, useScope } from "../api/queries";
import type { FieldsAnswer } from "../api/types";
import { add, without } from "../filter/clause";
import { go, place, usePlace } from "../url/usePlace";
import type { DrawnEdge, DrawnNode, Graph } from "./graph";
import { edgeClause, nodesClause } from "./select";

export const GROUPS = ["auto", "service", "process", "container", "host", "ip"] as const;

interface Choice {
  /** The ids of what is chosen, nodes or one edge. */
  ids: string[];
  /** The clause that stands for it in the filter. */
  clause: string;
}

export const useChoice = create<Choice>(() => ({ ids: [], clause: "" }));

/** The map of the window, without what is chosen on it. */
export function useMapData() {
  const scope = useScope();
  const { group } = usePlace();
  const { clause } = useChoice();
  const base = { ...scope, filter: clause === "" ? scope.filter : without(scope.filter, clause) };
  const query = { ...selection(base), group: group || undefined };
  return useQuery({
    queryKey: ["map", query],
    queryFn: ({ signal }) => answer(api.GET("/api/v1/map", { params: { query }, signal })),
    enabled: scope.isKnown,
    refetchInterval: useInterval(scope, 2000),
    placeholderData: (before) => before,
  });
}

/** Chooses nodes or an edge, and writes that into the filter in place of what was chosen before. */
export function choose(graph: Graph, ids: string[]): void {
  const before = useChoice.getState();
  const clause = clauseOf(graph, ids) ?? "";
  const rest = before.clause === "" ? place().filter : without(place().filter, before.clause);
  useChoice.setState({ ids, clause });
  go({ filter: clause === "" ? rest : add(rest, clause) });
}

/** Gives up the choice where the filter was changed so that its clause is gone. */
export function useChosenIds(): string[] {
  const { filter } = usePlace();
  const { ids, clause } = useChoice();
  return clause === "" || without(filter, clause) !== filter ? ids : NONE;
}

function clauseOf(graph: Graph, ids: string[]): string | null {
  if (ids.length === 0) return null;
  const nodes = new Map<string, DrawnNode>(graph.nodes.map((node) => [node.id, node]));
  const edge = graph.edges.find((one) => one.id === ids[0]);
  if (edge)
    return edgeClause(edge, nodes.get(edge.src) as DrawnNode, nodes.get(edge.dst) as DrawnNode, !graph.isPartial);
  return nodesClause(ids.flatMap((id) => nodes.get(id) ?? []));
}

/** Whether only connections of a protocol were seen, no messages: its content is dark. */
export function useIsDark(): (protocol: string) => boolean {
  const table = useFields().data;
  return useMemo(() => {
    const transports = transportsOf(table);
    return (protocol) => transports.has(protocol);
  }, [table]);
}

const transportsOf = (table: FieldsAnswer | undefined): Set<string> =>
  new Set(table?.fields.filter((field) => field.name === "conn_state").flatMap((field) => field.protocols));

export const edgesOf = (graph: Graph, id: string): DrawnEdge[] =>
  graph.edges.filter((edge) => edge.src === id || edge.dst === id);

const NONE: string[] = [];
