// Places nodes from left to right by the direction of calls, away from the page's own thread.
import dagre from "@dagrejs/dagre";
import { backbone } from "./backbone";
import type { LayoutAnswer, LayoutQuestion } from "./layout";

self.onmessage = (event: MessageEvent<LayoutQuestion>) => {
  const { serial, nodes, edges } = event.data;
  const isLarge = edges.length > LARGE_EDGES || nodes.length > LARGE_NODES;
  const isLabelled = edges.some((edge) => edge.label);
  const graph = new dagre.graphlib.Graph({ compound: true });
  graph.setGraph({
    rankdir: "LR",
    nodesep: isLarge ? 10 : 32,
    ranksep: isLarge ? 90 : isLabelled ? 64 : 150,
    edgesep: isLarge ? 4 : 12,
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
  const drawn = isLarge ? backbone(nodes, edges) : edges;
  for (const { src, dst, weight, label } of drawn) {
    if (src !== dst) graph.setEdge(src, dst, { weight, labelpos: "c", width: 0, height: 0, ...label });
  }
  dagre.layout(graph);
  const positions: LayoutAnswer["positions"] = {};
  for (const { id } of nodes) {
    const placed = graph.node(id);
    positions[id] = { x: placed.x ?? 0, y: placed.y ?? 0 };
  }
  const routes: LayoutAnswer["routes"] = {};
  for (const { id, src, dst } of isLarge ? [] : edges) {
    const points = (src === dst ? [] : (graph.edge(src, dst)?.points ?? [])) as { x: number; y: number }[];
    // The first and the last point lie on the borders of the nodes, where every line ends by itself.
    if (points.length > 2) routes[id] = points.slice(1, -1).map(({ x, y }) => ({ x, y }));
  }
  self.postMessage({ serial, positions, routes } satisfies LayoutAnswer);
};

const LARGE_EDGES = 250;
const LARGE_NODES = 120;
