// Fields with their values, each with "+", "−" and copy.
import { Fragment } from "react";
import type { Json } from "../entry/entry";
import type { Scalar, Target } from "../filter/clause";
import { bytes, micros, plural } from "../format/number";
import { precise, toMicros } from "../format/time";
import { usePreferences } from "../theme/preferences";
import css from "./detail.module.css";
import type { Shown } from "./sides";
import { ValueActions } from "./ValueActions";
import values from "./values.module.css";

interface FieldTableProps {
  rows: Shown[];
  title?: string;
  /** What stands above the table already and is left out of the names: `request_`. */
  without?: string;
}

export function FieldTable({ rows, title, without = "" }: FieldTableProps) {
  if (rows.length === 0) return null;
  return (
    <table className={values.values} aria-label={title}>
      <tbody>
        {rows.map(({ field, value }) => (
          <ValueRows
            key={field.name}
            name={field.name}
            shownName={field.name.startsWith(without) ? field.name.slice(without.length) : field.name}
            doc={field.doc}
            unit={field.unit}
            type={field.type}
            value={value}
          />
        ))}
      </tbody>
    </table>
  );
}

/** The pairs of a map field as a table: headers, cookies, query, form. */
export function MapTable({ path, value, title }: { path: string; value: Json; title: string }) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const pairs = Object.entries(value).flatMap(([key, held]) =>
    (Array.isArray(held) ? held : [held]).map((one, at) => ({ key, value: one, at })),
  );
  if (pairs.length === 0) return null;
  return (
    <section className={css.block}>
      <h3>
        {title} <small>{pairs.length}</small>
      </h3>
      <table className={values.values} aria-label={title}>
        <tbody>
          {pairs.map(({ key, value: held, at }) => (
            <Line key={`${key} ${at}`} name={key} target={{ path, type: "map", key }} value={scalar(held)} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

interface ValueRowsProps {
  name: string;
  shownName: string;
  doc: string;
  unit: string;
  type: string;
  value: Json;
}

function ValueRows({ name, shownName, doc: meaning, unit, type, value }: ValueRowsProps) {
  const clock = usePreferences((preferences) => preferences.clock);
  const doc = `${name}: ${meaning}`;
  if (Array.isArray(value)) {
    return value.map((one, at) => (
      // biome-ignore lint/suspicious/noArrayIndexKey: the items of a list have no other name than their place.
      <Line key={at} name={at === 0 ? shownName : ""} doc={doc} target={{ path: name, type }} value={scalar(one)} />
    ));
  }
  if (typeof value === "object" && value !== null) {
    return Object.entries(value).map(([key, held]) => (
      <Line key={key} name={`${shownName} ${key}`} doc={doc} target={{ path: name, type, key }} value={scalar(held)} />
    ));
  }
  const target = type === "bytes" ? undefined : { path: name, type };
  return (
    <Line name={shownName} doc={doc} target={target} value={scalar(value)} shown={shownAs(value, type, unit, clock)} />
  );
}

interface LineProps {
  name: string;
  doc?: string;
  target?: Target;
  value: Scalar;
  /** How the value reads, where that differs. */
  shown?: string;
}

export function Line({ name, doc, target, value, shown }: LineProps) {
  return (
    <tr>
      <th scope="row" title={doc}>
        <Breakable name={name} />
      </th>
      <td title={shown === undefined || shown === String(value) ? undefined : String(value)}>
        {shown ?? String(value)}
      </td>
      <td>
        <ValueActions target={target} value={value} />
      </td>
    </tr>
  );
}

/** A name that may break behind its dots and underscores. */
function Breakable({ name }: { name: string }) {
  return name.split(/(?<=[._])/).map((part, at) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a name have no other name than their place.
    <Fragment key={at}>
      {at > 0 ? <wbr /> : null}
      {part}
    </Fragment>
  ));
}

function shownAs(value: Json, type: string, unit: string, clock: "local" | "utc"): string | undefined {
  if (type === "timestamp" && typeof value === "string") return precise(toMicros(value), clock);
  if (typeof value !== "number") return undefined;
  if (unit === "µs") return micros(value);
  if (unit === "bytes") return bytes(value);
  return unit === "" ? undefined : plural(value, unit.replace(/(?<=\w{3})s$/, ""), unit);
}

const scalar = (value: Json): Scalar =>
  typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : JSON.stringify(value);
