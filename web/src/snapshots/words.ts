// What a snapshot holds, in words.
import type { Snapshot } from "../api/types";
import { bytes, plural } from "../format/number";

type Packets = Pick<Snapshot, "has_packets" | "packets" | "packet_bytes">;

/** Its packets: how many, and how large. Those of an earlier version were not counted. */
export function packetsOf({ has_packets, packets, packet_bytes }: Packets): string {
  if (!has_packets) return "without packets";
  if (packets === 0 && packet_bytes === 0) return "no packets counted";
  return `${plural(packets, "packet")} (${bytes(packet_bytes)})`;
}
