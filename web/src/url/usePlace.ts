// The place as state: read by any component, changed in one way, kept in the browser's history.
import { useSyncExternalStore } from "react";
import { HOME, type Place, parse, print } from "./location";

let current: Place = typeof window === "undefined" ? HOME : parse(window.location.search);
const listeners = new Set<() => void>();

function set(next: Place): void {
  current = next;
  for (const listener of listeners) listener();
}

if (typeof window !== "undefined") {
  window.addEventListener("popstate", () => set(parse(window.location.search)));
}

/** Where the page is now, for code outside components. */
export const place = (): Place => current;

/** Goes to a changed place. A step that the reader would want to take back becomes one of the browser's history. */
export function go(change: Partial<Place>, how: "push" | "replace" = "push"): void {
  const next = { ...current, ...change };
  const query = print(next);
  if (query === print(current)) return;
  const url = `${window.location.pathname}${query}`;
  if (how === "push") window.history.pushState(null, "", url);
  else window.history.replaceState(null, "", url);
  set(next);
}

/** The address of a place, whole, for links and the clipboard. */
export const address = (of: Place): string => `${window.location.origin}${window.location.pathname}${print(of)}`;

/** The place, followed. */
export function usePlace(): Place {
  return useSyncExternalStore(subscribe, place);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
