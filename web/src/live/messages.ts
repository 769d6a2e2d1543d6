// What the page and its worker say to each other. The worker talks to the server and takes entries apart, so that the page
// itself never waits for either.
import type { ErrorBody, LossAnswer } from "../api/types";
import type { Row, RowPlan } from "../entry/row";

/** What is asked for: which entries, and whether new ones are to follow. */
export interface Question {
  filter: string;
  /** Times as the server takes them: RFC 3339 or `-900s`; empty for no bound. */
  from: string;
  to: string;
  snapshot: string;
  /** The fields that rows are made of. */
  fields: string[];
  plan: RowPlan;
  isLive: boolean;
  /** How far the server's clock is ahead of this browser's. */
  skewUs: number;
}

export type ToWorker =
  | { kind: "ask"; serial: number; question: Question }
  | { kind: "more"; serial: number; limit: number; beforeUs: number | null }
  | { kind: "fill"; serial: number; gap: number; fromUs: number; toUs: number }
  | { kind: "pause"; isPaused: boolean };

export type FromWorker =
  | { kind: "page"; serial: number; rows: Row[]; isEnd: boolean; loss: LossAnswer; tookMs: number }
  | { kind: "filled"; serial: number; gap: number; rows: Row[]; isWhole: boolean }
  | { kind: "news"; serial: number; rows: Row[]; dropped: number; sinceUs: number; untilUs: number }
  | { kind: "missed"; serial: number; sinceUs: number; untilUs: number }
  | { kind: "link"; state: Link }
  | { kind: "fault"; serial: number; during: "page" | "fill" | "live"; gap?: number; error: ErrorBody };

/** How the connection to the server stands. */
export interface Link {
  isUp: boolean;
  /** How many times it was tried again since it broke. */
  retries: number;
}
