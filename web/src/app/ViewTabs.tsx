// The views, and what is chosen beside them.

import type { View } from "../url/location";
import { go, usePlace } from "../url/usePlace";
import css from "./app.module.css";

const TABS: { view: View; title: string; hint: string }[] = [
  { view: "stream", title: "Stream", hint: "g s" },
  { view: "map", title: "Map", hint: "g m" },
  { view: "analyse", title: "Analyse", hint: "g a" },
  { view: "snapshots", title: "Snapshots", hint: "" },
  { view: "settings", title: "Settings", hint: "" },
];

export function ViewTabs() {
  const { view } = usePlace();
  return (
    <nav className={css.tabs} aria-label="Views">
      {TABS.map((tab) => (
        <button
          key={tab.view}
          type="button"
          className={css.tab}
          aria-current={tab.view === view ? "page" : undefined}
          title={tab.hint ? `${tab.title} (${tab.hint})` : tab.title}
          onClick={() => go({ view: tab.view })}
        >
          <span data-title={tab.title}>{tab.title}</span>
        </button>
      ))}
    </nav>
  );
}
