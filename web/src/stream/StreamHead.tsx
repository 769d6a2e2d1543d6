// The heads of the columns: dragged to move, pulled at their edge to size; both by keys as well.
import { useRef, useState } from "react";
import type { ColumnChoice } from "../theme/preferences";
import { columnOf, moved, resized } from "./columns";
import css from "./stream.module.css";

interface StreamHeadProps {
  columns: ColumnChoice[];
  onChange: (columns: ColumnChoice[]) => void;
}

export function StreamHead({ columns, onChange }: StreamHeadProps) {
  const row = useRef<HTMLDivElement>(null);
  const [dragged, setDragged] = useState<string | null>(null);

  const move = (event: React.PointerEvent, id: string) => {
    const heads = [...(row.current?.children ?? [])];
    const at = heads.findIndex((head) => event.clientX < head.getBoundingClientRect().right);
    const to = at < 0 ? columns.length - 1 : at;
    if (columns[to]?.id !== id) onChange(moved(columns, id, to));
  };

  return (
    // biome-ignore lint/a11y/useSemanticElements: the heads of a virtual list can't stand in a table element.
    // biome-ignore lint/a11y/useFocusableInteractive: its heads take the focus.
    <div className={css.head} role="row" ref={row}>
      {columns.map(({ id, width }) => (
        // biome-ignore lint/a11y/useSemanticElements: as above.
        <div
          key={id}
          role="columnheader"
          tabIndex={0}
          className={css.headCell}
          data-number={columnOf(id).isNumber || undefined}
          data-dragged={dragged === id || undefined}
          title="Drag to move; Alt with arrows moves, Shift with arrows sizes"
          onPointerDown={(event) => {
            if (event.button !== 0) return;
            event.currentTarget.setPointerCapture(event.pointerId);
            setDragged(id);
          }}
          onPointerMove={(event) => dragged === id && move(event, id)}
          onPointerUp={() => setDragged(null)}
          onKeyDown={(event) => {
            const step = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
            if (step === 0) return;
            if (event.altKey) onChange(moved(columns, id, columns.findIndex((column) => column.id === id) + step));
            else if (event.shiftKey) onChange(resized(columns, id, width + step * 16));
            else return;
            event.preventDefault();
          }}
        >
          <span>{columnOf(id).title}</span>
          <Edge onPull={(by) => onChange(resized(columns, id, width + by))} width={width} />
        </div>
      ))}
    </div>
  );
}

function Edge({ onPull, width }: { onPull: (by: number) => void; width: number }) {
  const start = useRef<{ x: number; width: number } | null>(null);
  return (
    <span
      className={css.edge}
      aria-hidden
      onPointerDown={(event) => {
        event.stopPropagation();
        event.currentTarget.setPointerCapture(event.pointerId);
        start.current = { x: event.clientX, width };
      }}
      onPointerMove={(event) => {
        if (start.current) onPull(start.current.width + event.clientX - start.current.x - width);
      }}
      onPointerUp={() => {
        start.current = null;
      }}
    />
  );
}
