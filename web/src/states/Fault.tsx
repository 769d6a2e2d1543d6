// What went wrong, in words, with what can be done.
import { bodyOf, sentence } from "../api/client";
import { mend, mended } from "../filter/mend";
import { Button } from "../ui/Button";
import { go, usePlace } from "../url/usePlace";
import css from "./states.module.css";

export function FaultPanel({ error, retry }: { error: unknown; retry?: () => void }) {
  const { filter } = usePlace();
  const body = bodyOf(error);
  const isFilter = body?.code === "bad_filter" && filter !== "";
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
      {retry && !isFilter ? <Button onClick={retry}>Try again</Button> : null}
    </div>
  );
}
