// How the map looks: edges as thick as their rate, coloured by their share of errors, dotted where the content is dark.
import type { StylesheetJson } from "cytoscape";
import { micros, rate, share } from "../format/number";
import { color } from "../theme/preferences";
import type { DrawnEdge, DrawnNode } from "./graph";

/** The colours of the share of errors, as the legend tells them. */
export const SHARES = [
  { least: 0.05, color: "bad", words: "5 % errors and more" },
  { least: 0.000_001, color: "warn", words: "some errors" },
  { least: 0, color: "edge-good", words: "no errors" },
] as const;

export const edgeColor = (edge: Pick<DrawnEdge, "calls" | "errors">): string => {
  const part = edge.calls > 0 ? edge.errors / edge.calls : 0;
  return color(SHARES.find(({ least }) => part >= least)?.color ?? "edge-good");
};

/** The width of an edge: one more pixel for each tripling of its rate. */
export const edgeWidth = (perSecond: number): number => Math.min(9, 1 + Math.log(1 + 10 * perSecond) / Math.log(3));

/** Two lines: `http 41/s, dns 2/s` and `p95 6 ms, 3 % errors`. */
export function edgeLabel(edge: DrawnEdge, seconds: number): string {
  const protocols = edge.parts.slice(0, 2).map((part) => `${part.protocol} ${rate(part.calls / seconds)}`);
  if (edge.parts.length > 2) protocols.push(`${edge.parts.length - 2} more`);
  const figures = edge.p95Us === null ? [] : [`p95 ${micros(edge.p95Us)}`];
  if (edge.errors > 0) figures.push(`${share(edge.errors, edge.calls)} errors`);
  return [protocols, figures].flatMap((line) => (line.length > 0 ? [line.join(", ")] : [])).join("\n");
}

let context: CanvasRenderingContext2D | null = null;

function textWidth(text: string, size: number): number {
  context ??= document.createElement("canvas").getContext("2d");
  if (!context) return text.length * size * 0.6;
  context.font = `${size}px ${color("font")}`;
  return context.measureText(text).width;
}

/** The width of a node: that of its name, within bounds. */
export const nodeWidth = (node: Pick<DrawnNode, "name">): number =>
  Math.round(Math.min(MOST_WIDTH, Math.max(48, textWidth(node.name, NODE_TEXT) + 24)));

/** The room that a label takes. */
export function labelSize(label: string): { width: number; height: number } {
  const lines = label.split("\n");
  const width = Math.max(...lines.map((line) => textWidth(line, LABEL_TEXT)));
  return { width: Math.ceil(width) + 16, height: lines.length * LABEL_LINE + 6 };
}

export const NODE_HEIGHT = 32;
const NODE_TEXT = 12;
const LABEL_TEXT = 11;
const LABEL_LINE = 15;
const MOST_WIDTH = 200;
const BEND_RADIUS = 40;

export function mapStyle(): StylesheetJson {
  const text = color("text");
  const surface = color("raised");
  return [
    {
      selector: "node",
      style: {
        shape: "round-rectangle",
        width: "data(width)",
        height: NODE_HEIGHT,
        "background-color": surface,
        "border-width": 1,
        "border-color": color("line-strong"),
        label: "data(name)",
        color: text,
        "font-family": color("font"),
        "font-size": NODE_TEXT,
        "text-valign": "center",
        "text-halign": "center",
        "text-wrap": "ellipsis",
        "text-max-width": `${MOST_WIDTH - 16}px`,
        "min-zoomed-font-size": 5,
        "overlay-opacity": 0,
        "transition-property": "opacity",
        "transition-duration": 0.12,
      },
    },
    { selector: "node[kind = 'group']", style: { "border-style": "double", "border-width": 4 } },
    { selector: "node[kind = 'rest']", style: { "border-style": "dotted" } },
    { selector: "node[?failing]", style: { "border-color": color("bad"), "border-width": 2 } },
    {
      selector: ":parent",
      style: {
        shape: "round-rectangle",
        "background-color": color("page"),
        "background-opacity": 0.6,
        "border-color": color("line-strong"),
        "border-style": "dashed",
        label: "data(name)",
        "text-valign": "top",
        "text-halign": "center",
        padding: "12px",
        color: color("text-soft"),
      },
    },
    {
      selector: "edge",
      style: {
        "curve-style": "bezier",
        "control-point-step-size": 24,
        width: "data(width)",
        "line-color": "data(color)",
        "target-arrow-color": "data(color)",
        "target-arrow-shape": "triangle",
        "arrow-scale": 0.9,
        "line-opacity": 0.85,
        "font-family": color("font"),
        "font-size": LABEL_TEXT,
        "line-height": 1.3,
        color: color("text-soft"),
        "text-wrap": "wrap",
        "text-background-color": color("page"),
        "text-background-opacity": 1,
        "text-background-padding": "3px",
        "text-background-shape": "round-rectangle",
        "min-zoomed-font-size": 6,
        "overlay-opacity": 0,
      },
    },
    {
      selector: "edge.routed",
      style: {
        "curve-style": "round-segments",
        "segment-weights": "data(weights)",
        "segment-distances": "data(distances)",
        "segment-radii": BEND_RADIUS,
        "edge-distances": "node-position",
      },
    },
    // A node that calls itself: the loop comes out of its top, which is near, however wide the node is.
    {
      selector: "edge:loop",
      style: {
        "control-point-step-size": 40,
        "loop-direction": "0deg",
        "loop-sweep": "50deg",
      },
    },
    // Thousands of edges are drawn as plain lines: curves and heads cost more than they tell.
    { selector: "edge.plain", style: { "curve-style": "haystack", "target-arrow-shape": "none", opacity: 0.45 } },
    {
      selector: "node.plain",
      style: { "background-color": color("text-faint"), color: color("page"), "border-width": 0 },
    },
    { selector: "node.plain[?failing]", style: { "background-color": color("bad"), color: color("page") } },
    { selector: "edge[?dark]", style: { "line-style": "dotted" } },
    { selector: "edge.labelled", style: { label: "data(label)" } },
    { selector: ".away", style: { display: "none" } },
    { selector: ".dim", style: { opacity: 0.15 } },
    { selector: ".fresh", style: { opacity: 0 } },
    { selector: "node.hit", style: { "border-color": color("accent"), "border-width": 3 } },
    {
      selector: "node.chosen",
      style: { "background-color": color("accent-soft"), "border-color": color("accent"), "border-width": 2 },
    },
    {
      selector: "edge.chosen",
      style: { "line-color": color("accent"), "target-arrow-color": color("accent"), opacity: 1 },
    },
  ] as StylesheetJson;
}
