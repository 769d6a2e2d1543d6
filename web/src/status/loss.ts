// Which losses hide what was said, and which hide nothing: a name that is missing, frames that carry no calls.
import type { LossAnswer } from "../api/types";
import { bytes, count, micros } from "../format/number";

type Cause = Pick<LossAnswer["causes"][number], "stage" | "cause">;

/**
 * Whether entries, or parts of them, are missing for the cause. A process that could not be named hides none; nor does a frame
 * of another network protocol (ARP is on every network), nor a retransmission of bytes that had been seen before.
 */
export const hidesEntries = ({ stage, cause }: Cause): boolean =>
  stage !== "identity" && !HARMLESS.has(`${stage} ${cause}`);

/** How much was lost, in the unit that reads best: `12 packets`, `1.5 KiB`, `2.1 s`. */
export function lossAmount(amount: number, unit: string): string {
  if (unit === "bytes") return bytes(amount);
  if (unit === "milliseconds") return micros(amount * 1000);
  return `${count(amount)} ${unit}`;
}

const HARMLESS: ReadonlySet<string> = new Set(["wire not IP", "reassembly overlap unchecked"]);
