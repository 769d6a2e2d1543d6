// Which edges of a dense map decide its columns.
import type { LayoutQuestion } from "./layout";

type Edge = LayoutQuestion["edges"][number];

/**
 * One edge into each node: that by which it is first reached from those whom nobody calls. It makes as few columns as there
 * can be. To lay out all of 2,000 edges takes half a minute, and the picture is no clearer for it.
 */
export function backbone(nodes: LayoutQuestion["nodes"], edges: Edge[]): Edge[] {
  const outgoing = new Map<string, Edge[]>();
  const balance = new Map<string, number>();
  const called = new Set<string>();
  for (const edge of edges) {
    if (edge.src === edge.dst) continue;
    outgoing.set(edge.src, [...(outgoing.get(edge.src) ?? []), edge]);
    balance.set(edge.src, (balance.get(edge.src) ?? 0) + 1);
    balance.set(edge.dst, (balance.get(edge.dst) ?? 0) - 1);
    called.add(edge.dst);
  }
  const seen = new Set<string>();
  const chosen: Edge[] = [];
  const reach = (starts: string[]) => {
    const queue = starts.filter((id) => !seen.has(id));
    for (const id of queue) seen.add(id);
    for (const id of queue) {
      for (const edge of outgoing.get(id) ?? []) {
        if (seen.has(edge.dst)) continue;
        seen.add(edge.dst);
        chosen.push(edge);
        queue.push(edge.dst);
      }
    }
  };
  reach(nodes.flatMap(({ id }) => (called.has(id) ? [] : [id])));
  // What is left calls in circles: those that call more than they are called come first.
  const left = nodes.filter(({ id }) => !seen.has(id));
  for (const { id } of left.toSorted((one, other) => (balance.get(other.id) ?? 0) - (balance.get(one.id) ?? 0))) {
    reach([id]);
  }
  return chosen;
}
