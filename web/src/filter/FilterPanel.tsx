// What stands below the filter bar while it is written: the problem with its mend, a warning, or offers for plain text.
import { CircleAlert, TriangleAlert } from "lucide-react";
import { sentence } from "../api/client";
import type { ErrorBody } from "../api/types";
import { count } from "../format/number";
import { Button, Kbd } from "../ui/Button";
import css from "./filter.module.css";
import { mend } from "./mend";
import type { Checked, CountedOffer } from "./useDraft";

interface FilterPanelProps {
  checked: Checked | undefined;
  offers: CountedOffer[];
  chosen: number;
  onApply: (filter: string) => void;
  onMend: (error: ErrorBody) => void;
}

/** Pressing the mouse must not take the focus from the editor, or the panel would be gone before the click. */
const keepFocus = (event: React.MouseEvent) => event.preventDefault();

export function FilterPanel({ checked, offers, chosen, onApply, onMend }: FilterPanelProps) {
  if (offers.length > 0) {
    return (
      // biome-ignore lint/a11y/noStaticElementInteractions: it only keeps the focus where it is.
      <div className={css.panel} onMouseDown={keepFocus}>
        <p className={css.panelHead}>
          No filter yet. <Kbd>Enter</Kbd> looks for it in this way:
        </p>
        <ul className={css.offers} aria-label="Filters that would find it">
          {offers.map((offer, at) => (
            <li key={offer.filter}>
              <button
                type="button"
                className={css.offer}
                data-chosen={at === chosen || undefined}
                title={offer.filter}
                onClick={() => onApply(offer.filter)}
              >
                <span>{offer.does}</span>
                <code>{offer.filter}</code>
                <span className={css.calls}>{offer.calls === undefined ? "" : count(offer.calls)}</span>
              </button>
            </li>
          ))}
        </ul>
      </div>
    );
  }
  const error = checked?.error;
  if (error) {
    const name = mend(error);
    return (
      <div className={css.panel} data-tone="bad" role="alert" onMouseDown={keepFocus}>
        <CircleAlert size={14} aria-hidden />
        <span>{sentence(name ? { ...error, hint: undefined } : error)}</span>
        {name ? <Button onClick={() => onMend(error)}>Write {name}</Button> : null}
      </div>
    );
  }
  const [warning] = checked?.warnings ?? [];
  if (!warning) return null;
  return (
    <div className={css.panel} data-tone="warn" role="status" onMouseDown={keepFocus}>
      <TriangleAlert size={14} aria-hidden />
      <span>{sentence({ code: "", message: warning.message })}</span>
    </div>
  );
}
