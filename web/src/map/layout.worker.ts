// Places nodes from left to right by the direction of calls, away from the page's own thread.
import dagre from "@dagrejs/dagre";
import type { LayoutAnswer, LayoutQuestion } from "./layout";

self.onmessage = (event: MessageEvent<LayoutQuestion>) => {
  const { serial, nodes, edges } = event.data;
  const graph = new dagre.graphlib.Graph({ compound: true });
  const isLarge = edges.length > LARGE;
  graph.setGraph({
    rankdir: "LR",
    nodesep: isLarge ? 10 : 24,
    ranksep: isLarge ? 90 : 150,
    edgesep: 4,
    acyclicer: "greedy",
    ranker: isLarge ? "tight-tree" : "network-simplex",
  });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { id, width, height } of nodes) graph.setNode(id, { width, height });
  for (const { id, parent } of nodes) {
    if (!parent) continue;
    if (!graph.hasNode(parent)) graph.setNode(parent, {});
    graph.setParent(id, parent);
  }
  for (const { src, dst, weight } of isLarge ? backbone(edges) : edges) {
    if (src !== dst) graph.setEdge(src, dst, { weight });
  }
  dagre.layout(graph);
  const positions: LayoutAnswer["positions"] = {};
  for (const { id } of nodes) {
    const placed = graph.node(id);
    positions[id] = { x: placed.x ?? 0, y: placed.y ?? 0 };
  }
  self.postMessage({ serial, positions } satisfies LayoutAnswer);
};

/**
 * The strongest edge into each node. In a dense map they decide the columns: laying out all of 2,000 edges takes half a
 * minute, and the picture is no clearer for it.
 */
function backbone(edges: LayoutQuestion["edges"]): LayoutQuestion["edges"] {
  const strongest = new Map<string, LayoutQuestion["edges"][number]>();
  for (const edge of edges) {
    const known = strongest.get(edge.dst);
    if (edge.src !== edge.dst && (!known || edge.weight > known.weight)) strongest.set(edge.dst, edge);
  }
  return [...strongest.values()];
}

const LARGE = 250;
