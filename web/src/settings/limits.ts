// The limits of what is kept: what each means, and what a narrower one deletes, in words.
import type { Deletes } from "../api/types";
import { bytes, plural } from "../format/number";

export interface Limit {
  key: string;
  title: string;
  means: string;
  example: string;
}

export const LIMITS: readonly Limit[] = [
  {
    key: "retention-bytes",
    title: "Entries, at most",
    means: "When stored entries take more room than this, the oldest go first, a file of up to an hour at a time.",
    example: "10GiB or 500MiB",
  },
  {
    key: "retention-age",
    title: "Entries, no longer than",
    means:
      "Older entries go. After a start, and whenever the clock was set, this waits ten minutes: a wrong clock would make everything old.",
    example: "7d, 36h or 90m",
  },
  {
    key: "ring-bytes",
    title: "Raw packets, at most",
    means:
      "The packets as they were captured, from which packet lists, streams and pcap files are made. The oldest go first; their entries stay.",
    example: "1GiB or 200MiB",
  },
];

/** What goes by a change, as a part of a sentence; empty where nothing goes. */
export function goes(deletes: Deletes): string {
  const parts = [
    deletes.entries > 0 ? `${plural(deletes.entries, "entry", "entries")} (${bytes(deletes.bytes)})` : "",
    deletes.packet_bytes > 0 ? `${bytes(deletes.packet_bytes)} of raw packets` : "",
  ];
  return parts.filter(Boolean).join(" and ");
}
