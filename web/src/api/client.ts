// Requests to the server, typed by its OpenAPI document. Every failure becomes a Fault with words for the reader.
import createClient from "openapi-fetch";
import type { paths } from "./schema";
import type { ErrorBody } from "./types";

export const api = createClient<paths>({ baseUrl: "", headers: { accept: "application/json" } });

/** A request that was refused or failed. */
export class Fault extends Error {
  readonly body: ErrorBody;
  readonly status: number;

  constructor(body: ErrorBody, status: number) {
    super(body.message);
    this.body = body;
    this.status = status;
  }
}

/** The data of an answer, or a Fault. */
export async function answer<T>(
  request: Promise<{ data?: T; error?: unknown; response: Response }>,
): Promise<NonNullable<T>> {
  let result: { data?: T; error?: unknown; response: Response };
  try {
    result = await request;
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw new Fault({ code: "unreachable", message: "the server does not answer" }, 0);
  }
  if (result.data !== undefined && result.data !== null && result.response.ok) return result.data;
  const told = (result.error as { error?: ErrorBody } | undefined)?.error;
  const status = result.response.status;
  if (status === 401) signIn();
  throw new Fault(told ?? { code: "failed", message: `the server answered with status ${status}` }, status);
}

/** Goes to the page that asks for the token, and comes back here. */
function signIn(): void {
  const here = `${window.location.pathname}${window.location.search}`;
  window.location.assign(`/login?${new URLSearchParams({ next: here })}`);
}

/** What the server said of an error; null where it said nothing. */
export const bodyOf = (error: unknown): ErrorBody | null =>
  error instanceof Fault ? error.body : isBody(error) ? error : null;

/** What went wrong, as a sentence. */
export function sentence(error: unknown): string {
  const body = bodyOf(error);
  if (!body) return error instanceof Error ? capital(error.message) : "Something went wrong.";
  const parts = [body.message, body.expected ? `expected ${body.expected}` : "", body.hint ?? ""].filter(Boolean);
  return capital(parts.join("; "));
}

const isBody = (error: unknown): error is ErrorBody =>
  typeof error === "object" && error !== null && "message" in error;

const capital = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.?!]$/.test(text) ? "" : "."}`;
