// The figures of the node or edge that one points at or chose.
import { bytes, count, micros, rate, share } from "../format/number";
import type { DrawnEdge, Graph } from "./graph";
import css from "./map.module.css";

interface MapCardProps {
  graph: Graph;
  id: string | null;
  seconds: number;
  isChosen: boolean;
}

export function MapCard({ graph, id, seconds, isChosen }: MapCardProps) {
  if (!id) return null;
  const name = (node: string) => graph.nodes.find((one) => one.id === node)?.name ?? node;
  const edge = graph.edges.find((one) => one.id === id);
  if (edge) {
    return (
      <aside className={css.card} aria-label="Edge">
        <strong>
          {name(edge.src)} → {name(edge.dst)}
        </strong>
        <Figures rows={edgeRows(edge, seconds)} />
        {isChosen ? <p>The filter holds these calls.</p> : null}
      </aside>
    );
  }
  const node = graph.nodes.find((one) => one.id === id);
  if (!node) return null;
  return (
    <aside className={css.card} aria-label="Node">
      <strong>{node.name}</strong> <span className={css.faint}>{node.kind}</span>
      <Figures
        rows={[
          ["Calls received", `${count(node.callsIn)}, ${rate(node.callsIn / seconds)}`],
          ["of them errors", `${count(node.errorsIn)}, ${share(node.errorsIn, node.callsIn)}`],
          ["Calls made", `${count(node.callsOut)}, ${rate(node.callsOut / seconds)}`],
          ...(node.members.length > 1 ? ([["Stands for", `${count(node.members.length)} nodes`]] as const) : []),
        ]}
      />
    </aside>
  );
}

export const edgeRows = (edge: DrawnEdge, seconds: number): [string, string][] => [
  ["Protocol", edge.protocol],
  ["Calls", `${count(edge.calls)}, ${rate(edge.calls / seconds)}`],
  ["Errors", `${count(edge.errors)}, ${share(edge.errors, edge.calls)}`],
  ["Client errors", `${count(edge.clientErrors)}, ${share(edge.clientErrors, edge.calls)}`],
  ["p50, p95, p99", [edge.p50Us, edge.p95Us, edge.p99Us].map((us) => (us === null ? "–" : micros(us))).join(", ")],
  ["Bytes", bytes(edge.bytes)],
];

const Figures = ({ rows }: { rows: readonly (readonly [string, string])[] }) => (
  <dl>
    {rows.map(([title, value]) => (
      <div key={title}>
        <dt>{title}</dt>
        <dd>{value}</dd>
      </div>
    ))}
  </dl>
);
