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

interface OutcomeCellProps {
  outcome: string;
  status: number | null;
  /** The response code in words; empty where the status says it all. */
  code?: string;
}

/** The shape with the status, or with a word where there is none that tells anything. */
export function OutcomeCell({ outcome, status, code = "" }: OutcomeCellProps) {
  const isPlain = outcome === "ok" || outcome === "open";
  const word = isPlain || outcome === "failed" ? outcome : "error";
  const told = code === "" ? status || word : isPlain ? outcome : code;
  return (
    <span
      className={css.outcome}
      data-outcome={outcome}
      title={status === null ? outcomeWords(outcome) : `${outcomeWords(outcome)}, ${code || `status ${status}`}`}
    >
      <OutcomeMark outcome={outcome} />
      <span>{told}</span>
    </span>
  );
}
