// The keys that hold on every view, and the page that lists all keys.
import { useState } from "react";
import { focusFilter } from "../filter/focus";
import { togglePause } from "../live/pause";
import { Kbd } from "../ui/Button";
import { Dialog } from "../ui/Popup";
import { useCopyLink } from "../url/share";
import { go } from "../url/usePlace";
import { KEYS, useKeys } from "./keys";
import css from "./keys.module.css";

export function useShortcuts() {
  const [isOpen, setIsOpen] = useState(false);
  const copyLink = useCopyLink();
  useKeys({
    "/": () => focusFilter(),
    Space: () => togglePause(),
    "g s": () => go({ view: "stream" }),
    "g m": () => go({ view: "map" }),
    "g a": () => go({ view: "analyse" }),
    y: () => copyLink(),
    "?": () => setIsOpen((is) => !is),
  });
  const dialog = (
    <Dialog title="Keys" open={isOpen} onClose={() => setIsOpen(false)}>
      <dl className={css.keys}>
        {KEYS.map(({ keys, does }) => (
          <div key={does}>
            <dt>
              {keys.map((key) => (
                <Kbd key={key}>{key}</Kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
  return { open: () => setIsOpen(true), dialog };
}
