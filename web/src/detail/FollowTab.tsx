// The reassembled bytes of both directions, whatever the protocol: as text or hex, with gaps where bytes never came.
import { Download } from "lucide-react";
import { useMemo, useRef, useState } from "react";
import { sentence } from "../api/client";
import { useStatus } from "../api/queries";
import type { FollowChunk } from "../api/types";
import { bytes } from "../format/number";
import { Button } from "../ui/Button";
import { Progress, Segments } from "../ui/Controls";
import { usePlace } from "../url/usePlace";
import { fromBase64, hexDump, printable, toBytes } from "./body";
import bytesCss from "./bytes.module.css";
import css from "./detail.module.css";
import { type Direction, fileAddress, useFollow } from "./queries";
import { SearchField } from "./SearchField";
import { useSearch } from "./useSearch";

export function FollowTab({ connection }: { connection: number }) {
  const [direction, setDirection] = useState<Direction>("both");
  const [form, setForm] = useState<"text" | "hex">("text");
  const { data, error, isPending, hasNextPage, fetchNextPage, isFetchingNextPage } = useFollow(connection, direction);
  const { snapshot } = usePlace();
  const mayRaw = useStatus().data?.viewer.rights.includes("raw") ?? false;
  const box = useRef<HTMLDivElement>(null);
  const chunks = useMemo(() => data?.pages.flatMap((part) => part.chunks) ?? [], [data]);
  const search = useSearch(box, `${form} ${direction} ${chunks.length}`);
  const first = data?.pages[0];
  return (
    <>
      <div className={css.blockHead}>
        <Segments
          label="Direction"
          value={direction}
          options={[
            { value: "both", label: "both" },
            { value: "to_server", label: "→ server" },
            { value: "to_client", label: "← client" },
          ]}
          onChange={setDirection}
        />
        <Segments
          label="Form"
          value={form}
          options={[
            { value: "text", label: "text" },
            { value: "hex", label: "hex" },
          ]}
          onChange={setForm}
        />
        <SearchField search={search} label="Search in the stream" />
        <Button
          disabled={!mayRaw || !first}
          title="Save these bytes as a file; they are unredacted"
          onClick={() =>
            window.location.assign(fileAddress(`/connections/${connection}/bytes`, { direction, snapshot }))
          }
        >
          <Download size={14} aria-hidden /> Save
        </Button>
      </div>
      {first ? (
        <p className={css.faint}>
          {first.client} ⇄ {first.server}:{" "}
          {first.ends
            .map((end) => {
              const gap = end.gap_bytes > 0 ? ` and ${bytes(end.gap_bytes)} missing` : "";
              return `${bytes(end.bytes)}${gap} ${end.direction === "to_server" ? "to the server" : "to the client"}`;
            })
            .join(", ")}
        </p>
      ) : null}
      {isPending ? <Progress label="Reassembling the stream" /> : null}
      {error ? <p className={css.faint}>{sentence(error)}</p> : null}
      {first && chunks.length === 0 ? <p className={css.faint}>No payload was carried.</p> : null}
      <div ref={box} className={bytesCss.follow}>
        {chunks.map((chunk) => (
          <Chunk key={`${chunk.direction} ${chunk.offset} ${chunk.kind}`} chunk={chunk} form={form} />
        ))}
      </div>
      {hasNextPage ? (
        <Button disabled={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          {isFetchingNextPage ? "Loading…" : "More of the stream"}
        </Button>
      ) : null}
    </>
  );
}

function Chunk({ chunk, form }: { chunk: FollowChunk; form: "text" | "hex" }) {
  const shown = useMemo(() => {
    if (chunk.kind === "gap") return "";
    if (form === "text") return chunk.text ?? printable(fromBase64(chunk.text_b64 ?? ""));
    return hexDump(chunk.text_b64 ? fromBase64(chunk.text_b64) : toBytes(chunk.text ?? ""), chunk.offset);
  }, [chunk, form]);
  if (chunk.kind === "gap") {
    return (
      <p className={bytesCss.gap} data-direction={chunk.direction}>
        {bytes(chunk.length)} never came or can’t be had any more
      </p>
    );
  }
  return (
    <pre data-direction={chunk.direction} title={`packet ${chunk.packet}`}>
      {shown}
    </pre>
  );
}
