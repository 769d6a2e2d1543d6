// Keys of the page: single ones and those after `g`. They are left alone while somebody types.
import { useEffect, useRef } from "react";

/** What a key does, by its name (`/`, `j`, `Enter`, `g s`); a handler that returns false leaves the key to others. */
export type KeyMap = Record<string, (event: KeyboardEvent) => unknown>;

const maps: { current: KeyMap }[] = [];
let prefix = "";
let prefixTimer: ReturnType<typeof setTimeout> | undefined;

if (typeof window !== "undefined") window.addEventListener("keydown", press);

/** Binds keys while the component is on the page; what is bound last is asked first. */
export function useKeys(map: KeyMap): void {
  const kept = useRef(map);
  kept.current = map;
  useEffect(() => {
    maps.push(kept);
    return () => {
      maps.splice(maps.indexOf(kept), 1);
    };
  }, []);
}

function press(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
  if (event.key === "g" && prefix === "") {
    prefix = "g ";
    prefixTimer = setTimeout(() => {
      prefix = "";
    }, SEQUENCE_MS);
    return;
  }
  const name = prefix + keyName(event);
  clearTimeout(prefixTimer);
  prefix = "";
  for (let at = maps.length - 1; at >= 0; at -= 1) {
    const handler = maps[at]?.current[name];
    if (!handler || handler(event) === false) continue;
    event.preventDefault();
    return;
  }
}

export const keyName = (event: { key: string }): string => (event.key === " " ? "Space" : event.key);

/** Whether the key goes to something that takes it itself: a text, a menu, a button that Enter or Space would press. */
function isTyping(event: KeyboardEvent): boolean {
  const target = event.composedPath()[0];
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) return true;
  if (target.closest('[role="menu"], [role="dialog"], [role="listbox"]')) return event.key !== "?";
  const isPress = event.key === "Enter" || event.key === " ";
  return isPress && target.closest('button, a, [role="switch"], [role="treeitem"]') !== null;
}

const SEQUENCE_MS = 1200;

/** All keys, for the page that lists them. */
export const KEYS: { keys: string[]; does: string }[] = [
  { keys: ["/"], does: "Write a filter" },
  { keys: ["j", "k"], does: "Next and previous row; the arrows do the same" },
  { keys: ["Home"], does: "To the newest row, and on with those that come" },
  { keys: ["Enter"], does: "Open the row's detail" },
  { keys: ["Esc"], does: "Back: close the detail, let go of the row, or give the filter back" },
  { keys: ["Space"], does: "Pause the page, never the capture" },
  { keys: ["g s"], does: "Stream" },
  { keys: ["g m"], does: "Map" },
  { keys: ["g a"], does: "Analyse" },
  { keys: ["f"], does: "Focus on the chosen node of the map" },
  { keys: ["y"], does: "Copy a link to what is shown" },
  { keys: ["?"], does: "All keys" },
];
