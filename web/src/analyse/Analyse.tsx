// Figures by any one or two fields: how much, how much of it failed, how slow; a click narrows the filter.
import { useQuery } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { useMemo, useState } from "react";
import { answer, api } from "../api/client";
import { selection, useFields, useInterval, useScope, useStatus } from "../api/queries";
import type { StatRow } from "../api/types";
import { recordedSeconds } from "../api/window";
import { fileAddress } from "../detail/queries";
import { selector } from "../entry/entry";
import { add, is, lacks, type Scalar } from "../filter/clause";
import { fieldOf } from "../filter/complete";
import { bytes, count, micros, plural, rate, share } from "../format/number";
import { toMicros } from "../format/time";
import { EmptyStream } from "../states/EmptyStream";
import { FaultPanel } from "../states/Fault";
import { SlowQuery } from "../states/SlowQuery";
import { Button } from "../ui/Button";
import { save } from "../ui/copy";
import { Menu, MenuItem, MenuSeparator } from "../ui/Popup";
import ui from "../ui/ui.module.css";
import { go, place, usePlace } from "../url/usePlace";
import css from "./analyse.module.css";
import { FieldPicker } from "./FieldPicker";
import { Sparkline } from "./Sparkline";
import { asCsv, courses, groupKey, type Sort, sorted, stepFor } from "./table";

const DEFAULT_BY = ["dst.name"];
const FORMATS = ["jsonl", "csv", "parquet", "har", "pcapng"] as const;

