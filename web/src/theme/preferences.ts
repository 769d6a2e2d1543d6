// What the reader chose for this browser, kept in its storage: theme, clock, columns, sizes, history of filters.
import { create } from "zustand";
import { persist } from "zustand/middleware";
import type { Clock } from "../format/time";

export type Theme = "system" | "dark" | "light";

export interface ColumnChoice {
  id: string;
  width: number;
}

export interface Preferences {
  theme: Theme;
  clock: Clock;
  /** Whether the stream tells times as ages. */
  isRelative: boolean;
  /** The columns of the stream in their order; null for the ones that come with the page. */
  columns: ColumnChoice[] | null;
  /** The share of the width, or height, that the detail pane takes. */
  detailShare: number;
  history: string[];
  change: (part: Partial<Omit<Preferences, "change">>) => void;
}

export const usePreferences = create<Preferences>()(
  persist(
    (set) => ({
      theme: "system",
      clock: "local",
      isRelative: false,
      columns: null,
      detailShare: 0.45,
      history: [],
      change: (part) => set(part),
    }),
    { name: "lanternfish.preferences", version: 1 },
  ),
);

/** Follows the chosen theme and the system's. Called once, at the start. */
export function followTheme(): void {
  const light = window.matchMedia("(prefers-color-scheme: light)");
  const apply = () => {
    const { theme } = usePreferences.getState();
    const isDark = theme === "dark" || (theme === "system" && !light.matches);
    document.documentElement.dataset.theme = isDark ? "dark" : "light";
    for (const listener of listeners) listener();
  };
  light.addEventListener("change", apply);
  usePreferences.subscribe((now, before) => now.theme !== before.theme && apply());
  apply();
}

const listeners = new Set<() => void>();

/** Calls back when colours change, for what is drawn on a canvas. Returns how to stop. */
export function onThemeChange(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The value of a colour of the theme. */
export const color = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
