// The bar above the rows: what is shown of the stream, and how.
import { Columns3 } from "lucide-react";
import { short } from "../format/number";
import { usePause } from "../live/pause";
import { type ColumnChoice, usePreferences } from "../theme/preferences";
import { Button } from "../ui/Button";
import { Segments, Switch } from "../ui/Controls";
import { Popover } from "../ui/Popup";
import { go, usePlace } from "../url/usePlace";
import { ColumnMenu } from "./ColumnMenu";
import { useFeed } from "./feeder";
import css from "./stream.module.css";

interface StreamBarProps {
  columns: ColumnChoice[];
  onChange: (columns: ColumnChoice[] | null) => void;
}

export function StreamBar({ columns, onChange }: StreamBarProps) {
  const { undrawn, link } = useFeed();
  const { isPaused } = usePause();
  const { isAll } = usePlace();
  const { isRelative, change } = usePreferences();
  return (
    <div className={css.viewBar}>
      <Switch label="Show all connections and flows" checked={isAll} onChange={(is) => go({ isAll: is }, "replace")} />
      <span title="Calls always show, and connections that failed or whose protocol is not known">
        All connections and flows
      </span>
      <span style={{ flex: 1 }} />
      {undrawn > 0 && link.isUp && !isPaused ? (
        <span className={css.flood} role="status" title="All are stored: scroll down to the marks to load them">
          {short(undrawn)}/s not drawn, all stored
        </span>
      ) : null}
      <Segments
        label="Times"
        value={isRelative ? "relative" : "absolute"}
        options={[
          { value: "absolute", label: "Time", title: "The time of day" },
          { value: "relative", label: "Age", title: "How long ago" },
        ]}
        onChange={(value) => change({ isRelative: value === "relative" })}
      />
      <Popover
        align="end"
        label="Columns"
        trigger={
          <Button look="quiet">
            <Columns3 size={14} aria-hidden /> Columns
          </Button>
        }
      >
        <ColumnMenu columns={columns} onChange={onChange} />
      </Popover>
    </div>
  );
}
