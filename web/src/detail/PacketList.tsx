// The packets of an entry or connection: time, way, flags, numbers, length; each opens to its bytes.
import { useState } from "react";
import { sentence } from "../api/client";
import type { PacketInfo } from "../api/types";
import { micros, plural } from "../format/number";
import { precise, toMicros } from "../format/time";
import { usePreferences } from "../theme/preferences";
import { Button } from "../ui/Button";
import { Progress } from "../ui/Controls";
import { fromHex, hexDump } from "./body";
import bytesCss from "./bytes.module.css";
import css from "./detail.module.css";
import { usePackets } from "./queries";

export function PacketList({ of, id }: { of: "connection" | "entry"; id: number }) {
  const { data, error, isPending, hasNextPage, fetchNextPage, isFetchingNextPage } = usePackets(of, id);
  const [open, setOpen] = useState<number | null>(null);
  const clock = usePreferences((preferences) => preferences.clock);
  if (isPending) return <Progress label="Loading the packets" />;
  if (error) return <p className={css.faint}>{sentence(error)}</p>;
  const packets = data.pages.flatMap((part) => part.packets);
  const missing = data.pages[0]?.missing ?? 0;
  const startUs = toMicros(packets[0]?.time ?? "");
  return (
    <>
      {missing > 0 ? (
        <p className={css.cut}>
          {plural(missing, "packet")} can’t be had any more: the ring of raw packets is first in, first out.
        </p>
      ) : null}
      {packets.length === 0 && missing === 0 ? <p className={css.faint}>No packets are kept.</p> : null}
      <table className={bytesCss.packets}>
        <thead>
          <tr>
            <th>Number</th>
            <th>Time</th>
            <th>Way</th>
            <th>Flags</th>
            <th>Sequence</th>
            <th>Acknowledges</th>
            <th>Payload</th>
            <th>Length</th>
          </tr>
        </thead>
        {packets.map((packet) => (
          <tbody key={packet.number} data-open={open === packet.number || undefined}>
            <tr>
              <td>
                <button
                  type="button"
                  aria-expanded={open === packet.number}
                  onClick={() => setOpen(open === packet.number ? null : packet.number)}
                >
                  {packet.number}
                </button>
              </td>
              <td title={precise(toMicros(packet.time), clock)}>{micros(toMicros(packet.time) - startUs)}</td>
              <td title={`${packet.src} → ${packet.dst}`}>{way(packet)}</td>
              <td>{packet.flags ?? ""}</td>
              <td>{packet.sequence ?? ""}</td>
              <td>{packet.acknowledgement ?? ""}</td>
              <td>{packet.payload_bytes}</td>
              <td>{packet.wire_bytes}</td>
            </tr>
            {open === packet.number ? (
              <tr>
                <td colSpan={8}>
                  <pre className={bytesCss.hex}>{hexDump(fromHex(packet.hex))}</pre>
                </td>
              </tr>
            ) : null}
          </tbody>
        ))}
      </table>
      {hasNextPage ? (
        <Button disabled={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          {isFetchingNextPage ? "Loading…" : "More packets"}
        </Button>
      ) : null}
    </>
  );
}

const way = ({ direction }: PacketInfo): string =>
  direction === "to_server" ? "→ server" : direction === "to_client" ? "← client" : "";
