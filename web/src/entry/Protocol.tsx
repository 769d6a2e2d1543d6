// The protocol as a short coloured label. Colours come from one set, in the order of the table of protocols.
import { useFields } from "../api/queries";
import css from "./entry.module.css";

export const LABEL_COLORS = 8;

/** The number of a protocol's colour. */
export function labelColor(protocol: string, protocols: { name: string }[]): number {
  const at = protocols.findIndex((one) => one.name === protocol);
  return at < 0 ? 0 : at % LABEL_COLORS;
}

export function ProtocolLabel({ name }: { name: string }) {
  const protocols = useFields().data?.protocols ?? [];
  return (
    <span className={css.protocol} data-color={labelColor(name, protocols)}>
      {name}
    </span>
  );
}
