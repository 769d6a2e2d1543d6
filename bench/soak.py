#!/usr/bin/env python3
"""Observes a real server under a fixed rate for a long time, and prints what the observer costs as a table.

  bench/soak.py [--seconds 3600] [--rate 5000] [--every 300] [--binary PATH]

nginx answers on the loopback, h2load asks over 50 connections of HTTP/1.1, and
`lanternfish live -o jsonl` writes to a pipe that counts the entries. Needs the rights to capture.
"""
import argparse, os, pathlib, re, signal, subprocess, sys, tempfile, threading, time

ROOT = pathlib.Path(__file__).resolve().parent.parent
CONFIGURATION = """
worker_processes 1; error_log stderr crit; pid {work}/nginx.pid; daemon off; user root;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 1000000000; types {{ application/json json; }}
  server {{ listen 127.0.0.1:18085 reuseport; root {work}; add_header X-Request-Id $request_id; }} }}
"""


def status(pid):
    with open(f"/proc/{pid}/status") as lines:
        values = dict(line.split(":", 1) for line in lines if ":" in line)
    memory = lambda name: int(values[name].split()[0]) / 1024
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    ticks = os.sysconf("SC_CLK_TCK")
    return memory("RssAnon") + memory("RssShmem"), memory("VmRSS"), (int(fields[11]) + int(fields[12])) / ticks


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seconds", type=int, default=3600)
    arguments.add_argument("--rate", type=int, default=5000)
    arguments.add_argument("--every", type=int, default=300)
    arguments.add_argument("--binary", default=os.path.join(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"), "release", "lanternfish"))
    given = arguments.parse_args()
    running = []
    with tempfile.TemporaryDirectory() as work:
        pathlib.Path(work, "a.json").write_text('{"id": 1, "status": "paid"}\n')
        pathlib.Path(work, "nginx.conf").write_text(CONFIGURATION.format(work=work))
        try:
            running.append(subprocess.Popen(["nginx", "-c", f"{work}/nginx.conf", "-p", work]))
            time.sleep(1)
            live = subprocess.Popen([given.binary, "live", "-o", "jsonl", "-f", "http"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            running.append(live)
            entries = [0]

            def count():
                while chunk := os.read(live.stdout.fileno(), 1 << 20):
                    entries[0] += chunk.count(b"\n")

            counter = threading.Thread(target=count, daemon=True)
            counter.start()
            time.sleep(2)
            load = subprocess.Popen(
                ["h2load", "--h1", "-c", "50", f"--rps={given.rate // 50}", "-D", str(given.seconds), "http://127.0.0.1:18085/a.json"],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            running.append(load)
            begin, (_, _, cpu_before), seen_before = time.monotonic(), status(live.pid), 0
            print("| minutes | entries | RssAnon + RssShmem MiB | ring MiB | RSS MiB | CPU % of one core | µs an entry |", flush=True)
            print("|---|---|---|---|---|---|---|", flush=True)
            last = begin
            while load.poll() is None:
                time.sleep(min(given.every, 5) if time.monotonic() - begin < 5 else given.every)
                if load.poll() is not None:
                    break
                now = time.monotonic()
                memory, rss, cpu = status(live.pid)
                seen = entries[0]
                each = (cpu - cpu_before) / max(1, seen - seen_before) * 1e6
                share = (cpu - cpu_before) / (now - last) * 100
                print(f"| {(now - begin) / 60:.0f} | {seen:,} | {memory:.1f} | 8 | {rss:.1f} | {share:.1f} | {each:.2f} |", flush=True)
                last, cpu_before, seen_before = now, cpu, seen
            said = load.stdout.read()
            time.sleep(1)
            live.send_signal(signal.SIGINT)
            ledger = live.stderr.read().decode()
            live.wait(timeout=20)
            counter.join(timeout=5)
            done = re.search(r"(\d+) succeeded", said)
            print(f"\nrequests that succeeded: {int(done[1]) if done else 0:,}; entries: {entries[0]:,}\n\n{ledger}")
        finally:
            for process in running:
                if process.poll() is None:
                    process.terminate()


if __name__ == "__main__":
    main()
