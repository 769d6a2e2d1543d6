// The map as a table, for those who hear the page or want the figures in a row.
import { useState } from "react";
import { ProtocolLabel } from "../entry/Protocol";
import { bytes, count, micros, rate, share } from "../format/number";
import type { DrawnEdge, Graph } from "./graph";
import css from "./map.module.css";

interface EdgeTableProps {
  graph: Graph;
  seconds: number;
  chosen: string[];
  onChoose: (id: string) => void;
}

const COLUMNS: { title: string; by: (edge: DrawnEdge) => number }[] = [
  { title: "Rate", by: (edge) => edge.calls },
  { title: "Errors", by: (edge) => edge.errors / Math.max(1, edge.calls) },
  { title: "p50", by: (edge) => edge.p50Us ?? 0 },
  { title: "p95", by: (edge) => edge.p95Us ?? 0 },
  { title: "p99", by: (edge) => edge.p99Us ?? 0 },
  { title: "Bytes", by: (edge) => edge.bytes },
];

export function EdgeTable({ graph, seconds, chosen, onChoose }: EdgeTableProps) {
  const [sort, setSort] = useState(0);
  const name = new Map(graph.nodes.map((node) => [node.id, node.name]));
  const by = COLUMNS[sort]?.by ?? (() => 0);
  const edges = graph.edges.toSorted((one, other) => by(other) - by(one)).slice(0, MOST_ROWS);
  return (
    <div className={css.tableBox}>
      <table className={css.table}>
        <thead>
          <tr>
            <th>From</th>
            <th>To</th>
            <th>Protocol</th>
            {COLUMNS.map(({ title }, at) => (
              <th key={title} aria-sort={at === sort ? "descending" : undefined}>
                <button type="button" onClick={() => setSort(at)}>
                  {title}
                  {at === sort ? " ↓" : ""}
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {edges.map((edge) => (
            <tr key={edge.id} aria-selected={chosen.includes(edge.id)}>
              <td>
                <button type="button" title="Filter for these calls" onClick={() => onChoose(edge.id)}>
                  {name.get(edge.src)}
                </button>
              </td>
              <td>{name.get(edge.dst)}</td>
              <td>
                <ProtocolLabel name={edge.protocol} />
              </td>
              <td title={`${count(edge.calls)} calls`}>{rate(edge.calls / seconds)}</td>
              <td data-bad={edge.errors > 0 || undefined}>{share(edge.errors, edge.calls)}</td>
              <td>{edge.p50Us === null ? "–" : micros(edge.p50Us)}</td>
              <td>{edge.p95Us === null ? "–" : micros(edge.p95Us)}</td>
              <td>{edge.p99Us === null ? "–" : micros(edge.p99Us)}</td>
              <td>{bytes(edge.bytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {graph.edges.length > MOST_ROWS ? <p className={css.faint}>The first {MOST_ROWS} of {graph.edges.length}.</p> : null}
    </div>
  );
}

const MOST_ROWS = 500;
