// Short notices at the foot of the page: what was just done, or could not be done.
import { create } from "zustand";

interface Notices {
  text: string;
  tone: "calm" | "bad";
  serial: number;
}

export const useNotice = create<Notices>(() => ({ text: "", tone: "calm", serial: 0 }));

/** Says something for a few seconds. */
export function say(text: string, tone: "calm" | "bad" = "calm"): void {
  useNotice.setState((was) => ({ text, tone, serial: was.serial + 1 }));
}
