// What is captured and kept, and what can't be seen: read and changed while it runs.
import { useFields, useStatus } from "../api/queries";
import { bytes, count, long } from "../format/number";
import { precise, toMicros } from "../format/time";
import { DarkTable } from "../states/EmptyStream";
import { FaultPanel } from "../states/Fault";
import { usePreferences } from "../theme/preferences";
import { Switch } from "../ui/Controls";
import { CaptureSection } from "./CaptureSection";
import { FilesSection } from "./FilesSection";
import { LimitsSection } from "./LimitsSection";
import { useCapture, useDemo, useMayControl } from "./queries";
import { SettingsTable } from "./SettingsTable";
import css from "./settings.module.css";

export default function Settings() {
  const status = useStatus();
  const isLive = status.data?.source.kind === "live";
  return (
    <section className={css.page} aria-label="Settings">
      <div className={css.column}>
        {status.error ? <FaultPanel error={status.error} /> : null}
        {status.data?.source.kind === "files" ? <FilesSection /> : null}
        {isLive ? <CaptureSection /> : null}
        <ProtocolsSection />
        <DarkSection />
        <SecretsSection />
        <StorageSection />
        <LimitsSection />
        {isLive ? <DemoSection /> : null}
        <SettingsTable />
      </div>
    </section>
  );
}

function ProtocolsSection() {
  const { data, change, isChanging } = useCapture();
  const protocols = useFields().data?.protocols ?? [];
  const mayControl = useMayControl();
  if (!data) return null;
  const pending = protocols.filter((protocol) => protocol.pending !== "");
  return (
    <section className={css.section}>
      <h2>Protocols</h2>
      <p>What is switched off is not dissected any more; its bytes are counted as lost.</p>
      <div className={css.protocols}>
        {protocols
          .filter(({ pending }) => pending === "")
          .map(({ name, title, doc }) => (
            <div key={name} className={css.protocol} title={doc}>
              <Switch
                label={title}
                checked={data.protocols[name] ?? true}
                disabled={!mayControl || isChanging}
                onChange={(isOn) => change({ protocols: { [name]: isOn } })}
              />
              <span>{title}</span>
            </div>
          ))}
      </div>
      {pending.length > 0 ? (
        <p className={css.faint}>Not dissected yet: {pending.map(({ title }) => title).join(", ")}.</p>
      ) : null}
    </section>
  );
}

function DarkSection() {
  const status = useStatus().data;
  if (!status || (status.dark.length === 0 && status.watching.rights.length === 0)) return null;
  return (
    <section className={css.section}>
      <h2>What can’t be seen</h2>
      {status.watching.rights.length > 0 ? <p>Rights: {status.watching.rights.join(", ")}.</p> : null}
      {status.dark.length > 0 ? <DarkTable dark={status.dark} /> : <p>Nothing is known to be hidden.</p>}
    </section>
  );
}

function SecretsSection() {
  const status = useStatus().data;
  if (!status) return null;
  return (
    <section className={css.section}>
      <h2>Secrets</h2>
      {status.is_redacting ? (
        <p>
          Credentials, cookies, passwords, tokens and card numbers are replaced by fingerprints before anything is
          stored. Filters still find them by their scheme.
        </p>
      ) : (
        <p className={css.warn}>Nothing is redacted: secrets are stored and shown as they were sent.</p>
      )}
      <p>
        Raw packets hold secrets as they were sent: the ring, snapshots with packets, and every pcap file that is saved
        from here.
      </p>
    </section>
  );
}

function StorageSection() {
  const recording = useStatus().data?.recording;
  const clock = usePreferences((preferences) => preferences.clock);
  if (!recording) return null;
  const when = (time: string | null | undefined) => (time ? precise(toMicros(time), clock) : "–");
  const rows: [string, string][] = [
    ["Storing", recording.is_on ? "on" : "off"],
    ["Directory", recording.directory || "–"],
    [
      "Entries",
      `${count(recording.entries)}, ${recording.bytes > 0 ? bytes(recording.bytes) : "not packed into files yet"}`,
    ],
    ["Raw packets", bytes(recording.ring_bytes)],
    ["Kept at most", keptAtMost(recording.retention_bytes, recording.retention_seconds)],
    ["Oldest entry", when(recording.oldest)],
    ["Newest entry", when(recording.newest)],
  ];
  return (
    <section className={css.section}>
      <h2>Storage</h2>
      {recording.trouble ? <p className={css.warn}>{recording.trouble}</p> : null}
      <table className={css.facts}>
        <tbody>
          {rows.map(([title, value]) => (
            <tr key={title}>
              <th scope="row">{title}</th>
              <td>{value}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function keptAtMost(size: number | null | undefined, seconds: number | null | undefined): string {
  const parts = [size ? bytes(size) : "", seconds ? long(seconds) : ""].filter(Boolean);
  return parts.length > 0 ? `${parts.join(" or ")}; the oldest go first` : "everything";
}

function DemoSection() {
  const { data, change } = useDemo();
  const mayControl = useMayControl();
  if (!data) return null;
  return (
    <section className={css.section}>
      <h2>Sample traffic</h2>
      <div className={css.protocol}>
        <Switch label="Sample traffic" checked={data.on} disabled={!mayControl} onChange={(isOn) => change(isOn)} />
        <span>A small shop on the loopback that talks every protocol, to try things out</span>
      </div>
    </section>
  );
}
