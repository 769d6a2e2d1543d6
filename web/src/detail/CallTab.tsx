// A call: how its time went, then request and response side by side.
import { useFields } from "../api/queries";
import type { EntryDetail, Half } from "../api/types";
import { type Entry, valueAt } from "../entry/entry";
import { bytes, plural } from "../format/number";
import { BodyView } from "./BodyView";
import css from "./detail.module.css";
import { FieldTable, MapTable } from "./FieldTable";
import { bodyOf, type Shown, sides } from "./sides";
import { CallWaterfall } from "./Waterfall";

export function CallTab({ detail, entry }: { detail: EntryDetail; entry: Entry }) {
  const fields = useFields().data?.fields;
  if (!fields) return null;
  const shown = sides(entry, fields);
  const both = shown.both.filter((one) => one.field.type !== "map");
  const maps = shown.both.filter((one) => one.field.type === "map");
  return (
    <>
      <CallWaterfall detail={detail} entry={entry} />
      <FieldTable rows={both} title="Fields of the call" />
      {maps.map(({ field, value }) => (
        <MapTable key={field.name} path={field.name} value={value} title={field.name} />
      ))}
      <div className={css.sides}>
        <SideView side="request" half={detail.request ?? null} shown={shown.request} entry={entry} />
        <SideView side="response" half={detail.response ?? null} shown={shown.response} entry={entry} />
      </div>
    </>
  );
}

interface SideViewProps {
  side: "request" | "response";
  half: Half | null;
  shown: Shown[];
  entry: Entry;
}

function SideView({ side, half, shown, entry }: SideViewProps) {
  const body = bodyOf(entry, side);
  const maps = shown.filter((one) => one.field.type === "map");
  const contentType = valueAt(entry, `${side}_content_type`);
  return (
    <section className={css.side} aria-label={side === "request" ? "Request" : "Response"}>
      <h2 className={css.sideTitle}>
        {side === "request" ? "Request" : "Response"}{" "}
        <small>
          {half ? `${bytes(half.wire_bytes)} in ${plural(half.packets, "packet")}` : "was not seen"}
          {half?.is_partial ? ", a part is missing" : ""}
        </small>
      </h2>
      <FieldTable
        rows={shown.filter((one) => one.field.type !== "map")}
        title={`Fields of the ${side}`}
        without={`${side}_`}
      />
      {maps.map(({ field, value }) => (
        <MapTable key={field.name} path={field.name} value={value} title={mapTitle(field)} />
      ))}
      {body ? (
        <BodyView
          side={side}
          body={body}
          contentType={typeof contentType === "string" ? contentType : ""}
          facts={half?.body ?? null}
        />
      ) : null}
    </section>
  );
}

/** `request.headers` is "Headers", `query_string` by its other name `request.query` is "Query". */
function mapTitle({ name, aliases }: { name: string; aliases: string[] }): string {
  const dotted = [name, ...aliases].find((one) => one.includes(".")) ?? name;
  const last = dotted.split(".").at(-1) as string;
  return last.charAt(0).toUpperCase() + last.slice(1).replaceAll("_", " ");
}
