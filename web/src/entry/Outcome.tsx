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

/** The shape alone. */
export function OutcomeMark({ outcome }: { outcome: string }) {
  return (
    <svg className={css.mark} data-outcome={outcome} viewBox="0 0 12 12" role="img" aria-label={outcomeWords(outcome)}>
      {shape(outcome)}
    </svg>
  );
}

/** The shape with the status, or with a word where there is none that tells anything. */
export function OutcomeCell({ outcome, status }: { outcome: string; status: number | null }) {
  const isPlain = outcome === "ok" || outcome === "open";
  const word = isPlain || outcome === "failed" ? outcome : "error";
  return (
    <span className={css.outcome} data-outcome={outcome} title={status === null ? outcomeWords(outcome) : `${outcomeWords(outcome)}, status ${status}`}>
      <OutcomeMark outcome={outcome} />
      {status || word}
    </span>
  );
}

function shape(outcome: string) {
  switch (outcome) {
    case "ok":
      return <circle cx="6" cy="6" r="2.5" />;
    case "client_error":
      return <path d="M6 1.500 11 10.500H1Z" />;
    case "server_error":
      return <path d="M6 .500 11.500 6 6 11.500.500 6Z" />;
    case "failed":
      return <path d="M2 2l8 8M10 2l-8 8" fill="none" strokeWidth="2.400" />;
    default:
      return <circle cx="6" cy="6" r="3.500" fill="none" strokeWidth="1.500" />;
  }
}
