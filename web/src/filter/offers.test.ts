import { expect, test } from "vitest";
import { isAddress, offers } from "./offers";

const field = (name: string, type = "string", word = false) => ({ name, type, word, pending: "", protocols: [] });
const table = {
  fields: [
    field("http", "bool", true),
    field("method"),
    field("url"),
    field("path"),
    field("status_code", "int"),
    field("src.ip"),
    field("dst.ip"),
    field("src.port", "int"),
    field("dst.port", "int"),
    field("src.name"),
    field("dst.name"),
    field("id", "int"),
    field("conn_id", "int"),
    field("dns_questions", "[]string"),
    field("dns_answers", "[]string"),
  ],
};
const first = (text: string) => offers(text, table)[0]?.filter;

test("what is a filter gets no offers", () => {
  for (const filter of [
    "http",
    "method",
    "status_code = 500",
    'method == "GET"',
    "http and method",
    "!http",
    "size(path) > 3",
    "",
  ]) {
    expect(offers(filter, table)).toEqual([]);
  }
});

test("plain text gets the filters that would find it", () => {
  expect(first("503")).toBe("status_code == 503");
  expect(first("8080")).toBe("src.port == 8080 || dst.port == 8080");
  expect(first("10.0.0.7")).toBe('src.ip == "10.0.0.7" || dst.ip == "10.0.0.7"');
  expect(first("10.0.0.7:80")).toBe('src.ip == "10.0.0.7" && src.port == 80 || dst.ip == "10.0.0.7" && dst.port == 80');
  expect(first("POST")).toBe('method == "POST"');
  expect(first("GET /cart?user=7")).toBe('method == "GET" && url.startsWith("/cart?user=7")');
  expect(first("user=7")).toBe('src.name == "user=7" || dst.name == "user=7"');
  expect(first("/cart")).toBe('path.startsWith("/cart")');
  expect(first("nginx")).toBe('src.name == "nginx" || dst.name == "nginx"');
  expect(first("1834752")).toBe("conn_id == 1834752");
  expect(offers('say "hi"', table).map((offer) => offer.filter)).toContain(
    'url.contains("say \\"hi\\"") || src.name.contains("say \\"hi\\"") || dst.name.contains("say \\"hi\\"") || dns_questions.exists(x, x.contains("say \\"hi\\""))',
  );
});

test("addresses are told from names and times", () => {
  expect(["1.2.3.4", "::1", "fe80::1", "12:30", "cafe", "a.b"].map(isAddress)).toEqual([
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
});
