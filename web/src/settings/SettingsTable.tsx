// All settings with where each value comes from; those that can be changed while it runs are fields.
import { useState } from "react";
import type { Setting } from "../api/types";
import { Button } from "../ui/Button";
import ui from "../ui/ui.module.css";
import { useMayControl, useSettings } from "./queries";
import css from "./settings.module.css";

export function SettingsTable() {
  const { data, change } = useSettings();
  const mayControl = useMayControl();
  if (!data || data.settings.length === 0) return null;
  return (
    <section className={css.section}>
      <h2>All settings</h2>
      <table className={css.settings}>
        <thead>
          <tr>
            <th>Setting</th>
            <th>Value</th>
            <th>From</th>
            <th>What it does</th>
          </tr>
        </thead>
        <tbody>
          {data.settings.map((setting) => (
            <tr key={setting.key}>
              <th scope="row">
                <code>{setting.key}</code>
              </th>
              <td>
                {setting.is_changeable && mayControl ? (
                  <Field key={setting.value} setting={setting} onApply={(value) => change({ [setting.key]: value })} />
                ) : (
                  <code>{setting.value || "–"}</code>
                )}
              </td>
              <td className={css.faint}>{setting.source}</td>
              <td>{setting.doc}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Field({ setting, onApply }: { setting: Setting; onApply: (value: string) => void }) {
  const [draft, setDraft] = useState(setting.value);
  return (
    <form
      className={css.line}
      onSubmit={(event) => {
        event.preventDefault();
        onApply(draft.trim());
      }}
    >
      <input
        className={`${ui.field} mono`}
        aria-label={setting.key}
        value={draft}
        onChange={(event) => setDraft(event.target.value)}
      />
      {draft.trim() === setting.value ? null : <Button type="submit">Apply</Button>}
    </form>
  );
}
