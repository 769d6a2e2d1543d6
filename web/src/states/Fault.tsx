// What went wrong, in words, with what can be done.
import { bodyOf, sentence } from "../api/client";
import { mend, mended } from "../filter/mend";
import { Button } from "../ui/Button";
import { go, usePlace } from "../url/usePlace";
import css from "./states.module.css";

export function FaultPanel({ error, retry }: { error: unknown; retry?: () => void }) {
  const { filter, snapshot } = usePlace();
  const body = bodyOf(error);
  const isFilter = body?.code === "bad_filter" && filter !== "";
  const isGone = body?.code === "not_found" && snapshot !== "";
  const name = body && isFilter ? mend(body) : null;
  const words = sentence(body && name ? { ...body, hint: undefined } : error);
  return (
    <div className={css.fault} role="alert">
      <p>{words}</p>
      {name ? (
        <Button look="main" onClick={() => go({ filter: mended(filter, body?.column ?? 1, name) })}>
          Write {name}
        </Button>
      ) : null}
      {isFilter ? <Button onClick={() => go({ filter: "" })}>Clear the filter</Button> : null}
      {isGone ? (
        <Button look="main" onClick={() => go({ snapshot: "", entry: null, range: null })}>
          Leave the snapshot
        </Button>
      ) : null}
      {retry && !isFilter && !isGone ? <Button onClick={retry}>Try again</Button> : null}
    </div>
  );
}
