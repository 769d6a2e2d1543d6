// A JSON value as a tree that opens and closes; every leaf has "+", "−" and copy.
import { ChevronRight } from "lucide-react";
import { useState } from "react";
import { plural } from "../format/number";
import { childPath } from "./body";
import { ValueActions } from "./ValueActions";
import values from "./values.module.css";

interface JsonTreeProps {
  value: unknown;
  /** The value's way as KFL writes it. */
  path: string;
  name?: string | number;
  depth?: number;
  /** Whether all is open, so that a search finds what lies deep. */
  isOpen: boolean;
}

export function JsonTree({ value, path, name, depth = 0, isOpen }: JsonTreeProps) {
  const [isOwnOpen, setIsOwnOpen] = useState(depth < OPEN_DEPTH);
  const [shown, setShown] = useState(FIRST_CHILDREN);
  if (typeof value !== "object" || value === null) return <Leaf value={value} path={path} name={name} />;

  const pairs: [string | number, unknown][] = Array.isArray(value)
    ? value.map((item, at) => [at, item])
    : Object.entries(value);
  const open = isOpen || isOwnOpen;
  return (
    <div className={values.node}>
      <button type="button" className={values.twist} aria-expanded={open} onClick={() => setIsOwnOpen(!isOwnOpen)}>
        <ChevronRight size={12} aria-hidden />
        {name === undefined ? null : <span className={values.key}>{name}</span>}
        <span className={values.size}>
          {Array.isArray(value) ? `[${plural(pairs.length, "item")}]` : `{${plural(pairs.length, "name")}}`}
        </span>
      </button>
      {open ? (
        <div className={values.children}>
          {pairs.slice(0, shown).map(([key, held]) => (
            <JsonTree key={key} value={held} path={childPath(path, key)} name={key} depth={depth + 1} isOpen={isOpen} />
          ))}
          {pairs.length > shown ? (
            <button type="button" className={values.twist} onClick={() => setShown(shown + MORE_CHILDREN)}>
              {plural(pairs.length - shown, "more", "more")}
            </button>
          ) : null}
        </div>
      ) : null}
    </div>
  );
}

function Leaf({ value, path, name }: { value: unknown; path: string; name?: string | number }) {
  const isScalar = typeof value === "string" || typeof value === "number" || typeof value === "boolean";
  // A value below a decoded body is missing where the body is, and then no comparison holds: the type of a map fits.
  return (
    <div className={values.leaf}>
      {name === undefined ? null : <span className={values.key}>{name}</span>}
      <span data-type={value === null ? "null" : typeof value}>{JSON.stringify(value)}</span>
      {isScalar ? <ValueActions target={{ path, type: "json" }} value={value} /> : null}
    </div>
  );
}

const OPEN_DEPTH = 3;
const FIRST_CHILDREN = 100;
const MORE_CHILDREN = 400;
