// What went wrong, in words, with what can be done.
import { sentence } from "../api/client";
import { Button } from "../ui/Button";
import { go, usePlace } from "../url/usePlace";
import css from "./states.module.css";

export function FaultPanel({ error, retry }: { error: unknown; retry?: () => void }) {
  const { filter } = usePlace();
  const isFilter = typeof error === "object" && error !== null && JSON.stringify(error).includes("filter");
  return (
    <div className={css.fault} role="alert">
      <p>{sentence(error)}</p>
      {isFilter && filter ? <Button onClick={() => go({ filter: "" })}>Clear the filter</Button> : null}
      {retry ? <Button onClick={retry}>Try again</Button> : null}
    </div>
  );
}
