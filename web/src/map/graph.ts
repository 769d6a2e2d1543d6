// The map as it is drawn: nodes and edges of the answer, collapsed into groups where there are too many.
import type { MapAnswer, MapEdge, MapNode } from "../api/types";

/** Above so many nodes, groups of them become one. */
export const MOST_NODES = 500;

export interface DrawnNode {
  id: string;
  name: string;
  kind: string;
  /** The nodes of the answer that it stands for. */
  members: MapNode[];
  /** The group that it belongs to while that is open; empty for none. */
  group: string;
  callsIn: number;
  callsOut: number;
  errorsIn: number;
}

/** The calls of one protocol from one node to another. */
export interface Figures {
  protocol: string;
  calls: number;
  errors: number;
  clientErrors: number;
  bytes: number;
  p50Us: number | null;
  p95Us: number | null;
  p99Us: number | null;
}

/** One line of the map: all calls from one node to another, by protocol, the most frequent first. */
export interface DrawnEdge {
  id: string;
  src: string;
  dst: string;
  calls: number;
  errors: number;
  /** The greatest 95th percentile of its protocols. */
  p95Us: number | null;
  parts: Figures[];
}

export interface Graph {
  nodes: DrawnNode[];
  edges: DrawnEdge[];
  /** The groups that are open, as boxes. */
  boxes: { id: string; name: string }[];
  /** Whether protocols are hidden. */
  isPartial: boolean;
  /** How many nodes the answer has. */
  total: number;
}

interface Wish {
  /** Groups that the reader opened. */
  open: ReadonlySet<string>;
  /** Whether to collapse though there is room. */
  isGrouped: boolean;
  /** Protocols that are not shown. */
  hidden?: ReadonlySet<string>;
}

const NONE: ReadonlySet<string> = new Set();

/** What to draw of an answer. */
export function graphOf(answer: Pick<MapAnswer, "nodes" | "edges">, wish: Wish): Graph {
  const { nodes, edges } = answer;
  const groups = wish.isGrouped || nodes.length > MOST_NODES ? groupsOf(nodes) : new Map<string, string>();
  const sizes = new Map<string, number>();
  for (const group of groups.values()) sizes.set(group, (sizes.get(group) ?? 0) + 1);

  const drawn = new Map<string, DrawnNode>();
  const boxes = new Map<string, { id: string; name: string }>();
  const standsFor = new Map<string, string>();
  for (const node of nodes) {
    const group = groups.get(node.id) ?? "";
    const isGroup = group !== "" && (sizes.get(group) ?? 0) > 1;
    const isCollapsed = isGroup && !wish.open.has(group);
    const id = isCollapsed ? `group:${group}` : node.id;
    standsFor.set(node.id, id);
    if (isGroup && !isCollapsed) boxes.set(group, { id: `box:${group}`, name: group });
    const into = drawn.get(id);
    if (into) {
      into.members.push(node);
      into.callsIn += node.calls_in;
      into.callsOut += node.calls_out;
      into.errorsIn += node.errors_in;
    } else {
      drawn.set(id, {
        id,
        name: isCollapsed ? `${group} (${sizes.get(group)})` : nameOf(node),
        kind: isCollapsed ? "group" : node.kind,
        members: [node],
        group: isGroup && !isCollapsed ? `box:${group}` : "",
        callsIn: node.calls_in,
        callsOut: node.calls_out,
        errorsIn: node.errors_in,
      });
    }
  }
  return {
    nodes: [...drawn.values()],
    edges: mergeEdges(edges, standsFor, wish.hidden ?? NONE),
    boxes: [...boxes.values()],
    isPartial: (wish.hidden?.size ?? 0) > 0,
    total: nodes.length,
  };
}

/** The name of a node, with the port where it is one of an address at which nothing answered. */
export function nameOf({ name, port }: Pick<MapNode, "name" | "port">): string {
  if (port === null || port === undefined) return name;
  return name.includes(":") ? `[${name}]:${port}` : `${name}:${port}`;
}

/** One edge for each pair that is drawn; figures that fall together are added up, latencies by the greatest. */
function mergeEdges(edges: MapEdge[], standsFor: Map<string, string>, hidden: ReadonlySet<string>): DrawnEdge[] {
  const merged = new Map<string, DrawnEdge>();
  for (const edge of edges) {
    const src = standsFor.get(edge.src);
    const dst = standsFor.get(edge.dst);
    if (!src || !dst || hidden.has(edge.protocol)) continue;
    const id = `${src}\n${dst}`;
    let into = merged.get(id);
    if (!into) {
      into = { id, src, dst, calls: 0, errors: 0, p95Us: null, parts: [] };
      merged.set(id, into);
    }
    let part = into.parts.find((one) => one.protocol === edge.protocol);
    if (!part) {
      part = {
        protocol: edge.protocol,
        calls: 0,
        errors: 0,
        clientErrors: 0,
        bytes: 0,
        p50Us: null,
        p95Us: null,
        p99Us: null,
      };
      into.parts.push(part);
    }
    into.calls += edge.calls;
    into.errors += edge.errors;
    into.p95Us = greatest(into.p95Us, edge.p95_us);
    part.calls += edge.calls;
    part.errors += edge.errors;
    part.clientErrors += edge.client_errors;
    part.bytes += edge.bytes;
    part.p50Us = greatest(part.p50Us, edge.p50_us);
    part.p95Us = greatest(part.p95Us, edge.p95_us);
    part.p99Us = greatest(part.p99Us, edge.p99_us);
  }
  for (const edge of merged.values()) edge.parts.sort((one, other) => other.calls - one.calls);
  return [...merged.values()];
}

/** The group of each node: its namespace or the beginning of its name; coarser where that leaves too many. */
export function groupsOf(nodes: Pick<MapNode, "id" | "name">[]): Map<string, string> {
  for (const prefix of [namePrefix, firstPart, firstLetter]) {
    const groups = new Map(nodes.map((node) => [node.id, prefix(node.name)]));
    if (new Set(groups.values()).size <= MOST_NODES) return groups;
  }
  return new Map(nodes.map((node) => [node.id, "all"]));
}

/** `10.0.3.7` is of `10.0.3.*`, `cart-7d9f-x2` and `cart.shop` of `cart`. */
function namePrefix(name: string): string {
  const address = /^(\d+\.\d+\.\d+)\.\d+/.exec(name)?.[1];
  if (address) return `${address}.*`;
  return /^(.*?[^-._:/@\d])(?:[-._:/@]|\d+$)/.exec(name)?.[1] ?? name;
}

function firstPart(name: string): string {
  const address = /^(\d+\.\d+)\./.exec(name)?.[1];
  return address ? `${address}.*` : (/^[A-Za-z]+/.exec(name)?.[0].slice(0, 3) ?? name.slice(0, 3));
}

const firstLetter = (name: string): string => `${name.slice(0, 1)}*`;

const greatest = (one: number | null, other: number | null | undefined): number | null =>
  other === null || other === undefined ? one : Math.max(one ?? 0, other);

/** How much of the graph stays when it is about one node: that node and its neighbours. */
export function neighbours(graph: Pick<Graph, "edges">, id: string): Set<string> {
  const near = new Set([id]);
  for (const edge of graph.edges) {
    if (edge.src === id) near.add(edge.dst);
    if (edge.dst === id) near.add(edge.src);
  }
  return near;
}
