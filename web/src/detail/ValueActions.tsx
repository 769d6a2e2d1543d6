// "+", "−" and copy: on every value that is shown.
import { Copy, Minus, Plus } from "lucide-react";
import { add, is, isNot, type Scalar, type Target } from "../filter/clause";
import { copy } from "../ui/copy";
import { say } from "../ui/notice";
import { go, place } from "../url/usePlace";
import values from "./values.module.css";

/** Narrows the filter to entries with the value. */
export const filterFor = (target: Target, value: Scalar): void =>
  go({ filter: add(place().filter, is(target, value), isNot(target, value)) });

/** Narrows the filter to entries without the value. */
export const filterOut = (target: Target, value: Scalar): void =>
  go({ filter: add(place().filter, isNot(target, value), is(target, value)) });

interface ValueActionsProps {
  /** The field; left out for what no filter can name. */
  target?: Target;
  value: Scalar;
}

export function ValueActions({ target, value }: ValueActionsProps) {
  const name = target ? `${target.path}${target.key === undefined ? "" : ` ${target.key}`}` : "value";
  return (
    <span className={values.actions}>
      {target ? (
        <>
          <button
            type="button"
            aria-label={`Filter for ${name}`}
            title="Filter for"
            onClick={() => filterFor(target, value)}
          >
            <Plus size={12} />
          </button>
          <button
            type="button"
            aria-label={`Filter out ${name}`}
            title="Filter out"
            onClick={() => filterOut(target, value)}
          >
            <Minus size={12} />
          </button>
        </>
      ) : null}
      <button
        type="button"
        aria-label={`Copy ${name}`}
        title="Copy"
        onClick={() =>
          void copy(String(value)).then((isDone) =>
            say(isDone ? "Copied" : "The browser forbids copying", isDone ? "calm" : "bad"),
          )
        }
      >
        <Copy size={12} />
      </button>
    </span>
  );
}
