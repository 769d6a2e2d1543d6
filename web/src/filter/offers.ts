// Text that is no KFL: the filters that would find it. Which fields are searched follows from the table of fields.
import type { FieldInfo } from "../api/types";
import { quote, tokens } from "./lexer";

export interface Offer {
  filter: string;
  does: string;
}

type Table = { fields: Pick<FieldInfo, "name" | "type" | "pending" | "word" | "protocols">[] };

/** The filters that would find a text, the likeliest first; none where the text is a filter by its form. */
export function offers(text: string, table: Table): Offer[] {
  const wanted = text.trim();
  if (wanted === "" || looksLikeFilter(wanted, table)) return [];
  const has = (name: string) => table.fields.some((field) => field.name === name && field.pending === "");
  const any = (names: string[], test: (name: string) => string) => names.filter(has).map(test).join(" || ");
  const found: Offer[] = [];
  const offer = (filter: string, does: string) => {
    if (filter !== "" && !found.some((one) => one.filter === filter)) found.push({ filter, does });
  };
  const word = quote(wanted);

  if (/^\d+$/.test(wanted)) {
    const number = Number(wanted);
    if (number >= 100 && number < 600)
      offer(
        any(["status_code"], (name) => `${name} == ${wanted}`),
        `status ${wanted}`,
      );
    if (number > 0 && number < 65_536) {
      offer(
        any(["src.port", "dst.port"], (name) => `${name} == ${wanted}`),
        `port ${wanted} at either end`,
      );
    }
    offer(
      any(["conn_id"], (name) => `${name} == ${wanted}`),
      `the connection ${wanted}`,
    );
    offer(
      any(["id"], (name) => `${name} == ${wanted}`),
      `the entry ${wanted}`,
    );
    offer(
      any(["src.process.pid", "dst.process.pid"], (name) => `${name} == ${wanted}`),
      `process ${wanted} at either end`,
    );
  }
  if (isAddress(wanted)) {
    offer(
      any(["src.ip", "dst.ip"], (name) => `${name} == ${word}`),
      `the address ${wanted} at either end`,
    );
    offer(
      any(["dns_answers"], (name) => `${word} in ${name}`),
      `DNS answers with ${wanted}`,
    );
  }
  const hostPort = /^(.+):(\d{1,5})$/.exec(wanted);
  if (hostPort && isAddress(hostPort[1] as string)) {
    const [, ip = "", port = ""] = hostPort;
    offer(
      `src.ip == ${quote(ip)} && src.port == ${port} || dst.ip == ${quote(ip)} && dst.port == ${port}`,
      `${wanted} at either end`,
    );
  }
  if (/^[A-Z]{3,16}$/.test(wanted))
    offer(
      any(["method"], (name) => `${name} == ${word}`),
      `requests with ${wanted}`,
    );
  const [, method = "", target = ""] = /^([A-Z]{3,16}) (\/\S*)$/.exec(wanted) ?? [];
  if (method !== "" && has("method") && has("url"))
    offer(`method == ${quote(method)} && url.startsWith(${quote(target)})`, `requests that begin with ${wanted}`);
  if (wanted.startsWith("/"))
    offer(
      any(["path"], (name) => `${name}.startsWith(${word})`),
      `paths that begin with ${wanted}`,
    );
  const end = ["src.name", "dst.name"];
  offer(
    any(end, (name) => `${name} == ${word}`),
    `${wanted} at either end`,
  );
  offer(matching(table, wanted), `${wanted} in names, paths and commands`);
  offer(
    any(["request.body", "response.body"], (name) => `${name}.contains(${word})`),
    `${wanted} in a body`,
  );
  return found.slice(0, MOST_OFFERS);
}

/** Any text of an entry that tells what it is about. */
function matching(table: Table, wanted: string): string {
  const names = table.fields.filter((field) => field.pending === "" && !field.word && SEARCHED.test(field.name));
  const word = quote(wanted);
  return names
    .flatMap(({ name, type }) => {
      if (type === "string") return [`${name}.contains(${word})`];
      if (type === "[]string") return [`${name}.exists(x, x.contains(${word}))`];
      return [];
    })
    .join(" || ");
}

/** Whether a text is a filter by its form, though it may be a wrong one: operators, calls, or the name of a field alone. */
function looksLikeFilter(text: string, table: Table): boolean {
  const all = tokens(text);
  const [first] = all;
  const isField = (name: string | undefined) => table.fields.some((field) => field.name === name);
  if (all.length === 1 && first?.kind === "name") return isField(text);
  if (all.some((token, at) => token.text === "=" && isField(all[at - 1]?.text))) return true;
  return all.some(
    (token) => /^(&&|\|\||==|!=|<=|>=|<|>|\(|\[|!)$/.test(token.text) || /^(and|or|in)$/.test(token.text),
  );
}

export const isAddress = (text: string): boolean =>
  /^(\d{1,3}\.){3}\d{1,3}$/.test(text) || (/^[0-9a-f:.]+$/i.test(text) && (text.match(/:/g) ?? []).length >= 2);

const SEARCHED =
  /^(url|http_host|dns_questions|tls_server_name|redis_command|(src|dst)\.(name|dns)|.*_(topic|queue|routing_key|statement|query))$/;
const MOST_OFFERS = 6;
