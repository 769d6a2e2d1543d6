#!/usr/bin/env python3
"""Times queries of a made store, beside plain DataFusion SQL on the same segments, in one run.

  bench/queries.py [--store DIR] [--entries N] [--runs N] [--no-sql] [--explain FILE]

The store is made where DIR does not hold it yet (`make_store`, always the same). Each query runs N times warm, after a first
time; the least and the median are printed. The SQL is `bench/sql/queries.sql`; its program is a workspace of its own, built
on the first run. With --explain the plans of the SQL with their metrics are written to FILE (`bench/sql/explain.txt`).
"""
import argparse, os, pathlib, re, subprocess, sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))


def cargo(*arguments, cwd=ROOT):
    subprocess.run(["cargo", *arguments], cwd=cwd, check=True)


def lines(*command):
    done = subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True)
    return [line.split("\t") for line in done.stdout.splitlines()]


def plans(program, store, queries):
    """The plans of the SQL as the engine prints them, without the names of all files and columns."""
    printed = subprocess.run([program, store, queries, "--explain"], check=True, stdout=subprocess.PIPE, text=True).stdout
    printed = re.sub(r"file_groups=\{(\d+ groups?): \[\[.*?\]\]\}", r"file_groups={\1}", printed)
    printed = re.sub(r"projection=\[([^\]]{200,})\]", lambda found: f"projection=[{found[1].count(',') + 1} columns]", printed)
    plain = (re.sub(r"\s*\|?\s*$", "", re.sub(r"^\| (Plan with Metrics)?\s*\|? ?", "", line)) for line in printed.splitlines())
    return "".join(f"{line}\n" for line in plain if line and not line.startswith("+") and not line.startswith("plan_type"))


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--store", type=pathlib.Path, default=TARGET / "bench-store")
    arguments.add_argument("--entries", type=int, default=5_000_000)
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--no-sql", action="store_true")
    arguments.add_argument("--explain", type=pathlib.Path)
    given = arguments.parse_args()
    built = TARGET / "release"
    # Beside the program, so that what both depend on is built once.
    cargo("build", "--release", "--locked", "-p", "lanternfish", "-p", "lanternfish-bench-store")
    if not given.store.exists():
        print(lines(built / "make_store", given.store, given.entries)[0][0])
    sql = {}
    if not given.no_sql:
        folder = ROOT / "bench" / "sql"
        program = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", folder / "target")) / "release" / "lanternfish-bench-sql"
        cargo("build", "--release", "--locked", cwd=folder)
        queries = folder / "queries.sql"
        sql = {name: (float(least), float(median)) for name, least, median, _ in lines(program, given.store, queries, given.runs)}
        if given.explain:
            given.explain.write_text(plans(program, given.store, queries))
    print("| query | first ms | least ms | median ms | SQL median ms | ratio | what came of it |\n|---|---|---|---|---|---|---|")
    for name, *rest in lines(built / "time_queries", given.store, given.runs):
        if len(rest) < 4:
            print(f"| {name} | {' '.join(rest)} | | | | | |")
            continue
        first, least, median, told = rest
        beside = sql.get(name)
        ratio = f"{float(median) / beside[1]:.2f}" if beside and median else ""
        print(f"| {name} | {first} | {least} | {median} | {f'{beside[1]:.1f}' if beside else ''} | {ratio} | {told} |")


if __name__ == "__main__":
    sys.exit(main())
