// The service map: who calls whom, how much, how well.
import { LayoutDashboard, Maximize, Minus, Plus } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { useScope, useStatus } from "../api/queries";
import { recordedSeconds } from "../api/window";
import { plural } from "../format/number";
import { toMicros } from "../format/time";
import { useKeys } from "../keys/keys";
import { EmptyStream } from "../states/EmptyStream";
import { FaultPanel } from "../states/Fault";
import { SlowQuery } from "../states/SlowQuery";
import { onThemeChange } from "../theme/preferences";
import { Button, IconButton } from "../ui/Button";
import { Segments } from "../ui/Controls";
import ui from "../ui/ui.module.css";
import { go, usePlace } from "../url/usePlace";
import { MapCanvas } from "./canvas";
import { EdgeTable } from "./EdgeTable";
import { graphOf, MOST_NODES, neighbours } from "./graph";
import { Legend } from "./Legend";
import { MapCard } from "./MapCard";
import css from "./map.module.css";
import { choose, GROUPS, useChosenIds, useIsDark, useMapData } from "./useMap";

export default function MapView() {
  const { group, focus } = usePlace();
  const map = useMapData();
  const [search, setSearch] = useState("");
  const [isGrouped, setIsGrouped] = useState(false);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [form, setForm] = useState<"graph" | "table">("graph");
  const [hovered, setHovered] = useState<string | null>(null);
  const chosen = useChosenIds();
  const isDark = useIsDark();
  const seconds = useSeconds(map.data?.edges);
  const graph = useMemo(
    () => graphOf(map.data ?? { nodes: [], edges: [] }, { open, isGrouped, hidden }),
    [map.data, open, isGrouped, hidden],
  );
  const near = useMemo(
    () => (focus && graph.nodes.some((node) => node.id === focus) ? neighbours(graph, focus) : null),
    [graph, focus],
  );

  const host = useRef<HTMLDivElement>(null);
  const canvas = useRef<MapCanvas | null>(null);
  const kept = useRef({ graph, chosen });
  kept.current = { graph, chosen };

  useEffect(() => {
    if (form !== "graph" || !host.current) return;
    const made = new MapCanvas(host.current, {
      onNode: (id, isMore) => {
        const before = kept.current.chosen.filter((one) => !one.includes("\n"));
        const isThere = before.includes(id);
        const next = isMore ? (isThere ? before.filter((one) => one !== id) : [...before, id]) : isThere ? [] : [id];
        choose(kept.current.graph, next);
      },
      onEdge: (id) => choose(kept.current.graph, kept.current.chosen.includes(id) ? [] : [id]),
      onNothing: () => kept.current.chosen.length > 0 && choose(kept.current.graph, []),
      onFocus: (id) => focusOn(id, setOpen),
      onHover: setHovered,
    });
    canvas.current = made;
    const stop = onThemeChange(() => made.restyle());
    return () => {
      stop();
      made.destroy();
      canvas.current = null;
    };
  }, [form]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a canvas that was just made (form) must be shown the graph too.
  useEffect(() => {
    const chosenSet = new Set(chosen);
    canvas.current?.show({ graph, seconds, isDark, chosen: chosenSet, near, search }, `${group} ${isGrouped}`);
  }, [graph, seconds, isDark, chosen, near, search, group, isGrouped, form]);

  useKeys({
    f: () => {
      const id = chosen.find((one) => !one.includes("\n"));
      return id ? focusOn(id, setOpen) : focus ? go({ focus: "" }) : false;
    },
    Escape: () => (focus ? go({ focus: "" }) : chosen.length > 0 ? choose(graph, []) : false),
  });

  const protocols = [...new Set(map.data?.edges.map((edge) => edge.protocol))].sort();
  const isEmpty = map.data !== undefined && map.data.nodes.length === 0;
  const find = (text: string) => {
    const hit = graph.nodes.find((node) => node.name.toLowerCase().includes(text.trim().toLowerCase()));
    if (text.trim() && hit) canvas.current?.center(hit.id);
  };

  return (
    <section className={css.map} aria-label="Map">
      <div className={css.bar}>
        <input
          className={ui.field}
          type="search"
          placeholder="Find a node"
          aria-label="Find a node"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
          onKeyDown={(event) => event.key === "Enter" && find(search)}
        />
        <label className={css.group}>
          Nodes by
          <select
            className={ui.field}
            value={group || "auto"}
            onChange={(event) => go({ group: event.target.value === "auto" ? "" : event.target.value }, "replace")}
          >
            {GROUPS.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <Button
          aria-pressed={isGrouped || graph.total > MOST_NODES}
          disabled={graph.total > MOST_NODES}
          onClick={() => setIsGrouped(!isGrouped)}
        >
          Collapse groups
        </Button>
        {near ? (
          <Button aria-pressed onClick={() => go({ focus: "" })}>
            Focused: show all
          </Button>
        ) : null}
        <span className={ui.grow} />
        <span className={css.faint}>
          {plural(graph.nodes.length, "node")}
          {graph.total > graph.nodes.length ? ` of ${graph.total}` : ""}, {plural(graph.edges.length, "edge")}
          {map.data && map.data.omitted_edges > 0
            ? `; ${plural(map.data.omitted_edges, "edge")} with few calls left out`
            : ""}
        </span>
        <Segments
          label="Form of the map"
          value={form}
          options={[
            { value: "graph", label: "Graph" },
            { value: "table", label: "Table" },
          ]}
          onChange={setForm}
        />
      </div>
      <SlowQuery query={map} what="the map" />
      {map.error ? <FaultPanel error={map.error} retry={() => void map.refetch()} /> : null}
      {isEmpty && !map.error ? <EmptyStream /> : null}
      {form === "table" ? (
        <EdgeTable graph={graph} seconds={seconds} chosen={chosen} onChoose={(id) => choose(graph, [id])} />
      ) : (
        <div className={css.stage} hidden={isEmpty}>
          <div
            ref={host}
            className={css.canvas}
            role="img"
            aria-label={`Map of ${plural(graph.nodes.length, "node")}; the same as a table is one button away`}
          />
          <div className={css.tools}>
            <IconButton label="Larger" look="plain" onClick={() => canvas.current?.zoom(1.3)}>
              <Plus size={14} />
            </IconButton>
            <IconButton label="Smaller" look="plain" onClick={() => canvas.current?.zoom(1 / 1.3)}>
              <Minus size={14} />
            </IconButton>
            <IconButton label="Show the whole map" look="plain" onClick={() => canvas.current?.fit()}>
              <Maximize size={14} />
            </IconButton>
            <IconButton label="Arrange anew" look="plain" onClick={() => void canvas.current?.arrange()}>
              <LayoutDashboard size={14} />
            </IconButton>
          </div>
          <MapCard graph={graph} id={hovered ?? chosen.at(-1) ?? null} seconds={seconds} isChosen={chosen.length > 0} />
        </div>
      )}
      {isEmpty ? null : <Legend protocols={protocols} hidden={hidden} onChange={setHidden} isDark={isDark} />}
    </section>
  );
}

/** A double click opens a collapsed group, and focuses on any other node. */
function focusOn(id: string, setOpen: (change: (was: ReadonlySet<string>) => ReadonlySet<string>) => void): void {
  if (id.startsWith("group:")) setOpen((was) => new Set([...was, id.slice("group:".length)]));
  else if (id.startsWith("box:")) setOpen((was) => new Set([...was].filter((one) => `box:${one}` !== id)));
  else go({ focus: id });
}

/** How long the window is, by which calls become rates; of all that is stored, the time between the first and last call. */
function useSeconds(edges: { last_seen: string }[] | undefined): number {
  const scope = useScope();
  const recording = useStatus().data?.recording;
  const recorded = recordedSeconds(scope.range, scope.snapshot === "" ? recording : null);
  if (recorded !== null) return recorded;
  const seen = (edges ?? []).map((edge) => toMicros(edge.last_seen)).filter((us) => us > 0);
  return seen.length < 2 ? 60 : Math.max(1, (Math.max(...seen) - Math.min(...seen)) / 1e6);
}
