// The drawing of the map on Cytoscape: elements are updated in place, so that nothing jumps while traffic flows.
import cytoscape, { type Core, type ElementDefinition } from "cytoscape";
import type { DrawnEdge, DrawnNode, Graph } from "./graph";
import { arrange, bends, needsArranging, type Picture, type Point, placeNew } from "./layout";
import { edgeColor, edgeLabel, edgeWidth, labelSize, mapStyle, NODE_HEIGHT, nodeWidth } from "./style";

export interface CanvasEvents {
  onNode: (id: string, isMore: boolean) => void;
  onEdge: (id: string) => void;
  onNothing: () => void;
  onFocus: (id: string) => void;
  onHover: (id: string | null) => void;
}

export interface View {
  graph: Graph;
  /** The length of the window, by which calls become rates. */
  seconds: number;
  isDark: (protocol: string) => boolean;
  chosen: ReadonlySet<string>;
  /** The nodes that stay when the map is focused; null for all. */
  near: ReadonlySet<string> | null;
  search: string;
}

/** Places of nodes that were seen before, also over a change of view. */
const places: Record<string, Record<string, Point>> = {};
/** How edges bend that were there when the map was arranged. */
const routes: Record<string, Record<string, { weights: string; distances: string }>> = {};

export class MapCanvas {
  readonly #cy: Core;
  #group = "";
  #isArranging = false;
  #hasFitted = false;
  /** Whether the reader has neither moved nor zoomed the map since it was shown whole. */
  #isWhole = false;
  #last: View | null = null;

