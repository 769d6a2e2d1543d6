// The one frame around all views: top bar, timeline, the view with the detail pane beside it, status line.
import { lazy, Suspense } from "react";
import { useKeys } from "../keys/keys";
import { useShortcuts } from "../keys/useShortcuts";
import { Banners } from "../states/Banners";
import { StatusLine } from "../status/StatusLine";
import { useFeeder } from "../stream/feeder";
import { Stream } from "../stream/Stream";
import { Progress } from "../ui/Controls";
import { Notice } from "../ui/Notice";
import { isAboutEntries } from "../url/location";
import { go, usePlace } from "../url/usePlace";
import css from "./app.module.css";
import { Split } from "./Split";
import { TopBar } from "./TopBar";
import { ViewTabs } from "./ViewTabs";

const MapView = lazy(() => import("../map/MapView"));
const Analyse = lazy(() => import("../analyse/Analyse"));
const Settings = lazy(() => import("../settings/Settings"));
const Snapshots = lazy(() => import("../snapshots/Snapshots"));
const Detail = lazy(() => import("../detail/Detail"));
const Timeline = lazy(() => import("../timeline/Timeline"));

export function Frame() {
  const { view, entry } = usePlace();
  const ask = useFeeder();
  const help = useShortcuts();
  useKeys({ Escape: () => (entry === null ? false : go({ entry: null, tab: "" })) });

  const isOfEntries = isAboutEntries(view);
  const waiting = <Progress label="Loading" />;
  return (
    <div className={css.frame}>
      <TopBar onHelp={help.open} />
      <Banners />
      {isOfEntries ? (
        <div className={css.timeline}>
          <Suspense fallback={null}>
            <Timeline />
          </Suspense>
        </div>
      ) : null}
      <ViewTabs />
      <main className={css.main}>
        <Split
          second={
            entry !== null && isOfEntries ? (
              <Suspense fallback={waiting}>
                <Detail key={entry} id={entry} />
              </Suspense>
            ) : null
          }
        >
          {view === "stream" ? <Stream retry={ask} /> : null}
          <Suspense fallback={waiting}>
            {view === "map" ? <MapView /> : null}
            {view === "analyse" ? <Analyse /> : null}
            {view === "settings" ? <Settings /> : null}
            {view === "snapshots" ? <Snapshots /> : null}
          </Suspense>
        </Split>
      </main>
      <StatusLine />
      <Notice />
      {help.dialog}
    </div>
  );
}
