// What holds for the whole page: no connection, the page stands still, the capture is off, storing has trouble.
import { Pause, PlugZap, TriangleAlert } from "lucide-react";
import { useStatus } from "../api/queries";
import { plural } from "../format/number";
import { togglePause, usePause } from "../live/pause";
import { useCapture } from "../settings/queries";
import { useFeed } from "../stream/feeder";
import { Button } from "../ui/Button";
import { Banner } from "../ui/Controls";
import ui from "../ui/ui.module.css";
import { usePlace } from "../url/usePlace";

export function Banners() {
  const { link } = useFeed();
  const { isPaused } = usePause();
  const { snapshot } = usePlace();
  const { data: status, isError, failureCount } = useStatus();
  const capture = useCapture();
  const isLost = !link.isUp || isError;
  const isDark = status?.source.kind === "live" && !status.watching.is_on && snapshot === "";
  return (
    <>
      {isLost ? (
        <Banner tone="bad">
          <PlugZap size={16} aria-hidden />
          <span className={ui.grow}>
            No connection to Lanternfish. What is shown stays;{" "}
            {plural(Math.max(link.retries, failureCount), "try", "tries")} to reach it again so far.
          </span>
        </Banner>
      ) : null}
      {isPaused ? (
        <Banner tone="calm">
          <Pause size={16} aria-hidden />
          <span className={ui.grow}>The page stands still. The capture goes on, and nothing is lost.</span>
          <Button onClick={togglePause}>Go on</Button>
        </Banner>
      ) : null}
      {isDark && !isLost ? (
        <Banner>
          <TriangleAlert size={16} aria-hidden />
          <span className={ui.grow}>Capture is off: what passes now is not seen, and is counted as lost.</span>
          <Button onClick={() => capture.change({ on: true })}>Switch it on</Button>
        </Banner>
      ) : null}
      {status?.recording.trouble ? (
        <Banner>
          <TriangleAlert size={16} aria-hidden />
          <span className={ui.grow}>Less is stored than should be: {status.recording.trouble}.</span>
        </Banner>
      ) : null}
    </>
  );
}
