// Which entries the stream shows: calls, and the connections that failed or whose protocol nobody knows. The others appear
// when the reader asks for all, or when the filter names them.
import type { FieldsAnswer } from "../api/types";
import { both } from "../filter/clause";
import { tokens } from "../filter/lexer";

// A connection that just opened may yet tell its protocol.
const CALLS =
  '(!conn && !flow || conn && (outcome == "failed" || conn_state != "open" && size(conn_l7_detected) == 0))';

/** The filter of the stream, made of the reader's. */
export function streamFilter(filter: string, isAll: boolean, table: Pick<FieldsAnswer, "fields">): string {
  return isAll || namesConnections(filter, table) ? filter : both(filter, CALLS);
}

/** Whether a filter speaks of connections or flows: by a word or field of the transports, or by the id of one. */
export function namesConnections(filter: string, table: Pick<FieldsAnswer, "fields">): boolean {
  const names = new Set(tokens(filter).flatMap((token) => (token.kind === "name" ? [token.text] : [])));
  if (names.size === 0) return false;
  if ([...names].some((name) => /^(conn|flow)(_|$)/.test(name) || name === "stream")) return true;
  const transports = new Set(
    table.fields.filter((field) => field.name.startsWith("conn_")).flatMap((field) => field.protocols),
  );
  return table.fields.some(
    (field) =>
      names.has(field.name) && field.protocols.length > 0 && field.protocols.every((one) => transports.has(one)),
  );
}
