// A body: as tree, laid out, as it came, or as bytes; searched in any form. It is text, whatever it holds.
import { useMemo, useRef, useState } from "react";
import type { Half } from "../api/types";
import { bytes } from "../format/number";
import { Segments } from "../ui/Controls";
import { fromBase64, hexDump, parseJson, pretty, printable, toBytes } from "./body";
import css from "./detail.module.css";
import { JsonTree } from "./JsonTree";
import { SearchField } from "./SearchField";
import type { Body } from "./sides";
import { useSearch } from "./useSearch";
import values from "./values.module.css";

type Form = "tree" | "pretty" | "raw" | "hex";

interface BodyViewProps {
  side: "request" | "response";
  body: Body;
  contentType: string;
  facts: NonNullable<Half["body"]> | null;
}

export function BodyView({ side, body, contentType, facts }: BodyViewProps) {
  const [chosen, setChosen] = useState<Form | null>(null);
  const box = useRef<HTMLElement>(null);
  const text = body.text;
  const json = useMemo(() => (text === null ? ({ isJson: false } as const) : parseJson(text)), [text]);
  const laidOut = useMemo(() => (text === null ? null : pretty(text, contentType)), [text, contentType]);
  const forms: Form[] = [
    ...(json.isJson ? (["tree"] as const) : []),
    ...(laidOut === null ? [] : (["pretty"] as const)),
    "raw",
    "hex",
  ];
  const form = chosen && forms.includes(chosen) ? chosen : (forms[0] as Form);
  const data = useMemo(() => (body.base64 === null ? null : fromBase64(body.base64)), [body.base64]);
  const shown = useMemo(() => {
    if (form === "tree") return "";
    if (form === "pretty") return laidOut ?? "";
    if (form === "raw") return text ?? printable(data ?? new Uint8Array());
    return hexDump(data ?? toBytes(text ?? ""));
  }, [form, laidOut, text, data]);
  const search = useSearch(box, `${form} ${shown.length} ${chosen}`);

  return (
    <section className={css.block}>
      <div className={css.blockHead}>
        <h3>
          Body <small>{facts ? factWords(facts) : ""}</small>
        </h3>
        <SearchField search={search} label={`Search in the ${side} body`} />
        <Segments
          label={`Form of the ${side} body`}
          value={form}
          options={forms.map((value) => ({ value, label: value }))}
          onChange={setChosen}
        />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys. */}
      <section className={values.body} ref={box} tabIndex={0} aria-label={`Body of the ${side}`}>
        {form === "tree" && json.isJson ? (
          <JsonTree value={json.value} path={`${side}.body.json()`} isOpen={search.text !== ""} />
        ) : (
          <pre>{shown}</pre>
        )}
      </section>
      {facts?.is_cut ? <p className={css.cut}>The rest was not kept.</p> : null}
    </section>
  );
}

function factWords(facts: NonNullable<Half["body"]>): string {
  const kept = bytes(facts.kept_bytes);
  return facts.kept_bytes === facts.wire_bytes ? kept : `${kept} kept, ${bytes(facts.wire_bytes)} on the wire`;
}
