// Product, source, filter, time range, pause, and what is about the page itself.
import { CircleHelp, Link2, Moon, Pause, Play, Sun, SunMoon } from "lucide-react";
import { useStatus } from "../api/queries";
import { FilterBar } from "../filter/FilterBar";
import { togglePause, usePause } from "../live/pause";
import { type Theme, usePreferences } from "../theme/preferences";
import { IconButton } from "../ui/Button";
import { useCopyLink } from "../url/share";
import { usePlace } from "../url/usePlace";
import css from "./app.module.css";
import { SourceChip } from "./SourceChip";
import { TimeRange } from "./TimeRange";

const THEMES: Record<Theme, { next: Theme; label: string; icon: typeof Sun }> = {
  system: { next: "dark", label: "Theme: as the system says", icon: SunMoon },
  dark: { next: "light", label: "Theme: dark", icon: Moon },
  light: { next: "system", label: "Theme: light", icon: Sun },
};

export function TopBar({ onHelp }: { onHelp: () => void }) {
  const { isPaused } = usePause();
  const { theme, change } = usePreferences();
  const { snapshot } = usePlace();
  const status = useStatus().data;
  const copyLink = useCopyLink();
  const ThemeIcon = THEMES[theme].icon;
  const canPause = snapshot === "" && (status?.source.is_growing ?? true);
  return (
    <header className={css.top}>
      <h1 className={css.product}>
        <img src="/lanternfish.svg" alt="" width={22} height={22} />
        <span>Lanternfish</span>
      </h1>
      <SourceChip />
      <FilterBar />
      <TimeRange />
      <IconButton
        label={isPaused ? "Go on" : "Pause the page; the capture goes on"}
        hint="Space"
        look={isPaused ? "main" : "quiet"}
        disabled={!canPause}
        onClick={togglePause}
      >
        {isPaused ? <Play size={16} /> : <Pause size={16} />}
      </IconButton>
      <IconButton label="Copy a link to what is shown" hint="y" onClick={copyLink}>
        <Link2 size={16} />
      </IconButton>
      <IconButton label={THEMES[theme].label} onClick={() => change({ theme: THEMES[theme].next })}>
        <ThemeIcon size={16} />
      </IconButton>
      <IconButton label="All keys" hint="?" onClick={onHelp}>
        <CircleHelp size={16} />
      </IconButton>
    </header>
  );
}
