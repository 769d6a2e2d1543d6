// How much is kept: changed while it runs. What a narrower limit deletes is said, and asked once, before it is applied.
import { useState } from "react";
import { sentence } from "../api/client";
import type { Deletes, Setting } from "../api/types";
import { Button } from "../ui/Button";
import { say } from "../ui/notice";
import { Dialog } from "../ui/Popup";
import ui from "../ui/ui.module.css";
import { goes, LIMITS, type Limit } from "./limits";
import { changeSettings, useMayControl, useSettings } from "./queries";
import css from "./settings.module.css";

export function LimitsSection() {
  const { data } = useSettings();
  const mayControl = useMayControl();
  const shown = LIMITS.flatMap((limit) => {
    const setting = data?.settings.find(({ key }) => key === limit.key);
    return setting && (setting.is_changeable || setting.note) ? [{ limit, setting }] : [];
  });
  if (shown.length === 0) return null;
  return (
    <section className={css.section}>
      <h2>How much is kept</h2>
      <p>A change holds at once and over restarts. What no longer fits is deleted for good; snapshots stay.</p>
      {shown.map(({ limit, setting }) => (
        <div key={limit.key} className={css.limit}>
          <h3 id={limit.key}>{limit.title}</h3>
          {setting.is_changeable && mayControl ? (
            <LimitField key={setting.value} limit={limit} setting={setting} />
          ) : (
            <code>{setting.value}</code>
          )}
          <p className={css.faint}>{setting.note ? `${limit.means} Here ${setting.note}.` : limit.means}</p>
        </div>
      ))}
    </section>
  );
}

function LimitField({ limit, setting }: { limit: Limit; setting: Setting }) {
  const [draft, setDraft] = useState(setting.value);
  const [isBusy, setBusy] = useState(false);
  const [fault, setFault] = useState("");
  const [doomed, setDoomed] = useState<Deletes | null>(null);
  const value = draft.trim();
  const attempt = async (isTrial: boolean) => {
    setBusy(true);
    setFault("");
    try {
      const { deletes } = await changeSettings({ [limit.key]: value }, isTrial);
      if (isTrial && goes(deletes)) setDoomed(deletes);
      else if (isTrial) await attempt(false);
      else say(goes(deletes) ? `It holds now; ${goes(deletes)} went` : "It holds now");
    } catch (error) {
      setFault(sentence(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      className={css.line}
      onSubmit={(event) => {
        event.preventDefault();
        void attempt(true);
      }}
    >
      <input
        className={`${ui.field} mono`}
        aria-labelledby={limit.key}
        aria-invalid={fault ? true : undefined}
        value={draft}
        placeholder={limit.example}
        onChange={(event) => {
          setDraft(event.target.value);
          setFault("");
        }}
      />
      {value !== setting.value && value !== "" ? (
        <Button type="submit" look="main" disabled={isBusy}>
          Apply
        </Button>
      ) : null}
      <span className={css.faint}>{fault ? "" : `such as ${limit.example}`}</span>
      {fault ? (
        <span className={css.warn} role="alert">
          {fault}
        </span>
      ) : null}
      <Dialog title="Delete what no longer fits?" open={doomed !== null} onClose={() => setDoomed(null)}>
        <p>
          With {value} instead of {setting.value}, {doomed ? goes(doomed) : ""} {doomed ? verb(doomed) : ""} deleted at
          once. It can’t be had back; a snapshot made before keeps it.
        </p>
        <div className={css.buttons}>
          <Button onClick={() => setDoomed(null)}>Keep all</Button>
          <Button
            look="danger"
            onClick={() => {
              setDoomed(null);
              void attempt(false);
            }}
          >
            Apply and delete
          </Button>
        </div>
      </Dialog>
    </form>
  );
}

const verb = (deletes: Deletes) => (deletes.entries === 1 && deletes.packet_bytes === 0 ? "is" : "are");
