// No rows: which of three it is. Nothing was captured, nothing matches, or nothing could be seen.
import { EyeOff, SearchX, Waves } from "lucide-react";
import { useExplain, useLoss, useScope, useStatus } from "../api/queries";
import type { Explanation, Status } from "../api/types";
import { count, plural } from "../format/number";
import { precise } from "../format/time";
import { serverNowUs } from "../live/clock";
import { LossTable } from "../status/LossTable";
import { usePreferences } from "../theme/preferences";
import { Button } from "../ui/Button";
import { Progress } from "../ui/Controls";
import { go, usePlace } from "../url/usePlace";
import { SampleButton } from "./SampleButton";
import css from "./states.module.css";
import { keptSince, whichEmpty } from "./which";

export function EmptyStream() {
  const scope = useScope();
  const { isAll } = usePlace();
  const status = useStatus().data;
  const explain = useExplain(scope, true);
  const loss = useLoss(scope).data;
  if (!loss || !status || (scope.filter !== "" && explain.isPending))
    return <Progress label="Finding out why nothing is shown" />;
  const which = whichEmpty(scope.filter, explain.data, loss, status);
  const more = isAll ? null : (
    <Button onClick={() => go({ isAll: true }, "replace")}>Show connections and flows too</Button>
  );
  const wider =
    scope.range.kind === "all" ? null : (
      <Button onClick={() => go({ range: { kind: "all" } })}>Look at all that is stored</Button>
    );
  if (which === "unmatched" && explain.data) return <Unmatched explanation={explain.data} more={more} wider={wider} />;
  const sinceUs = status.source.kind === "live" && scope.snapshot === "" ? keptSince(scope.range, status) : null;
  if (sinceUs !== null) return <NotKept sinceUs={sinceUs} />;
  if (which === "dark") {
    return (
      <div className={css.empty} data-empty="dark">
        <EyeOff size={40} strokeWidth={1.2} className={css.mark} aria-hidden />
        <h2>Nothing could be seen</h2>
        <p>Traffic may well have passed here, but not everything could be read. What stood in the way:</p>
        {status && status.dark.length > 0 ? <DarkTable dark={status.dark} /> : null}
        {loss && loss.total > 0 ? (
          <div className={css.losses}>
            <LossTable loss={loss} />
          </div>
        ) : null}
        <div className={css.actions}>
          {wider}
          {more}
          <Button onClick={() => go({ view: "settings" })}>Open the settings</Button>
        </div>
      </div>
    );
  }
  const isPast = scope.range.kind === "span" && scope.range.toUs <= serverNowUs();
  return <Nothing status={status} isPast={isPast} more={more} wider={wider} />;
}

/** A time of which nothing is kept: that nothing passed then, nobody can say. */
function NotKept({ sinceUs }: { sinceUs: number }) {
  const clock = usePreferences((preferences) => preferences.clock);
  return (
    <div className={css.empty} data-empty="not-kept">
      <EyeOff size={40} strokeWidth={1.2} className={css.mark} aria-hidden />
      <h2>Nothing is kept of this time</h2>
      <p>
        What is stored begins at {precise(sinceUs, clock)}. What passed before was not captured, or has been let go of
        since: how long entries are kept is one of the settings.
      </p>
      <div className={css.actions}>
        <Button look="main" onClick={() => go({ range: { kind: "all" } })}>
          Look at all that is stored
        </Button>
        <Button onClick={() => go({ range: null })}>Show the last minutes</Button>
        <Button onClick={() => go({ view: "settings" })}>Open the settings</Button>
      </div>
    </div>
  );
}

interface Ways {
  more: React.ReactNode;
  wider: React.ReactNode;
}

function Nothing({ status, isPast, more, wider }: Ways & { status: Status | undefined; isPast: boolean }) {
  // Traffic that is made now does not show up in a time that is over.
  const isOfLive = status?.source.kind === "live";
  const isLive = isOfLive && !isPast;
  const { interfaces = [], bpf = "" } = status?.watching ?? {};
  return (
    <div className={css.empty} data-empty="nothing">
      <Waves size={40} strokeWidth={1.2} className={css.mark} aria-hidden />
      <h2>Nothing was captured in this time</h2>
      {isLive ? (
        <p>
          Watching {interfaces.length > 0 ? interfaces.join(", ") : "all interfaces"}
          {bpf ? `, only ${bpf}` : ""}. Every call that passes here shows up by itself: an HTTP request, a DNS query, a
          Redis command. Try <code>curl http://127.0.0.1</code> in a terminal, or let Lanternfish make some traffic.
        </p>
      ) : (
        <p>
          {isOfLive
            ? "No call passed here, or Lanternfish was not running."
            : `${status?.source.name || "The source"} holds no entry of this time.`}
        </p>
      )}
      <div className={css.actions}>
        {isLive ? <SampleButton /> : null}
        {wider}
        {more}
      </div>
    </div>
  );
}

function Unmatched({ explanation, more, wider }: Ways & { explanation: Explanation }) {
  const { clauses, total } = explanation;
  const culprit = clauses.findIndex((clause) => clause.left_so_far === 0);
  return (
    <div className={css.empty} data-empty="unmatched">
      <SearchX size={40} strokeWidth={1.2} className={css.mark} aria-hidden />
      <h2>Nothing matches</h2>
      <p>
        The filter excludes {total === 1 ? "the only entry" : `all ${count(total)} entries`} of this time
        {clauses.length > 1 && culprit >= 0 ? `; none is left after “${clauses[culprit]?.words}”` : ""}.
      </p>
      {clauses.length > 1 ? (
        <table className={css.table}>
          <thead>
            <tr>
              <th>Clause</th>
              <th className={css.number}>Meet it alone</th>
              <th className={css.number}>Left so far</th>
            </tr>
          </thead>
          <tbody>
            {clauses.map((clause, at) => (
              <tr key={`${clause.start}-${clause.end}`} className={at === culprit ? css.culprit : undefined}>
                <td title={clause.text}>{clause.words}</td>
                <td className={css.number}>{count(clause.left)}</td>
                <td className={css.number}>{count(clause.left_so_far)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
      <div className={css.actions}>
        <Button look="main" onClick={() => go({ filter: "" })}>
          Clear the filter
        </Button>
        {wider}
        {explanation.matched > 0 ? more : null}
      </div>
      {explanation.matched > 0 ? (
        <p>
          {plural(explanation.matched, "connection or flow", "connections and flows")} match, which are hidden here.
        </p>
      ) : null}
    </div>
  );
}

export function DarkTable({ dark }: { dark: Status["dark"] }) {
  return (
    <table className={css.table}>
      <thead>
        <tr>
          <th>Not seen</th>
          <th>Why</th>
          <th>What helps</th>
        </tr>
      </thead>
      <tbody>
        {dark.map((one) => (
          <tr key={one.what}>
            <td>{one.what}</td>
            <td>{one.why}</td>
            <td>{one.remedy || "–"}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
