// Where entries come from: this machine live, files, or a snapshot; and the way back from a snapshot.
import { X } from "lucide-react";
import { useStatus } from "../api/queries";
import { useSnapshots } from "../snapshots/queries";
import { IconButton } from "../ui/Button";
import { go, usePlace } from "../url/usePlace";
import css from "./app.module.css";

export function SourceChip() {
  const { snapshot } = usePlace();
  const status = useStatus().data;
  const snapshots = useSnapshots(snapshot !== "").data?.snapshots;
  if (snapshot) {
    const name = snapshots?.find((one) => one.id === snapshot)?.name || snapshot;
    return (
      <span className={css.source} data-kind="snapshot">
        <span>snapshot</span> <b title={name}>{name}</b>
        <IconButton label="Leave the snapshot" isSmall onClick={() => go({ snapshot: "", entry: null, range: null })}>
          <X size={12} />
        </IconButton>
      </span>
    );
  }
  if (!status) return <span className={css.source}>…</span>;
  const isDark = status.source.kind === "live" && !status.watching.is_on;
  return (
    <span className={css.source} data-kind={isDark ? "off" : status.source.kind} title={title(status)}>
      <i className={css.dot} aria-hidden />
      <span>{isDark ? "capture off" : status.source.kind}</span> <b>{sourceName(status)}</b>
    </span>
  );
}

/** The name of the source; of several files first how many there are, since there is no room for all names. */
function sourceName({ source, node_name }: NonNullable<ReturnType<typeof useStatus>["data"]>): string {
  const files = source.kind === "files" ? source.name.split(", ") : [];
  return files.length > 1 ? `${files.length}: ${source.name}` : source.name || node_name;
}

function title(status: NonNullable<ReturnType<typeof useStatus>["data"]>): string {
  const { interfaces, bpf } = status.watching;
  if (status.source.kind !== "live") return status.source.name;
  const on = interfaces.length > 0 ? interfaces.join(", ") : "all interfaces";
  return `Watching ${on}${bpf ? `, only ${bpf}` : ""} since ${new Date(status.started).toLocaleString()}`;
}
