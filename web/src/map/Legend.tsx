// What the lines mean; protocols hide and show.
import { ProtocolLabel } from "../entry/Protocol";
import css from "./map.module.css";
import { SHARES } from "./style";

interface LegendProps {
  protocols: string[];
  hidden: ReadonlySet<string>;
  onChange: (hidden: ReadonlySet<string>) => void;
  isDark: (protocol: string) => boolean;
}

export function Legend({ protocols, hidden, onChange, isDark }: LegendProps) {
  const toggle = (protocol: string) => {
    const next = new Set(hidden);
    if (!next.delete(protocol)) next.add(protocol);
    onChange(next);
  };
  return (
    <fieldset className={css.legend}>
      <legend className="sr-only">Legend</legend>
      {protocols.map((protocol) => (
        <label key={protocol}>
          <input type="checkbox" checked={!hidden.has(protocol)} onChange={() => toggle(protocol)} />
          <ProtocolLabel name={protocol} />
        </label>
      ))}
      {SHARES.map(({ color, words }) => (
        <span key={words}>
          <i style={{ borderTopColor: `var(--${color})` }} /> {words}
        </span>
      ))}
      {protocols.some(isDark) ? (
        <span title="Only the connections were seen; what they carried is not known">
          <i className={css.dotted} /> content not seen
        </span>
      ) : null}
    </fieldset>
  );
}
