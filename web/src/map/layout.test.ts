import { expect, test } from "vitest";
import { needsArranging, placeNew } from "./layout";

const node = (id: string) => ({ id, width: 100, height: 28 });
const edge = (src: string, dst: string) => ({ src, dst, weight: 1 });

test("known nodes keep their places, new ones stand free beside their callers", () => {
  const known = { web: { x: 0, y: 0 }, cart: { x: 260, y: 0 } };
  const graph = {
    nodes: ["web", "cart", "db", "pay"].map(node),
    edges: [edge("web", "cart"), edge("web", "pay"), edge("cart", "db")],
  };
  const places = placeNew(graph, known);
  expect([places.web, places.cart]).toEqual([known.web, known.cart]);
  expect(places.db).toEqual({ x: 520, y: 0 });
  expect(places.pay?.x).toBe(260);
  expect(Math.abs(places.pay?.y ?? 0)).toBeGreaterThanOrEqual(40);
});

test("many new nodes ask for a new picture", () => {
  const graph = { nodes: ["a", "b", "c"].map(node), edges: [] };
  expect(needsArranging(graph, {})).toBe(true);
  expect(needsArranging(graph, { a: { x: 0, y: 0 }, b: { x: 0, y: 0 } })).toBe(false);
  expect(needsArranging({ nodes: [], edges: [] }, {})).toBe(false);
});
