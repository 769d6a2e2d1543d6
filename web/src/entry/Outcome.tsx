// An outcome by shape, colour and number: each of them alone tells a failure.
import css from "./entry.module.css";

const WORDS: Record<string, string> = {
  ok: "answered",
  client_error: "client error",
  server_error: "server error",
  failed: "failed",
  open: "open",
};

/** The outcome in words. */
export const outcomeWords = (outcome: string): string => WORDS[outcome] ?? outcome;

/** The shape alone: a dot, a ring, a triangle, a diamond or a cross. */
export const OutcomeMark = ({ outcome }: { outcome: string }) => (
  <span className={css.mark} data-outcome={outcome} role="img" aria-label={outcomeWords(outcome)} />
);

/** The shape with the status, or with a word where there is none that tells anything. */
export function OutcomeCell({ outcome, status }: { outcome: string; status: number | null }) {
  const isPlain = outcome === "ok" || outcome === "open";
  const word = isPlain || outcome === "failed" ? outcome : "error";
  return (
    <span
      className={css.outcome}
      data-outcome={outcome}
      title={status === null ? outcomeWords(outcome) : `${outcomeWords(outcome)}, status ${status}`}
    >
      <OutcomeMark outcome={outcome} />
      {status || word}
    </span>
  );
}
