// Where nodes stand. Nodes that have a place keep it; new ones are put beside those that they talk to.

export interface Point {
  x: number;
  y: number;
}

export interface LayoutQuestion {
  serial: number;
  nodes: { id: string; width: number; height: number; parent?: string }[];
  /** Edges; one with a label is given room for it. */
  edges: { id: string; src: string; dst: string; weight: number; label?: { width: number; height: number } }[];
}

export interface Picture {
  positions: Record<string, Point>;
  /** The points at which edges bend, source and target left out; the middle one is where the label has its room. */
  routes: Record<string, Point[]>;
}

export interface LayoutAnswer extends Picture {
  serial: number;
}

type Graph = Omit<LayoutQuestion, "serial">;

let worker: Worker | null = null;
let serial = 0;

/** Places all nodes anew; resolves to null when a later question overtook this one. */
export function arrange(graph: Graph): Promise<Picture | null> {
  worker ??= new Worker(new URL("./layout.worker.ts", import.meta.url), { type: "module" });
  const asked = worker;
  serial += 1;
  const own = serial;
  return new Promise((resolve) => {
    const take = (event: MessageEvent<LayoutAnswer>) => {
      if (event.data.serial < own) return;
      asked.removeEventListener("message", take);
      resolve(event.data.serial === own && own === serial ? event.data : null);
    };
    asked.addEventListener("message", take);
    asked.postMessage({ serial: own, ...graph } satisfies LayoutQuestion);
  });
}

/** Whether so much is new that keeping the old places would make no picture. */
export const needsArranging = (graph: Graph, known: Record<string, Point>): boolean => {
  const fresh = graph.nodes.filter(({ id }) => !known[id]).length;
  return fresh > 0 && fresh > graph.nodes.length * MOST_FRESH_SHARE;
};

/** Places for the nodes that have none: a column right of who calls them or left of whom they call, in the first free spot. */
export function placeNew(graph: Graph, known: Record<string, Point>): Record<string, Point> {
  const places = { ...known };
  const sizes = new Map(graph.nodes.map((node) => [node.id, node]));
  const taken = graph.nodes.filter(({ id }) => places[id]).map(({ id }) => ({ ...(places[id] as Point), id }));
  for (const node of graph.nodes) {
    if (places[node.id]) continue;
    const callers = graph.edges.filter((edge) => edge.dst === node.id).flatMap((edge) => places[edge.src] ?? []);
    const called = graph.edges.filter((edge) => edge.src === node.id).flatMap((edge) => places[edge.dst] ?? []);
    const near = callers.length > 0 ? callers : called;
    const step = callers.length > 0 ? COLUMN : -COLUMN;
    const x = near.length > 0 ? mean(near.map((point) => point.x)) + step : 0;
    const wantedY = near.length > 0 ? mean(near.map((point) => point.y)) : 0;
    const isFree = (y: number) =>
      taken.every((other) => {
        const size = sizes.get(other.id);
        return (
          Math.abs(other.x - x) > ((size?.width ?? 0) + node.width) / 2 + GAP ||
          Math.abs(other.y - y) > ((size?.height ?? 0) + node.height) / 2 + GAP
        );
      });
    let y = wantedY;
    for (let away = 1; !isFree(y) && away < 400; away += 1) {
      y = wantedY + (away % 2 === 0 ? -1 : 1) * Math.ceil(away / 2) * (node.height + GAP);
    }
    places[node.id] = { x, y };
    taken.push({ x, y, id: node.id });
  }
  return places;
}

/** A route as Cytoscape takes it: where each bend lies along the way from source to target, and how far beside it. */
export function bends(route: Point[], src: Point, dst: Point): { weights: string; distances: string } | null {
  const way = { x: dst.x - src.x, y: dst.y - src.y };
  const length = Math.hypot(way.x, way.y);
  if (route.length === 0 || length === 0) return null;
  const along = route.map((at) => ((at.x - src.x) * way.x + (at.y - src.y) * way.y) / length ** 2);
  const beside = route.map((at) => ((at.y - src.y) * way.x - (at.x - src.x) * way.y) / length);
  return { weights: along.map(short).join(" "), distances: beside.map(short).join(" ") };
}

const short = (value: number): string => String(Math.round(value * 1000) / 1000);

const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

const MOST_FRESH_SHARE = 0.5;
const COLUMN = 260;
const GAP = 12;
