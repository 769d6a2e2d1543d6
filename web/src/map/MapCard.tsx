// The figures of the node or edge that one points at or chose.

import { ProtocolLabel } from "../entry/Protocol";
import { bytes, count, micros, rate, share } from "../format/number";
import type { Figures, Graph } from "./graph";
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
        {edge.parts.slice(0, MOST_PARTS).map((part) => (
          <div key={part.protocol} className={css.part}>
            <ProtocolLabel name={part.protocol} />
            <FigureList rows={figureRows(part, seconds)} />
          </div>
        ))}
        {isChosen ? <p>The filter holds these calls.</p> : null}
      </aside>
    );
  }
  const node = graph.nodes.find((one) => one.id === id);
  if (!node) return null;
  return (
    <aside className={css.card} aria-label="Node">
      <strong>{node.name}</strong> <span className={css.faint}>{node.kind}</span>
      <FigureList
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

const figureRows = (part: Figures, seconds: number): [string, string][] => [
  ["Calls", `${count(part.calls)}, ${rate(part.calls / seconds)}`],
  ["Errors", `${count(part.errors)}, ${share(part.errors, part.calls)}`],
  ["Client errors", `${count(part.clientErrors)}, ${share(part.clientErrors, part.calls)}`],
  ["p50, p95, p99", [part.p50Us, part.p95Us, part.p99Us].map((us) => (us === null ? "–" : micros(us))).join(", ")],
  ["Bytes", bytes(part.bytes)],
];

const FigureList = ({ rows }: { rows: readonly (readonly [string, string])[] }) => (
  <dl>
    {rows.map(([title, value]) => (
      <div key={title}>
        <dt>{title}</dt>
        <dd>{value}</dd>
      </div>
    ))}
  </dl>
);

const MOST_PARTS = 3;
