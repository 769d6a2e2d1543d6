// The detail pane: an entry whole, and all that belongs to it.
import { Download, FileTerminal, Link2, X } from "lucide-react";
import { bodyOf, sentence } from "../api/client";
import { useFields, useStatus } from "../api/queries";
import type { EntryDetail } from "../api/types";
import { type Entry, kindOf } from "../entry/entry";
import { OutcomeMark } from "../entry/Outcome";
import { ProtocolLabel } from "../entry/Protocol";
import { precise, toMicros } from "../format/time";
import { usePreferences } from "../theme/preferences";
import { Button, IconButton } from "../ui/Button";
import { Progress } from "../ui/Controls";
import { copy } from "../ui/copy";
import { say } from "../ui/notice";
import { Menu, MenuItem } from "../ui/Popup";
import { useCopyLink } from "../url/share";
import { go, usePlace } from "../url/usePlace";
import { CallTab } from "./CallTab";
import { ConnectionTab } from "./ConnectionTab";
import { asCurl } from "./curl";
import css from "./detail.module.css";
import { FieldsTab } from "./FieldsTab";
import { FollowTab } from "./FollowTab";
import { PacketList } from "./PacketList";
import { fileAddress, useDetail } from "./queries";
import { RelatedTab } from "./RelatedTab";
import { sentenceOf } from "./sentence";

const TABS = [
  { id: "call", title: "Call" },
  { id: "connection", title: "Connection" },
  { id: "stream", title: "Follow stream" },
  { id: "packets", title: "Packets" },
  { id: "related", title: "Related" },
  { id: "fields", title: "All fields" },
] as const;

type Tab = (typeof TABS)[number]["id"];

export default function Detail({ id }: { id: number }) {
  const { data, error, isPlaceholderData } = useDetail(id);
  if (error) {
    return (
      <Shell>
        <div className={css.top}>
          <div className={css.sentence}>
            <p>{sentence(error)}</p>
            {bodyOf(error)?.code === "not_found" ? (
              <p className={css.faint}>
                It may have been let go since: how long entries are kept is one of the settings. What a snapshot holds
                stays.
              </p>
            ) : null}
          </div>
          <CloseButton />
        </div>
      </Shell>
    );
  }
  if (!data) {
    return (
      <Shell>
        <Progress label="Loading the entry" />
      </Shell>
    );
  }
  return (
    <Shell isOld={isPlaceholderData}>
      <Loaded detail={data} />
    </Shell>
  );
}

const Shell = ({ children, isOld }: { children: React.ReactNode; isOld?: boolean }) => (
  <aside className={css.detail} aria-label="Detail" aria-busy={isOld}>
    {children}
  </aside>
);

const CloseButton = () => (
  <IconButton label="Close the detail" hint="Esc" onClick={() => go({ entry: null, tab: "" })}>
    <X size={16} />
  </IconButton>
);

function Loaded({ detail }: { detail: EntryDetail }) {
  const entry = detail.entry as unknown as Entry;
  const clock = usePreferences((preferences) => preferences.clock);
  const kind = kindOf(entry);
  const tabs = TABS.filter((tab) => tab.id !== "call" || kind === "call");
  const wanted = usePlace().tab as Tab;
  const tab = tabs.some((one) => one.id === wanted) ? wanted : (tabs[0] as (typeof TABS)[number]).id;
  const { ends, what, how } = sentenceOf(entry, detail.summary);
  return (
    <>
      <div className={css.top}>
        <div className={css.sentence}>
          <p className={css.ends}>
            <ProtocolLabel name={entry.protocol} /> <span>{ends}</span>
          </p>
          <h2>
            <OutcomeMark outcome={entry.outcome ?? ""} /> <strong>{what}</strong>{" "}
            <span className={css.how} data-outcome={entry.outcome}>
              {how}
            </span>
          </h2>
          <p className={css.when}>
            {precise(toMicros(entry.timestamp), clock)}
            {entry.node_name ? ` on ${String(entry.node_name)}` : ""}
          </p>
        </div>
        <Actions entry={entry} />
        <CloseButton />
      </div>
      <Notes notes={entry.notes ?? []} />
      <nav className={css.tabs} aria-label="Parts of the detail">
        {tabs.map(({ id, title }) => (
          <button
            key={id}
            type="button"
            className={css.tab}
            aria-current={id === tab ? "true" : undefined}
            onClick={() => go({ tab: id }, "replace")}
          >
            {title}
          </button>
        ))}
      </nav>
      <div className={css.content}>
        {tab === "call" ? <CallTab detail={detail} entry={entry} /> : null}
        {tab === "connection" ? <ConnectionTab detail={detail} entry={entry} /> : null}
        {tab === "stream" ? <FollowTab key={detail.connection.id} connection={detail.connection.id} /> : null}
        {tab === "packets" ? <PacketList key={entry.id} of="entry" id={entry.id} /> : null}
        {tab === "related" ? <RelatedTab entry={entry} summary={detail.summary} /> : null}
        {tab === "fields" ? <FieldsTab entry={entry} /> : null}
      </div>
    </>
  );
}

function Notes({ notes }: { notes: string[] }) {
  if (notes.length === 0) return null;
  return (
    <ul className={css.notes} aria-label="Notes">
      {notes.map((note) => (
        <li key={note}>{note}</li>
      ))}
    </ul>
  );
}

function Actions({ entry }: { entry: Entry }) {
  const { snapshot } = usePlace();
  const copyLink = useCopyLink({ entry: entry.id });
  const rights = useStatus().data?.viewer.rights ?? [];
  const isKnown = useFields().data !== undefined;
  const curl = isKnown ? asCurl(entry) : null;
  const mayRaw = rights.includes("raw");
  const pcap = (whole: boolean) =>
    fileAddress(`/entries/${entry.id}/pcap`, { snapshot, whole_connection: whole ? "true" : undefined });
  const open = (address: string) => {
    // A download in the same tab: the server names the file, and the page stays.
    window.location.assign(address);
  };
  return (
    <div className={css.buttons}>
      {curl ? (
        <IconButton
          label="Copy as cURL"
          onClick={() => void copy(curl).then((is) => say(is ? "Command copied" : "The browser forbids copying"))}
        >
          <FileTerminal size={16} />
        </IconButton>
      ) : null}
      <IconButton label="Copy a link to this entry" hint="y" onClick={copyLink}>
        <Link2 size={16} />
      </IconButton>
      <Menu
        trigger={
          <Button look="quiet" aria-label="Open as pcap" title="Packets as a file; they hold secrets unredacted">
            <Download size={16} aria-hidden /> pcap
          </Button>
        }
      >
        <MenuItem onSelect={() => open(pcap(false))} disabled={!mayRaw || entry.has_pcap === false}>
          Packets of this entry
        </MenuItem>
        <MenuItem onSelect={() => open(pcap(true))} disabled={!mayRaw || entry.has_pcap === false}>
          Packets of the whole connection
        </MenuItem>
      </Menu>
    </div>
  );
}
