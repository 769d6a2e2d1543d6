// The filter bar: write, check, apply; with history, saved filters, an explanation, and offers for plain text.
import { Bookmark, Search, TextSearch, X } from "lucide-react";
import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { useScope } from "../api/queries";
import { usePreferences } from "../theme/preferences";
import { IconButton } from "../ui/Button";
import { Popover } from "../ui/Popup";
import { go, usePlace } from "../url/usePlace";
import { ExplainBox } from "./ExplainBox";
import type { Editor } from "./editor";
import { FilterPanel } from "./FilterPanel";
import css from "./filter.module.css";
import { mend, mended } from "./mend";
import { SavedFilters } from "./SavedFilters";
import { check, useCheck, useOffers } from "./useDraft";

const EditorField = lazy(() => import("./EditorField"));

export function FilterBar() {
  const { filter } = usePlace();
  const [draft, setDraft] = useState(filter);
  const [hasFocus, setHasFocus] = useState(false);
  const [chosen, setChosen] = useState(0);
  const historyAt = useRef(-1);
  const [isCompleting, setIsCompleting] = useState(false);
  const editor = useRef<Editor | null>(null);
  const { history, change } = usePreferences();
  const checked = useCheck(draft);
  const offers = useOffers(hasFocus ? draft : "", useScope());

  const write = (text: string) => {
    setDraft(text);
    editor.current?.set(text);
  };

  // A filter that changed elsewhere (by "+", the history of the browser) takes the place of the draft.
  // biome-ignore lint/correctness/useExhaustiveDependencies: it acts on the filter alone.
  useEffect(() => write(filter), [filter]);

  const type = (text: string) => {
    setDraft(text);
    setChosen(0);
    historyAt.current = -1;
  };

  const apply = (text: string) => {
    const wanted = text.trim();
    write(wanted);
    historyAt.current = -1;
    if (wanted !== "") change({ history: [wanted, ...history.filter((one) => one !== wanted)].slice(0, MOST_HISTORY) });
    go({ filter: wanted });
    editor.current?.blur();
  };

  const enter = async () => {
    // The editor knows what was written since the bar was drawn last.
    const written = editor.current?.text() ?? draft;
    const offer = written === draft ? offers[chosen] : undefined;
    // Behind open completions nobody sees the offers: they come up first.
    if (offer && isCompleting) return editor.current?.closeCompletion();
    if (offer) return apply(offer.filter);
    const text = written.trim();
    if (text === "") return apply("");
    // What is not checked yet is checked before it is applied: a filter in force is always one that runs.
    const result = checked?.text === written ? checked : await check(text).catch(() => null);
    if (!result?.error) apply(text);
  };

  const step = (by: 1 | -1): boolean => {
    if (offers.length > 0 && (by > 0 || chosen > 0)) {
      setChosen(Math.min(offers.length - 1, Math.max(0, chosen + by)));
      return true;
    }
    const next = historyAt.current - by;
    if (next < -1 || next >= history.length) return false;
    historyAt.current = next;
    write(next < 0 ? filter : (history[next] as string));
    return true;
  };

  const giveBack = () => {
    write(filter);
    historyAt.current = -1;
    editor.current?.blur();
  };

  const isStale = draft.trim() !== filter;
  return (
    <div
      className={css.bar}
      data-focus={hasFocus || undefined}
      data-bad={(checked?.error && offers.length === 0) || undefined}
    >
      <Search size={14} className={css.glass} aria-hidden />
      <div className={css.editor}>
        <Suspense fallback={<span className={css.before}>{draft}</span>}>
          <EditorField
            text={draft}
            checked={offers.length > 0 ? undefined : checked}
            onChange={type}
            onEnter={() => void enter()}
            onEscape={giveBack}
            onStep={step}
            onFocus={setHasFocus}
            onCompleting={setIsCompleting}
            onReady={(made) => {
              editor.current = made;
            }}
          />
        </Suspense>
      </div>
      {isStale && hasFocus ? <span className={css.hint}>Enter applies</span> : null}
      {draft !== "" ? (
        <IconButton label="Clear the filter" isSmall onClick={() => apply("")}>
          <X size={14} />
        </IconButton>
      ) : null}
      <Popover
        align="end"
        label="The filter in words"
        trigger={
          <IconButton label="Explain the filter in words" isSmall disabled={filter === ""}>
            <TextSearch size={14} />
          </IconButton>
        }
      >
        <ExplainBox />
      </Popover>
      <Popover
        align="end"
        label="Saved filters"
        trigger={
          <IconButton label="Saved filters" isSmall>
            <Bookmark size={14} />
          </IconButton>
        }
      >
        <SavedFilters filter={filter} onApply={apply} />
      </Popover>
      {hasFocus && !isCompleting ? (
        <FilterPanel
          checked={checked?.text === draft ? checked : undefined}
          offers={offers}
          chosen={chosen}
          onApply={apply}
          onMend={(error) => {
            const name = mend(error);
            if (name) write(mended(draft, error.column ?? 1, name));
          }}
        />
      ) : null}
    </div>
  );
}

const MOST_HISTORY = 50;
