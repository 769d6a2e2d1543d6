import { expect, test } from "vitest";
import { bends, needsArranging, placeNew } from "./layout";

const node = (id: string) => ({ id, width: 100, height: 28 });
const edge = (src: string, dst: string) => ({ id: `${src} ${dst}`, src, dst, weight: 1 });

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

test("bends are told along the way and beside it, to the right of it as positive", () => {
  const route = [
    { x: 50, y: 0 },
    { x: 75, y: 20 },
  ];
  expect(bends(route, { x: 0, y: 0 }, { x: 100, y: 0 })).toEqual({ weights: "0.5 0.75", distances: "0 20" });
  expect(bends(route, { x: 50, y: -100 }, { x: 50, y: 100 })?.distances).toBe("0 -25");
  expect(bends([], { x: 0, y: 0 }, { x: 1, y: 0 })).toBeNull();
  expect(bends(route, { x: 1, y: 1 }, { x: 1, y: 1 })).toBeNull();
});
