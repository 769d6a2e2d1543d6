// Links to what is shown: with absolute times, so that they show another reader the same.
import { useScope } from "../api/queries";
import { times } from "../api/window";
import { copy } from "../ui/copy";
import { say } from "../ui/notice";
import { absolute, type Place } from "./location";
import { address, place } from "./usePlace";

/** Copies a link to the present place, changed by `change`. */
export function useCopyLink(change: Partial<Place> = {}): () => void {
  const scope = useScope();
  return () => {
    const shown = times(scope.range);
    const shared = absolute({ ...place(), ...change, range: scope.range }, shown);
    void copy(address(shared)).then((isDone) =>
      isDone ? say("Link copied") : say(`The browser forbids copying; the link is ${address(shared)}`, "bad"),
    );
  };
}
