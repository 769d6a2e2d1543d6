"""Live observation of real servers: each request once, what it costs, books under flood, start and rest."""
import collections, json, os, socket, statistics, subprocess, threading, time

from harness import Observer, counters, folder, ledger, namespaces, nginx, run, within
from measure import cpu_of, cpu_of_threads, memory_of, ring_of

FATES = ("dissected", "duplicate view", "filtered out", "not IP", "unknown transport", "malformed header", "kernel drop",
         "fragment incomplete", "tunnel too deep", "unknown link type")


class Live(Observer):
    """`lanternfish live -o jsonl` of any build, with what it costs."""

    def __init__(self, binary, work, *arguments, inside=()):
        super().__init__(work, *arguments, inside=inside, binary=binary)
        time.sleep(1)  # what starting costs is not counted
        self.pid = self.process.pid

    def memory(self):
        anonymous, rss = memory_of(self.pid)
        return anonymous + ring_of(self.pid), rss

    def stop(self):
        """Ends it as Ctrl-C does; gives the ledger that it prints."""
        _, said = super().stop()
        return ledger(said), said


def steady_load(table, binary, seconds, rate):
    """A fixed rate over 50 connections; the server's own log tells which requests there were."""
    with folder() as work, nginx(work) as port, Live(binary, work, "-f", f"http && dst.port == {port}") as live:
        cpu = cpu_of(live.pid)
        load = run("h2load", "--h1", "-c", "50", f"--rps={rate // 50}", "-D", seconds, f"http://127.0.0.1:{port}/orders.json", timeout=seconds + 60)
        assert load.returncode == 0, load
        time.sleep(1)
        cpu = cpu_of(live.pid) - cpu
        memory, rss = live.memory()
        live.stop()
        logged = collections.Counter((work / "ids.log").read_text().split())
        seen = collections.Counter()
        with open(live.path) as lines:
            for line in lines:
                response = json.loads(line).get("response", {})
                seen[response.get("headers", {}).get("x-request-id")] += 1
    count = sum(logged.values())
    what = f"live, {count:,} requests in {seconds} s"
    each = cpu / max(1, count) * 1e6
    table.row(f"{what}: each of the server's log seen exactly once", f"{len(seen):,} seen", "exactly", seen == logged)
    table.row(f"{what}: CPU a request", f"{each:.2f} µs", "7 µs", each <= 7, "4 µs")
    table.row(f"{what}: memory with the ring", f"{memory:.1f} MiB (RSS {rss:.0f})", "100 MiB", memory <= 100, "60 MiB")


def flood(table, binary, seconds, threads):
    """As many requests as the machine gives, in a network of their own: every packet of its interfaces has its place."""
    with namespaces("flood") as (name,), folder() as work, nginx(work, 8080, inside=within(name)):
        with Live(binary, work, "-f", "http", "--threads", threads, inside=within(name)) as live:
            before, cpu = counters(name), cpu_of_threads(live.pid)
            load = run(*within(name), "wrk", "-t1", "-c64", f"-d{seconds}s", "http://127.0.0.1:8080/orders.json", timeout=seconds + 60)
            assert load.returncode == 0, load
            time.sleep(1)
            packets = counters(name) - before
            cpu = [spent - cpu.get(thread, 0) for thread, spent in cpu_of_threads(live.pid).items()]
            books, said = live.stop()
    accounted = sum(books.get(fate, 0) for fate in FATES)
    is_balanced = packets == books["packets"] == accounted
    figure = f"{packets:,} counted by the interface, {accounted:,} by us, {books.get('kernel drop', 0):,} of them kernel drops"
    what = f"live, flooded for {seconds} s, --threads {threads}"
    table.row(f"{what}: the books", figure, "equal", is_balanced)
    busiest, together = (spent / books["dissected"] * 1e6 for spent in (max(cpu), sum(cpu)))
    table.row(f"{what}: CPU a packet", f"{busiest:.2f} µs of the busiest thread, {together:.2f} µs of all")
    if not is_balanced:
        print(said)


def start(table, binary, file, runs):
    """From the start of the program to its first entry."""
    def first_line(command):
        begin = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        process.stdout.readline()
        taken = time.monotonic() - begin
        process.kill()
        process.wait()
        return taken * 1000

    is_over = threading.Event()
    with folder() as work, nginx(work) as port:

        def ask():
            while not is_over.is_set():
                with socket.create_connection(("127.0.0.1", port)) as client:
                    for _ in range(50):
                        client.sendall(b"GET /orders.json HTTP/1.1\r\nHost: shop.test\r\n\r\n")
                        client.recv(65536)
                        time.sleep(0.002)

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            live = statistics.median(first_line([binary, "live", "-o", "jsonl", "-f", "http"]) for _ in range(runs))
        finally:
            is_over.set()
            asking.join()
    table.row("live: start to first entry", f"{live:.0f} ms", "150 ms", live <= 150, "50 ms")
    read = statistics.median(first_line([binary, "read", str(file), "-o", "jsonl"]) for _ in range(runs))
    table.row("read: start to first entry", f"{read:.0f} ms", "150 ms", read <= 150, "50 ms")


def rest(table, binary):
    """Memory while next to nothing happens."""
    with folder() as work, Live(binary, work) as live:
        time.sleep(3)
        memory, rss = live.memory()
    table.row("live: memory at rest, with the ring", f"{memory:.1f} MiB (RSS {rss:.0f})", "40 MiB", memory <= 40, "20 MiB")


def is_root():
    return os.geteuid() == 0
