import { expect, test } from "vitest";
import { backbone } from "./backbone";

const node = (id: string) => ({ id, width: 100, height: 28 });
const edge = (src: string, dst: string) => ({ id: `${src} ${dst}`, src, dst, weight: 1 });

test("each node is reached once, by the shortest way from those whom nobody calls", () => {
  const nodes = ["web", "cart", "db", "log"].map(node);
  const edges = [edge("web", "cart"), edge("cart", "db"), edge("web", "db"), edge("db", "log"), edge("db", "db")];
  expect(backbone(nodes, edges).map(({ id }) => id)).toEqual(["web cart", "web db", "db log"]);
});

test("circles begin at the one that calls most", () => {
  const nodes = ["a", "b", "c"].map(node);
  const edges = [edge("a", "b"), edge("b", "a"), edge("b", "c"), edge("c", "b"), edge("b", "c")];
  expect(backbone(nodes, edges).map(({ id }) => id)).toEqual(["b a", "b c"]);
});
