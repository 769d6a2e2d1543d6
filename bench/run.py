#!/usr/bin/env python3
"""Measures every figure of speed and memory in one run, prints each with its bar, and whether the bar holds.

  bench/run.py [--only reading,threads,live,start,filters,instance] [--captures DIR] [--large-captures DIR] [--runs N] [--binary PATH]

The captures are recorded from real servers by the shared script make_load.sh where the folders do not hold them yet: small ones,
and one of 2 million requests over 256 connections. Figures of CPU time are user + sys, the median of N runs in turn. Ratios
carry over to other machines, seconds do not. Memory is the largest sum of RssAnon and RssShmem, sampled every 5 ms, and live the
packet ring besides; RSS stands beside it. Two threads are compared by wall time, with the processors before all other work of the
machine where that is allowed. Live observation needs the rights to capture.
"""
import argparse, os, pathlib, re, subprocess, sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "e2e"))

import harness, instance, live, reading
from measure import Table

PARTS = ("reading", "threads", "live", "start", "filters", "instance")
LARGE = {"HTTP_CONNECTIONS": 256, "HTTP_SECONDS": 45}


def filters(table):
    """The mean over the examples of the language."""
    command = ["cargo", "run", "--release", "--locked", "-q", "-p", "lanternfish-filter", "--example", "speed"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    mean = re.search(r"([\d.]+) ns  mean of (\d+) examples", said.stdout)
    if mean:
        ns = float(mean[1])
        table.row(f"a compiled filter, mean of {mean[2]} examples, an entry", f"{ns:.1f} ns", "150 ns", ns <= 150, "50 ns")
    else:
        table.skip("a compiled filter", said.stderr.strip().splitlines()[-1] if said.stderr.strip() else "no examples")


def first_words():
    """What gives a command the processors before all others, where that is allowed."""
    is_allowed = subprocess.run(["chrt", "-r", "1", "true"], capture_output=True).returncode == 0
    return ["chrt", "-r", "1"] if is_allowed else []


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--only", default=",".join(PARTS))
    arguments.add_argument("--captures", type=pathlib.Path, default=ROOT / "target" / "bench-captures")
    arguments.add_argument("--large-captures", type=pathlib.Path, default=ROOT / "target" / "bench-captures-large")
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--seconds", type=int, default=60, help="of the steady live load")
    arguments.add_argument("--rate", type=int, default=10_000, help="requests a second of the steady live load")
    arguments.add_argument("--binary", default=harness.BINARY)
    arguments.add_argument("--store", type=pathlib.Path, default=ROOT / "target" / "bench-store", help="a store of 5 million entries, made by bench/queries.py")
    arguments.add_argument("--skip-tshark", action="store_true")
    given = arguments.parse_args()
    parts = given.only.split(",")
    if unknown := set(parts) - set(PARTS):
        arguments.error(f"no such part: {', '.join(sorted(unknown))}")
    script = harness.SHARED / "tools" / "make_load.sh"
    has_small = reading.record(script, given.captures)
    has_large = "threads" in parts and ((given.large_captures / "http1.pcap").exists() or reading.record(script, given.large_captures, **LARGE))
    table = Table()
    if "reading" in parts:
        if has_small:
            reading.against_others(table, given.binary, given.captures, given.runs, not given.skip_tshark)
        else:
            table.skip("reading", f"no captures, and {script} is not there to record them")
    if "threads" in parts:
        if has_large:
            reading.two_threads(table, given.binary, given.large_captures / "http1.pcap", given.runs, first_words())
        else:
            table.skip("two threads", "no capture")
    if "live" in parts or "start" in parts:
        if live.is_root():
            if "live" in parts:
                live.steady_load(table, given.binary, given.seconds, given.rate)
                for threads in (1, 2):
                    live.flood(table, given.binary, 5, threads)
            if "start" in parts:
                live.start(table, given.binary, given.captures / "http1.pcap", given.runs)
                live.rest(table, given.binary)
        else:
            table.skip("live", "it needs root")
    if "instance" in parts:
        if live.is_root():
            instance.steady_load(table, given.binary, given.seconds, given.rate)
            instance.cost_to_the_observed(table, given.binary, given.rate)
            if given.store.exists():
                instance.start(table, given.binary, given.store, given.runs)
            else:
                table.skip("start on a full store", f"{given.store} is not there: bench/queries.py makes it")
        else:
            table.skip("the running instance", "it needs root")
    if "filters" in parts:
        filters(table)
    table.conclude()


if __name__ == "__main__":
    main()
