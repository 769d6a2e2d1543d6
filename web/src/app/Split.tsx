// Two panes with an edge between that can be dragged or moved by arrow keys: side by side, or below each other where the
// page is narrow. The share is kept.
import { type ReactNode, useRef } from "react";
import { usePreferences } from "../theme/preferences";
import css from "./app.module.css";

export function Split({ children, second }: { children: ReactNode; second: ReactNode }) {
  const share = usePreferences((preferences) => preferences.detailShare);
  const change = usePreferences((preferences) => preferences.change);
  const box = useRef<HTMLDivElement>(null);
  const set = (next: number) => change({ detailShare: Math.min(LARGEST, Math.max(SMALLEST, next)) });

  const drag = (event: React.PointerEvent) => {
    const view = box.current?.getBoundingClientRect();
    if (!view || !event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const isRow = getComputedStyle(box.current as HTMLElement).flexDirection === "row";
    set(isRow ? (view.right - event.clientX) / view.width : (view.bottom - event.clientY) / view.height);
  };

  return (
    <div className={css.split} ref={box}>
      <div className={css.pane}>{children}</div>
      {second ? (
        <>
          {/* biome-ignore lint/a11y/useSemanticElements: an edge that moves is no thematic break. */}
          <div
            className={css.edge}
            role="separator"
            aria-label="Size of the detail pane"
            aria-valuenow={Math.round(share * 100)}
            aria-valuemin={SMALLEST * 100}
            aria-valuemax={LARGEST * 100}
            tabIndex={0}
            onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
            onPointerMove={drag}
            onDoubleClick={() => set(0.45)}
            onKeyDown={(event) => {
              const step = { ArrowLeft: 0.03, ArrowUp: 0.03, ArrowRight: -0.03, ArrowDown: -0.03 }[event.key];
              if (step === undefined) return;
              event.preventDefault();
              set(share + step);
            }}
          />
          <div className={css.second} style={{ flexBasis: `${share * 100}%` }}>
            {second}
          </div>
        </>
      ) : null}
    </div>
  );
}

const SMALLEST = 0.2;
const LARGEST = 0.8;
