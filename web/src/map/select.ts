// What is chosen on the map, as KFL: nodes at either end, or the calls of an edge.
import { isAnyOf } from "../filter/clause";
import type { DrawnEdge, DrawnNode } from "./graph";

/** The clause for calls from or to any of the nodes; null where the filter has no names for them. */
export function nodesClause(nodes: DrawnNode[]): string | null {
  const src = endClause("src", nodes);
  const dst = endClause("dst", nodes);
  return src && dst ? `(${src} || ${dst})` : null;
}

/** The clause for the calls of an edge; `isWhole` where it stands for all protocols between its nodes. */
export function edgeClause(edge: DrawnEdge, src: DrawnNode, dst: DrawnNode, isWhole: boolean): string | null {
  const from = endClause("src", [src]);
  const to = endClause("dst", [dst]);
  if (!from || !to) return null;
  const protocols = edge.parts.map((part) => part.protocol);
  const clauses = [from, to, ...(isWhole ? [] : [isAnyOf({ path: "protocol", type: "string" }, protocols)])];
  return `(${clauses.join(" && ")})`;
}

function endClause(end: "src" | "dst", nodes: DrawnNode[]): string | null {
  const byField = new Map<string, string[]>();
  const ports: string[] = [];
  for (const member of nodes.flatMap((node) => node.members)) {
    if (member.field === "") return null;
    if (member.port !== null && member.port !== undefined) {
      const name = isAnyOf({ path: `${end}.${member.field}`, type: "string" }, [member.name]);
      ports.push(`(${name} && ${end}.port == ${member.port})`);
      continue;
    }
    const names = byField.get(member.field) ?? [];
    names.push(member.name);
    byField.set(member.field, names);
  }
  const named = [...byField].map(([field, names]) => isAnyOf({ path: `${end}.${field}`, type: "string" }, names));
  const clauses = [...named, ...ports];
  if (clauses.length === 0) return null;
  return clauses.length === 1 ? (clauses[0] as string) : `(${clauses.join(" || ")})`;
}
