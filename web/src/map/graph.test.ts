import { expect, test } from "vitest";
import { graphOf, groupsOf, neighbours } from "./graph";
import { edgeClause, nodesClause } from "./select";

const node = (name: string, field = "process.name") => ({
  id: `process:${name}`,
  kind: "process",
  name,
  field,
  calls_in: 1,
  calls_out: 2,
  errors_in: 0,
});
const edge = (src: string, dst: string, calls = 1, p95 = 10) => ({
  src: `process:${src}`,
  dst: `process:${dst}`,
  protocol: "http",
  calls,
  errors: 1,
  client_errors: 0,
  bytes: 5,
  answered: calls,
  p50_us: 1,
  p95_us: p95,
  p99_us: null,
  last_seen: "2026-01-01T00:00:00Z",
});
const answer = {
  nodes: ["web", "cart-1", "cart-2", "db"].map((name) => node(name)),
  edges: [edge("web", "cart-1"), edge("web", "cart-2", 4, 30), edge("cart-1", "db"), edge("cart-1", "cart-2")],
} as never;
const none = new Set<string>();

test("few nodes stand as they are", () => {
  const graph = graphOf(answer, { open: none, isGrouped: false });
  expect([graph.nodes.length, graph.edges.length, graph.boxes.length]).toEqual([4, 4, 0]);
  expect([...neighbours(graph, "process:web")].sort()).toEqual(["process:cart-1", "process:cart-2", "process:web"]);
});

test("ports at which nothing answered are nodes of their own", () => {
  const refused = (name: string, port: number) => ({ ...node(name, "ip"), id: `ip:${name}:${port}`, port });
  const nodes = [refused("127.0.1.16", 80), refused("127.0.1.16", 443), refused("::1", 80)];
  const graph = graphOf({ nodes, edges: [] } as never, { open: none, isGrouped: false });
  expect(graph.nodes.map((one) => one.name)).toEqual(["127.0.1.16:80", "127.0.1.16:443", "[::1]:80"]);
  expect(nodesClause(graph.nodes.slice(0, 1))).toBe(
    '((src.ip == "127.0.1.16" && src.port == 80) || (dst.ip == "127.0.1.16" && dst.port == 80))',
  );
});

test("groups add their edges up", () => {
  const graph = graphOf(answer, { open: none, isGrouped: true });
  expect(graph.nodes.map((one) => one.name)).toEqual(["web", "cart (2)", "db"]);
  expect(graph.edges.find((one) => one.src === "process:web")).toMatchObject({
    dst: "group:cart",
    calls: 5,
    errors: 2,
    p95Us: 30,
    parts: [{ protocol: "http", calls: 5, bytes: 10 }],
  });
});

test("a group that was opened is a box around its nodes", () => {
  const graph = graphOf(answer, { open: new Set(["cart"]), isGrouped: true });
  expect(graph.boxes).toEqual([{ id: "box:cart", name: "cart" }]);
  expect(graph.nodes.filter((one) => one.group === "box:cart")).toHaveLength(2);
});

test("hidden protocols draw nothing", () => {
  const graph = graphOf(answer, { open: none, isGrouped: false, hidden: new Set(["http"]) });
  expect([graph.nodes.length, graph.edges.length]).toEqual([4, 0]);
});

test("too many nodes collapse by themselves", () => {
  const nodes = Array.from({ length: 3000 }, (_, at) => node(`10.${at % 2}.${Math.floor(at / 20)}.${at % 20}`));
  expect(graphOf({ nodes, edges: [] } as never, { open: none, isGrouped: false }).nodes.length).toBeLessThanOrEqual(
    500,
  );
  expect(groupsOf([node("cart.shop"), node("cart-7d9f"), node("api2"), node("x")]).get("process:cart.shop")).toBe(
    "cart",
  );
});

test("what is chosen becomes a filter", () => {
  const graph = graphOf(answer, { open: none, isGrouped: true });
  const [web, cart] = graph.nodes as [never, never];
  expect(nodesClause([web])).toBe('(src.process.name == "web" || dst.process.name == "web")');
  expect(nodesClause([cart])).toBe(
    '(src.process.name in ["cart-1", "cart-2"] || dst.process.name in ["cart-1", "cart-2"])',
  );
  expect(edgeClause(graph.edges[0] as never, web, cart, false)).toBe(
    '(src.process.name == "web" && dst.process.name in ["cart-1", "cart-2"] && protocol == "http")',
  );
  const rest = graphOf({ nodes: [node("rest", "")], edges: [] } as never, { open: none, isGrouped: false });
  expect(nodesClause(rest.nodes)).toBeNull();
});
