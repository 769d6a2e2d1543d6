#!/usr/bin/env python3
"""Compares `lanternfish read` with tshark and ndpiReader on recorded load, in one run and by CPU time.

  bench/run.py [--captures DIR] [--runs N] [--binary PATH]

The captures http1.pcap, redis.pcap and dns.pcap are recorded from real servers by the shared script make_load.sh where DIR
does not hold them yet. Each figure is the median of N runs in turn with the others; ratios carry over to other machines,
seconds do not. Peak memory is the largest sum of RssAnon and RssShmem seen, sampled every 5 ms.
"""
import argparse, os, pathlib, statistics, subprocess, sys, threading, time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHARED = pathlib.Path(os.environ.get("LANTERNFISH_SHARED", ROOT.parent / "shared"))

CASES = {
    "http1": {
        "fields": "timestamp,src.ip,src.port,dst.ip,dst.port,path,status_code",
        "filter": "http",
        "tshark": ["-d", "tcp.port==18080,http", "-Y", "http.response"],
        "columns": ["frame.time_epoch", "ip.src", "tcp.srcport", "ip.dst", "tcp.dstport", "http.request.uri", "http.response.code"],
    },
    "redis": {
        "fields": "timestamp,src.ip,src.port,dst.ip,dst.port,redis_command,redis_key",
        "filter": "redis",
        "tshark": ["-d", "tcp.port==16379,resp", "-Y", "resp"],
        "columns": ["frame.time_epoch", "ip.src", "tcp.srcport", "ip.dst", "tcp.dstport", "resp.bulk_string.value", "resp.array.length"],
    },
    "dns": {
        "fields": "timestamp,src.ip,src.port,dns_questions,dns_answers,status_code,elapsed_time",
        "filter": "dns",
        "tshark": ["-d", "udp.port==10053,dns", "-Y", "dns.flags.response==1"],
        "columns": ["frame.time_epoch", "ip.src", "udp.srcport", "dns.qry.name", "dns.a", "dns.flags.rcode", "dns.time"],
    },
}


def memory_of(pid):
    try:
        with open(f"/proc/{pid}/status") as status:
            lines = dict(line.split(":", 1) for line in status if ":" in line)
        return sum(int(lines[k].split()[0]) for k in ("RssAnon", "RssShmem") if k in lines)
    except (OSError, ValueError, KeyError):
        return 0


def measure(command):
    """CPU seconds, wall seconds, peak memory in KiB (by the definition above), peak RSS in KiB."""
    begin = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak, is_over = 0, threading.Event()

    def sample():
        nonlocal peak
        while not is_over.is_set():
            peak = max(peak, memory_of(process.pid))
            time.sleep(0.005)

    sampler = threading.Thread(target=sample)
    sampler.start()
    _, status, usage = os.wait4(process.pid, 0)
    is_over.set()
    sampler.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{command[0]} ended with {process.returncode}: {' '.join(command)}")
    return usage.ru_utime + usage.ru_stime, time.monotonic() - begin, peak, usage.ru_maxrss


def median_of(command, runs):
    figures = [measure(command) for _ in range(runs)]
    return [statistics.median(figure[i] for figure in figures) for i in range(3)] + [max(f[3] for f in figures)]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--captures", default=str(ROOT / "target" / "bench-captures"))
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("--binary", default=os.path.join(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"), "release", "lanternfish"))
    arguments.add_argument("--skip-tshark", action="store_true")
    given = arguments.parse_args()
    captures = pathlib.Path(given.captures)
    script = SHARED / "tools" / "make_load.sh"
    if not all((captures / f"{name}.pcap").exists() for name in CASES):
        if not script.exists():
            sys.exit(f"no captures in {captures}, and {script} is not there to record them")
        subprocess.run(["bash", str(script), str(captures)], check=True)
    print(f"{'what':34} {'cpu s':>8} {'wall s':>8} {'mem MiB':>8} {'rss MiB':>8}   ratio")

    def row(name, figure, note=""):
        cpu, wall, memory, rss = figure
        print(f"{name:34} {cpu:8.3f} {wall:8.3f} {memory / 1024:8.1f} {rss / 1024:8.1f}   {note}", flush=True)

    for name, case in CASES.items():
        file = str(captures / f"{name}.pcap")
        read = [given.binary, "read", file, "-f", case["filter"]]
        csv = median_of([*read, "-o", "csv", "--fields", case["fields"], "--threads", "1"], given.runs)
        jsonl = median_of([*read, "-o", "jsonl", "--threads", "1"], given.runs)
        two = median_of([*read, "-o", "csv", "--fields", case["fields"], "--threads", "2"], given.runs)
        ndpi = median_of(["ndpiReader", "-q", "-i", file], given.runs)
        columns = [part for column in case["columns"] for part in ("-e", column)]
        tshark = None
        if not given.skip_tshark:
            tshark = median_of(["tshark", "-n", "-r", file, *case["tshark"], "-T", "fields", *columns], 1)
            row(f"{name} tshark -T fields", tshark)
        row(f"{name} ndpiReader -q", ndpi)
        against = lambda figure: f"{tshark[0] / figure[0]:.1f} x less than tshark, " if tshark else ""
        row(f"{name} read csv, 7 fields", csv, f"{against(csv)}{csv[0] / ndpi[0]:.2f} x ndpiReader")
        row(f"{name} read jsonl", jsonl, against(jsonl).rstrip(", "))
        row(f"{name} read csv, 2 threads", two, f"{csv[1] / two[1]:.2f} x less wall time than 1 thread")


if __name__ == "__main__":
    main()
