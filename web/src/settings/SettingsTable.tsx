// All settings with where each value comes from.
import { useSettings } from "./queries";
import css from "./settings.module.css";

export function SettingsTable() {
  const { data } = useSettings();
  if (!data || data.settings.length === 0) return null;
  return (
    <section className={css.section}>
      <h2>All settings</h2>
      <p>
        Those that have no switch or field above hold from the start of the program: by a flag, a variable, or
        lanternfish.toml.
      </p>
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
                <code>{setting.value || "–"}</code>
              </td>
              <td className={css.faint}>{setting.source || "not set"}</td>
              <td>{setting.doc}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
