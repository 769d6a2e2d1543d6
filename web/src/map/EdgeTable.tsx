// The map as a table, for those who hear the page or want the figures in a row.
import { useState } from "react";
import { ProtocolLabel } from "../entry/Protocol";
import { bytes, count, micros, rate, share } from "../format/number";
import type { Figures, Graph } from "./graph";
import css from "./map.module.css";

interface EdgeTableProps {
  graph: Graph;
  seconds: number;
  chosen: string[];
  onChoose: (id: string) => void;
}

const COLUMNS: { title: string; by: (part: Figures) => number }[] = [
  { title: "Rate", by: (part) => part.calls },
  { title: "Errors", by: (part) => part.errors / Math.max(1, part.calls) },
  { title: "p50", by: (part) => part.p50Us ?? 0 },
  { title: "p95", by: (part) => part.p95Us ?? 0 },
  { title: "p99", by: (part) => part.p99Us ?? 0 },
  { title: "Bytes", by: (part) => part.bytes },
];

export function EdgeTable({ graph, seconds, chosen, onChoose }: EdgeTableProps) {
  const [sort, setSort] = useState(0);
  const name = new Map(graph.nodes.map((node) => [node.id, node.name]));
  const by = COLUMNS[sort]?.by ?? (() => 0);
  const lines = graph.edges.flatMap((edge) => edge.parts.map((part) => ({ edge, part })));
  const shown = lines.toSorted((one, other) => by(other.part) - by(one.part)).slice(0, MOST_ROWS);
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
          {shown.map(({ edge, part }) => (
            <tr key={`${edge.id} ${part.protocol}`} aria-selected={chosen.includes(edge.id)}>
              <td>
                <button type="button" title="Filter for these calls" onClick={() => onChoose(edge.id)}>
                  {name.get(edge.src)}
                </button>
              </td>
              <td>{name.get(edge.dst)}</td>
              <td>
                <ProtocolLabel name={part.protocol} />
              </td>
              <td title={`${count(part.calls)} calls`}>{rate(part.calls / seconds)}</td>
              <td data-bad={part.errors > 0 || undefined}>{share(part.errors, part.calls)}</td>
              <td>{part.p50Us === null ? "–" : micros(part.p50Us)}</td>
              <td>{part.p95Us === null ? "–" : micros(part.p95Us)}</td>
              <td>{part.p99Us === null ? "–" : micros(part.p99Us)}</td>
              <td>{bytes(part.bytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {lines.length > MOST_ROWS ? (
        <p className={css.faint}>
          The first {MOST_ROWS} of {lines.length}.
        </p>
      ) : null}
    </div>
  );
}

const MOST_ROWS = 500;
