// The protocol as a short coloured label. Colours come from one set, in the order of the table of protocols.
import { create } from "zustand";
import css from "./entry.module.css";

const LABEL_COLORS = 8;

/** The number of each protocol's colour; a store of its own, since thousands of labels read it while one scrolls. */
const useColors = create<Record<string, number>>(() => ({}));

/** Gives out the colours, once the table of protocols is known. */
export const colorProtocols = (protocols: { name: string }[]): void =>
  useColors.setState(Object.fromEntries(protocols.map(({ name }, at) => [name, at % LABEL_COLORS])), true);

export function ProtocolLabel({ name }: { name: string }) {
  const color = useColors((colors) => colors[name]);
  return (
    <span className={css.protocol} data-color={color ?? 0}>
      {name}
    </span>
  );
}