export default function Analyse() {
  const chosen = usePlace().by;
  const scope = useScope();
  const by = chosen.length > 0 ? chosen : DEFAULT_BY;
  const [sort, setSort] = useState<Sort>("calls");
  const interval = useInterval(scope, 5000);
  const query = { ...selection(scope), by: by.join(","), limit: MOST_ROWS };
  const stats = useQuery({
    queryKey: ["stats", query],
    queryFn: ({ signal }) => answer(api.GET("/api/v1/stats", { params: { query }, signal })),
    enabled: scope.isKnown,
    refetchInterval: interval,
    placeholderData: (before, was) => (was?.queryKey[1] && sameBy(was.queryKey[1], query) ? before : undefined),
  });
  const recording = useStatus().data?.recording;
  const recorded = recordedSeconds(scope.range, scope.snapshot === "" ? recording : null);
  const stepped = { ...query, limit: 10_000, step: stepFor(recorded ?? 3600) };
  const course = useQuery({
    queryKey: ["course", stepped],
    queryFn: ({ signal }) => answer(api.GET("/api/v1/stats", { params: { query: stepped }, signal })),
    enabled: scope.isKnown && (stats.data?.rows.length ?? 0) > 0,
    refetchInterval: interval,
    placeholderData: (before) => before,
  });
  const lines = useMemo(() => courses(course.data, by), [course.data, by]);
  const rows = sorted(stats.data?.rows ?? [], sort);
  const most = Math.max(1, ...rows.map((row) => row.calls));
  const lasted = recorded ?? spanOf(course.data?.rows);
  const setBy = (at: number, field: string) => {
    const next = [...by];
    if (field === "") next.splice(at, 1);
    else next[at] = field;
    go({ by: next.filter(Boolean) });
  };

  return (
    <section className={css.analyse} aria-label="Analyse">
      <div className={css.bar}>
        Group by
        <FieldPicker label="First field" value={by[0] ?? ""} onChange={(field) => field && setBy(0, field)} />
        and
        <FieldPicker
          label="Second field"
          value={by[1] ?? ""}
          placeholder="none"
          onChange={(field) => setBy(1, field)}
        />
        <span className={ui.grow} />
        <span className={css.faint}>
          {plural(rows.length, "group")}
          {stats.data && stats.data.omitted_groups > 0
            ? `; ${count(stats.data.omitted_groups)} with fewer calls left out`
            : ""}
        </span>
        <Menu
          trigger={
            <Button>
              <Download size={14} aria-hidden /> Export
            </Button>
          }
        >
          <MenuItem onSelect={() => save("analysis.csv", asCsv(rows, by), "text/csv")} disabled={rows.length === 0}>
            This table as CSV
          </MenuItem>
          <MenuSeparator />
          {FORMATS.map((format) => (
            <MenuItem
              key={format}
              onSelect={() => window.location.assign(fileAddress("/export", { ...selection(scope), format }))}
            >
              The entries as {format}
            </MenuItem>
          ))}
        </Menu>
      </div>
      <SlowQuery query={stats} what="the figures" queryKey={["stats"]} />
      {stats.error ? <FaultPanel error={stats.error} retry={() => void stats.refetch()} /> : null}
      {stats.data && rows.length === 0 && !stats.error ? <EmptyStream /> : null}
      {rows.length > 0 ? (
        <div className={css.box}>
          <table className={css.table}>
            <thead>
              <tr>
                {by.map((field) => (
                  <th key={field} data-by>
                    {field}
                  </th>
                ))}
                <Head title="Calls" name="calls" sort={sort} onSort={setSort} />
                <th>Rate</th>
                <Head title="Errors" name="errors" sort={sort} onSort={setSort} />
                <Head title="Client errors" name="client_errors" sort={sort} onSort={setSort} />
                <Head title="p50" name="p50_us" sort={sort} onSort={setSort} />
                <Head title="p95" name="p95_us" sort={sort} onSort={setSort} />
                <Head title="p99" name="p99_us" sort={sort} onSort={setSort} />
                <Head title="Bytes" name="bytes" sort={sort} onSort={setSort} />
                <th>Course</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <Group
                  key={groupKey(row, by)}
                  row={row}
                  by={by}
                  seconds={lasted}
                  most={most}
                  course={lines.get(groupKey(row, by))}
                />
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
    </section>
  );
}

interface HeadProps {
  title: string;
  name: Sort;
  sort: Sort;
  onSort: (sort: Sort) => void;
}

const Head = ({ title, name, sort, onSort }: HeadProps) => (
  <th aria-sort={sort === name ? "descending" : undefined} data-number>
    <button type="button" onClick={() => onSort(name)}>
      {title}
      {sort === name ? " ↓" : ""}
    </button>
  </th>
);

interface GroupProps {
  row: StatRow;
  by: string[];
  seconds: number;
  most: number;
  course: number[] | undefined;
}

function Group({ row, by, seconds, most, course }: GroupProps) {
  const table = useFields().data;
  const narrow = (fields: string[]) => {
    let filter = place().filter;
    for (const field of fields) {
      const value = row.by[field];
      if (!table) continue;
      const { path, key } = selector(field);
      const target = { path, key, type: fieldOf(table, path)?.type ?? "string" };
      filter = add(filter, value === null || value === undefined ? lacks(target) : is(target, value as Scalar));
    }
    go({ filter });
  };
  const us = (value: number | null | undefined) => (value === null || value === undefined ? "–" : micros(value));
  return (
    <tr>
      {by.map((field) => {
        const value = row.by[field];
        return (
          <th key={field} scope="row">
            {value === null || value === undefined || value === "" ? (
              <button
                type="button"
                className={css.faint}
                title={`Narrow the filter to what has no ${field}`}
                onClick={() => narrow([field])}
              >
                none
              </button>
            ) : (
              <button
                type="button"
                title={`Narrow the filter to ${field} ${String(value)}`}
                onClick={() => narrow([field])}
              >
                {String(value)}
              </button>
            )}
          </th>
        );
      })}
      <td>
        <span className={css.share} style={{ width: `${(48 * row.calls) / most}px` }} />
        {count(row.calls)}
      </td>
      <td>{seconds > 0 ? rate(row.calls / seconds) : "–"}</td>
      <td data-bad={row.errors > 0 || undefined}>
        {row.errors > 0 ? `${count(row.errors)}, ${share(row.errors, row.calls)}` : "0"}
      </td>
      <td data-warn={row.client_errors > 0 || undefined}>
        {row.client_errors > 0 ? `${count(row.client_errors)}, ${share(row.client_errors, row.calls)}` : "0"}
      </td>
      <td>{us(row.p50_us)}</td>
      <td>{us(row.p95_us)}</td>
      <td>{us(row.p99_us)}</td>
      <td>{bytes(row.bytes)}</td>
      <td>
        <Sparkline points={course} />
      </td>
    </tr>
  );
}

/** Whether two questions group in the same way, so that the table of one may stand in for the other. */
const sameBy = (one: unknown, other: { by: string }): boolean => (one as { by?: string }).by === other.by;

const spanOf = (rows: StatRow[] | undefined): number => {
  const seen = (rows ?? []).map((row) => toMicros(row.time ?? "")).filter((us) => us > 0);
  return seen.length < 2 ? 0 : (Math.max(...seen) - Math.min(...seen)) / 1e6;
};

const MOST_ROWS = 500;
