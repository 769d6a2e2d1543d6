"""Capture files: against tshark and ndpiReader, and two threads against one."""
import os, pathlib, subprocess

from measure import digest_of, is_there, measure, medians

CASES = {
    "http1": {
        "fields": "timestamp,src.ip,src.port,dst.ip,dst.port,path,status_code",
        "filter": "http",
        "tshark": ["-d", "tcp.port==18080,http", "-Y", "http.response"],
        "columns": ["frame.time_epoch", "ip.src", "tcp.srcport", "ip.dst", "tcp.dstport", "http.request.uri", "http.response.code"],
        "bar": 35, "jsonl_bar": 15, "jsonl_aim": 30,
    },
    "redis": {
        "fields": "timestamp,src.ip,src.port,dst.ip,dst.port,redis_command,redis_key",
        "filter": "redis",
        "tshark": ["-d", "tcp.port==16379,resp", "-Y", "resp"],
        "columns": ["frame.time_epoch", "ip.src", "tcp.srcport", "ip.dst", "tcp.dstport", "resp.bulk_string.value", "resp.array.length"],
        "bar": 25,
    },
    "dns": {
        "fields": "timestamp,src.ip,src.port,dns_questions,dns_answers,status_code,elapsed_time",
        "filter": "dns",
        "tshark": ["-d", "udp.port==10053,dns", "-Y", "dns.flags.response==1"],
        "columns": ["frame.time_epoch", "ip.src", "udp.srcport", "dns.qry.name", "dns.a", "dns.flags.rcode", "dns.time"],
        "bar": 20,
    },
}


def record(script, folder, **sizes):
    """Records the captures with the shared script, where they are not there yet."""
    if all((folder / f"{name}.pcap").exists() for name in CASES):
        return True
    if not script.exists():
        return False
    environment = {**os.environ, **{name: str(value) for name, value in sizes.items()}}
    subprocess.run(["bash", str(script), str(folder)], check=True, env=environment, stdout=subprocess.DEVNULL)
    return True


def counted(binary, file, query):
    """Packets of a capture, and entries that the filter finds, from the ledger."""
    command = [binary, "read", file, "-f", query, "-o", "csv", "--fields", "id", "--stats"]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    words = next(line for line in said.stderr.splitlines() if line.startswith("packets")).split()
    return int(words[1].replace(",", "")), said.stdout.count("\n") - 1


def against_others(table, binary, folder, runs, with_tshark):
    for name, case in CASES.items():
        file = str(pathlib.Path(folder, f"{name}.pcap"))
        packets, entries = counted(binary, file, case["filter"])
        read = [binary, "read", file, "-f", case["filter"], "--threads", "1"]
        commands = {"csv": [*read, "-o", "csv", "--fields", case["fields"]], "jsonl": [*read, "-o", "jsonl"]}
        if is_there("ndpiReader"):
            commands["ndpi"] = ["ndpiReader", "-q", "-i", file]
        figures = medians(commands, runs)
        csv, jsonl = figures["csv"], figures["jsonl"]
        each = lambda figure: f"{figure.cpu / packets * 1e9:.0f} ns a packet, {figure.cpu / entries * 1e9:.0f} ns an entry"
        spent = lambda figure: f"{figure.cpu:.3f} s of CPU, {each(figure)}, {figure.memory:.1f} MiB (RSS {figure.rss:.0f})"
        table.row(f"{name}: {packets:,} packets, {entries:,} entries; csv of 7 fields", spent(csv), "64 MiB", csv.memory <= 64, "40 MiB")
        table.row(f"{name}: jsonl, whole entries", spent(jsonl), "64 MiB", jsonl.memory <= 64, "40 MiB")
        if "ndpi" in figures:
            ratio = csv.cpu / figures["ndpi"].cpu
            table.row(f"{name}: csv against ndpiReader -q ({figures['ndpi'].cpu:.3f} s)", f"{ratio:.2f} ×", "at most 2.5 ×", ratio <= 2.5, "1 ×")
        else:
            table.skip(f"{name}: csv against ndpiReader", "it is not installed")
        if not with_tshark:
            table.skip(f"{name}: against tshark", "it was not asked for")
            continue
        columns = [part for column in case["columns"] for part in ("-e", column)]
        tshark = measure(["tshark", "-n", "-r", file, *case["tshark"], "-T", "fields", *columns])
        ratio = tshark.cpu / csv.cpu
        table.row(f"{name}: csv against tshark -T fields ({tshark.cpu:.1f} s)", f"{ratio:.1f} × less CPU", f"{case['bar']} ×", ratio >= case["bar"])
        ratio, bar = tshark.cpu / jsonl.cpu, case.get("jsonl_bar")
        holds = None if bar is None else ratio >= bar
        table.row(f"{name}: jsonl against the same tshark run", f"{ratio:.1f} × less CPU", f"{bar} ×" if bar else "", holds, f"{case['jsonl_aim']} ×" if bar else "")


def two_threads(table, binary, file, runs, first):
    """`first` stands before the commands: it may give them the processors before all others."""
    case = CASES["http1"]
    packets, entries = counted(binary, str(file), case["filter"])
    read = lambda threads: [binary, "read", str(file), "-f", case["filter"], "-o", "csv", "--fields", case["fields"], "--threads", threads]
    figures = medians({"one": [*first, *read("1")], "two": [*first, *read("2")]}, runs)
    one, two = figures["one"], figures["two"]
    ratio = one.wall / two.wall
    table.row(f"two threads on {packets:,} packets, {entries:,} entries: {one.wall:.2f} s, {two.wall:.2f} s (CPU {one.cpu:.2f} s, {two.cpu:.2f} s)",
              f"{ratio:.2f} × less wall time", "1.6 ×", ratio >= 1.6, "1.8 ×")
    is_same = digest_of(read("1")) == digest_of(read("2"))
    table.row("two threads: the output is the same byte for byte", "yes" if is_same else "no", "yes", is_same)