  constructor(host: HTMLElement, events: CanvasEvents) {
    reserveStyleElement();
    this.#cy = cytoscape({
      container: host,
      style: mapStyle(),
      minZoom: 0.05,
      maxZoom: 3,
      // While one drags the whole map, its picture moves; it is drawn anew when it stands.
      textureOnViewport: true,
      pixelRatio: "auto",
      boxSelectionEnabled: false,
      autounselectify: true,
    });
    const cy = this.#cy;
    // A double click focuses alone: what a single one would do waits until it is known to be one.
    cy.on("onetap", "node", (event) => {
      if (!event.target.isParent()) events.onNode(event.target.id(), Boolean(event.originalEvent.shiftKey));
    });
    cy.on("tap", "edge", (event) => events.onEdge(event.target.id()));
    cy.on("tap", (event) => event.target === cy && events.onNothing());
    cy.on("dbltap", "node", (event) => events.onFocus(event.target.id()));
    cy.on("mouseover", "node, edge", (event) => {
      this.#label(event.target, true);
      events.onHover(event.target.id());
    });
    cy.on("mouseout", "node, edge", (event) => {
      this.#label(event.target, false);
      events.onHover(null);
    });
    cy.on("dragpan scrollzoom pinchzoom", () => {
      this.#isWhole = false;
    });
    // A map that was shown whole stays whole when the window or the pane beside it changes.
    cy.on("resize", () => this.#isWhole && this.fit());
    cy.on("dragfree", "node", (event) => {
      const known = places[this.#group];
      if (known) known[event.target.id()] = { ...event.target.position() };
    });
  }

  /** Shows a view; `group` names what nodes are made of, since places belong to it. */
  show(view: View, group: string): void {
    const isOther = group !== this.#group;
    this.#group = group;
    this.#last = view;
    places[group] ??= {};
    const question = question_(view);
    if (needsArranging(question, places[group])) {
      if (!this.#isArranging) void this.arrange();
    } else {
      places[group] = placeNew(question, places[group]);
    }
    this.#draw(view);
    if (isOther) this.#hasFitted = false;
    if (!this.#hasFitted && !this.#isArranging && view.graph.nodes.length > 0) this.fit();
  }

  /** Places all nodes anew. */
  async arrange(): Promise<void> {
    const view = this.#last;
    if (!view) return;
    this.#isArranging = true;
    const group = this.#group;
    const found = await arrange(question_(view));
    this.#isArranging = false;
    if (!found || this.#cy.destroyed()) return;
    const picture = stretched(found, this.#cy.width() / Math.max(1, this.#cy.height()));
    places[group] = { ...places[group], ...picture.positions };
    routes[group] = bent(view.graph, picture);
    if (this.#last && group === this.#group) {
      this.#draw(this.#last, true);
      this.fit();
    }
  }

  fit(): void {
    this.#hasFitted = true;
    this.#isWhole = true;
    this.#cy.fit(this.#cy.elements(":visible"), FIT_PADDING);
    if (this.#cy.zoom() > MOST_ZOOM) {
      this.#cy.zoom(MOST_ZOOM);
      this.#cy.center();
    }
  }

  zoom(by: number): void {
    this.#isWhole = false;
    this.#cy.zoom({
      level: this.#cy.zoom() * by,
      renderedPosition: { x: this.#cy.width() / 2, y: this.#cy.height() / 2 },
    });
  }

  /** Brings a node into the middle. */
  center(id: string): void {
    const node = this.#cy.getElementById(id);
    if (node.empty()) return;
    this.#isWhole = false;
    this.#cy.center(node);
  }

  restyle(): void {
    this.#cy.style(mapStyle());
    if (this.#last) this.#draw(this.#last);
  }

  destroy(): void {
    this.#cy.destroy();
  }

  #draw(view: View, isMoved = false): void {
    const cy = this.#cy;
    const known = places[this.#group] ?? {};
    const { graph } = view;
    const isPlain = isSeenFromAfar(graph);
    const isFew = graph.edges.length <= FEW_EDGES;
    const wanted = new Set<string>();
    const added: ElementDefinition[] = [];
    const put = (data: Record<string, unknown> & { id: string }, rest: Partial<ElementDefinition> = {}) => {
      wanted.add(data.id);
      const there = cy.getElementById(data.id);
      if (there.empty()) added.push({ data, ...rest });
      else {
        // What did not change is not written: each writing would be drawn anew.
        const own = there.data() as Record<string, unknown>;
        if (Object.entries(data).some(([name, value]) => own[name] !== value)) there.data(data);
        if (isMoved && rest.position) there.position(rest.position);
      }
    };
    cy.batch(() => {
      for (const box of graph.boxes) put({ id: box.id, name: box.name });
      for (const node of graph.nodes) {
        const position = known[node.id];
        put(nodeData(node), position ? { position: { ...position }, classes: this.#hasFitted ? "fresh" : "" } : {});
      }
      for (const edge of graph.edges) put({ ...edgeData(edge, view), ...(routes[this.#group]?.[edge.id] ?? STRAIGHT) });
      cy.elements()
        .filter((element) => !wanted.has(element.id()))
        .remove();
      cy.add(added);
      for (const node of graph.nodes) {
        const parent = node.group || null;
        const there = cy.getElementById(node.id);
        if ((there.parent().first().id() ?? null) !== parent) there.move({ parent });
      }
      this.#mark(view, isPlain, isFew);
    });
    if (cy.elements(".fresh").nonempty())
      requestAnimationFrame(() => !cy.destroyed() && cy.elements().removeClass("fresh"));
  }

  #mark(view: View, isPlain: boolean, isFew: boolean): void {
    const cy = this.#cy;
    const linked = new Set<string>();
    const search = view.search.trim().toLowerCase();
    for (const edge of cy.edges().toArray()) {
      const isAway = view.near !== null && !(view.near.has(edge.source().id()) && view.near.has(edge.target().id()));
      edge.toggleClass("away", isAway);
      edge.toggleClass("plain", isPlain);
      edge.toggleClass("routed", !isPlain && edge.data("weights") !== "");
      edge.toggleClass("labelled", view.chosen.size > 0 ? view.chosen.has(edge.id()) : isFew && !edge.isLoop());
      edge.toggleClass("chosen", view.chosen.has(edge.id()));
      if (!isAway) linked.add(edge.source().id()).add(edge.target().id());
    }
    const ends = new Set<string>();
    for (const edge of cy.edges().toArray()) {
      if (view.chosen.has(edge.id()) || view.chosen.has(edge.source().id()) || view.chosen.has(edge.target().id())) {
        ends.add(edge.source().id()).add(edge.target().id()).add(edge.id());
      }
    }
    for (const node of cy.nodes().toArray()) {
      if (node.isParent()) continue;
      const isAway = view.near !== null ? !view.near.has(node.id()) : view.graph.isPartial && !linked.has(node.id());
      const isHit = search !== "" && String(node.data("name")).toLowerCase().includes(search);
      node.toggleClass("plain", isPlain);
      node.toggleClass("away", isAway);
      node.toggleClass("chosen", view.chosen.has(node.id()));
      node.toggleClass("hit", isHit);
      node.toggleClass(
        "dim",
        search !== "" ? !isHit : view.chosen.size > 0 && !ends.has(node.id()) && !view.chosen.has(node.id()),
      );
    }
    for (const edge of cy.edges().toArray()) {
      edge.toggleClass("dim", search !== "" || (view.chosen.size > 0 && !ends.has(edge.id())));
    }
  }

  /** Labels of an edge, or of the edges at a node, while one points at it. */
  #label(element: cytoscape.SingularElementArgument, isOn: boolean): void {
    const view = this.#last;
    if (!view || view.graph.edges.length <= FEW_EDGES) return;
    const edges = element.isEdge()
      ? this.#cy.collection(element)
      : (element as cytoscape.NodeSingular).connectedEdges();
    for (const edge of edges.toArray().slice(0, MOST_LABELS)) {
      edge.toggleClass("labelled", isOn || view.chosen.has(edge.id()));
    }
  }
}

/** A picture that is narrower than the view is drawn wider: columns further apart are easier to follow. */
function stretched({ positions, routes: found }: Picture, aspect: number): Picture {
  const all = Object.values(positions);
  const extent = (of: (point: Point) => number) => Math.max(1, Math.max(...all.map(of)) - Math.min(...all.map(of)));
  const factor = Math.min(
    MOST_STRETCH,
    Math.max(1, (aspect * extent((point) => point.y)) / extent((point) => point.x)),
  );
  const wider = ({ x, y }: Point): Point => ({ x: x * factor, y });
  return {
    positions: Object.fromEntries(Object.entries(positions).map(([id, at]) => [id, wider(at)])),
    routes: Object.fromEntries(Object.entries(found).map(([id, points]) => [id, points.map(wider)])),
  };
}

/** The bends of all edges that have any. */
function bent(graph: Graph, { positions, routes: found }: Picture): (typeof routes)[string] {
  const all: (typeof routes)[string] = {};
  for (const { id, src, dst } of graph.edges) {
    const [from, to, route] = [positions[src], positions[dst], found[id]];
    const bend = from && to && route ? bends(route, from, to) : null;
    if (bend) all[id] = bend;
  }
  return all;
}

/** Whether the whole map fits into the view only at a size at which thin lines and borders vanish. */
const isSeenFromAfar = ({ nodes, edges }: Graph): boolean => edges.length > PLAIN_EDGES || nodes.length > PLAIN_NODES;

/** How much thicker lines are drawn, so that they can be seen at all: the fewer there are, the more room each has. */
const widening = (graph: Graph): number =>
  isSeenFromAfar(graph) ? (graph.edges.length > PLAIN_EDGES ? PLAIN_WIDTH : FEW_PLAIN_WIDTH) : 1;

const STRAIGHT = { weights: "", distances: "" };

const nodeData = (node: DrawnNode) => ({
  id: node.id,
  name: node.name,
  kind: node.kind,
  width: nodeWidth(node),
  failing: node.callsIn > 0 && node.errorsIn / node.callsIn >= 0.05,
});

const edgeData = (edge: DrawnEdge, view: View) => ({
  id: edge.id,
  source: edge.src,
  target: edge.dst,
  width: edgeWidth(edge.calls / view.seconds) * widening(view.graph),
  color: edgeColor(edge),
  label: edgeLabel(edge, view.seconds),
  dark: edge.parts.every((part) => view.isDark(part.protocol)),
});

const question_ = ({ graph, seconds }: View) => ({
  nodes: graph.nodes.map((node) => ({
    id: node.id,
    width: nodeWidth(node),
    height: NODE_HEIGHT,
    parent: node.group || undefined,
  })),
  edges: graph.edges.map((edge) => ({
    id: edge.id,
    src: edge.src,
    dst: edge.dst,
    ...(graph.edges.length <= FEW_EDGES && edge.src !== edge.dst ? { label: labelSize(edgeLabel(edge, seconds)) } : {}),
    weight: Math.max(1, Math.round(Math.log2(1 + edge.calls))),
  })),
});

/** Cytoscape would write a style element for its container, which the content policy forbids; our own sheet says the same. */
function reserveStyleElement(): void {
  const id = "__________cytoscape_stylesheet";
  if (document.getElementById(id)) return;
  const reserved = document.createElement("meta");
  reserved.id = id;
  document.head.append(reserved);
}

const MOST_ZOOM = 1.5;
/** The tools at the left edge hide no node. */
const FIT_PADDING = 60;
const FEW_EDGES = 24;
const MOST_STRETCH = 16;
const PLAIN_EDGES = 300;
const PLAIN_NODES = 120;
const PLAIN_WIDTH = 2.5;
const FEW_PLAIN_WIDTH = 6;
const MOST_LABELS = 12;
