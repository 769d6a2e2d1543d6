"""The running instance: what storing and showing costs, what observing costs the observed, how soon it starts on a full store."""
import base64, contextlib, json, os, pathlib, re, signal, socket, statistics, struct, subprocess, sys, threading, time, urllib.parse, urllib.request

from harness import folder, free_port, nginx, process, run, wait_for
from measure import cpu_of, memory_of, ring_of


class Page(threading.Thread):
    """A live page: a WebSocket that hears entries, map and stats, and reads as fast as they come."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.socket, self.entries, self.dropped, self.delays = socket.create_connection(("127.0.0.1", port)), 0, 0, []
        self.socket.sendall((f"GET /api/v1/live?filter=http HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())
        self.stream = self.socket.makefile("rb")
        while self.stream.readline().strip():
            pass
        self.send({"subscribe": ["entries", "map", "stats"]})
        self.start()

    def send(self, value):
        text = json.dumps(value).encode()
        self.socket.sendall(bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)

    def run(self):
        try:
            while head := self.stream.read(2):
                length = head[1] & 0x7F
                if length == 126:
                    length = struct.unpack(">H", self.stream.read(2))[0]
                elif length == 127:
                    length = struct.unpack(">Q", self.stream.read(8))[0]
                text = self.stream.read(length)
                now = time.time()
                if head[0] & 0x0F == 1 and text.startswith(b'{"entries"'):
                    times = re.findall(rb'"timestamp":"([^"]+)","protocol":"http"', text)
                    self.entries += len(times)
                    dropped = re.search(rb'"dropped":(\d+)', text[-200:])
                    self.dropped += int(dropped[1]) if dropped else 0
                    if times:
                        self.delays.append(now - unix(times[0].decode()))
        except (OSError, ValueError):
            pass


def unix(text):
    """Seconds since 1970 of a time as the program writes it."""
    whole, fraction = text.rstrip("Z").split(".")
    return time.mktime(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) - time.timezone + float("0." + fraction)


class Instance:
    """`lanternfish live` with a dashboard."""

    def __init__(self, binary, data, *arguments):
        self.port, self.begin = free_port(), time.monotonic()
        self.process = subprocess.Popen([binary, "live", "--data-dir", data, "--listen", f"127.0.0.1:{self.port}", "--no-open", *arguments],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.pid = self.process.pid
        assert wait_for(self.is_ready, 60, 0.005), "the instance does not answer"
        self.started = time.monotonic() - self.begin

    def is_ready(self):
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5).status == 200
        except OSError:
            return False

    def get(self, path, **query):
        return json.load(urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}?{urllib.parse.urlencode(query)}", timeout=120))

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)


def h2load(port, rate, seconds, log=None):
    """A fixed rate over 50 connections; with a log, gives the 99th percentile of the requests' latency in µs."""
    words = ["--log-file", log] if log else []
    done = run("h2load", "--h1", "-c", "50", f"--rps={rate // 50}", "-D", seconds, *words, f"http://127.0.0.1:{port}/orders.json", timeout=seconds + 60)
    assert done.returncode == 0, done
    if not log:
        return None
    latencies = sorted(int(line.split()[2]) for line in log.read_text().splitlines())
    log.unlink()
    return latencies[len(latencies) * 99 // 100]


def steady_load(table, binary, seconds, rate):
    """A fixed rate, with storage, raw ring, map and one live page."""
    with folder() as work, nginx(work) as port:
        instance = Instance(binary, work / "data")
        page = Page(instance.port)
        time.sleep(1)
        cpu = cpu_of(instance.pid)
        h2load(port, rate, seconds)
        time.sleep(1.5)
        cpu = cpu_of(instance.pid) - cpu
        anonymous, rss = memory_of(instance.pid)
        memory = anonymous + ring_of(instance.pid)
        logged = len((work / "ids.log").read_text().split())
        time.sleep(1)
        stored = instance.get("/api/v1/stats", filter=f"http && dst.port == {port}")["rows"]
        stored = sum(row["calls"] for row in stored)
        page.socket.close()
        instance.stop()
        segments = sum(p.stat().st_size for p in (work / "data" / "segments").rglob("*.parquet"))
    each = cpu / max(1, logged) * 1e6
    what = f"live with storage, ring, map and a page, {logged:,} requests in {seconds} s"
    table.row(f"{what}: stored", f"{stored:,}", "every one", stored == logged)
    table.row(f"{what}: CPU a request", f"{each:.2f} µs", "12 µs", each <= 12, "6 µs")
    table.row(f"{what}: memory with the ring", f"{memory:.1f} MiB (RSS {rss:.0f})", "200 MiB", memory <= 200, "120 MiB")
    late = sorted(page.delays)[int(len(page.delays) * 0.99)] * 1000 if page.delays else float("nan")
    table.row(f"{what}: from the wire to the page, p99 of {len(page.delays)} messages", f"{late:.0f} ms", "300 ms", late <= 300, "100 ms")
    print(f"the page heard {page.entries:,} entries, {page.dropped:,} were dropped for it; segments sealed so far: {segments:,} bytes")


def busy():
    """CPU seconds of the whole machine so far that were neither idle nor the host's; idle time is counted to the tick."""
    fields = [int(x) for x in open("/proc/stat").readline().split()[1:]]
    return time.monotonic() * os.cpu_count() - (fields[3] + fields[4] + fields[7]) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def bare_ring():
    """A packet ring that nobody looks at: what the kernel itself takes for it."""
    with process(sys.executable, pathlib.Path(__file__).with_name("bare_ring.py")) as running:
        yield running.pid


@contextlib.contextmanager
def observed(binary, data):
    instance = Instance(binary, data)
    yield instance.pid
    instance.stop()


def cost_to_the_observed(table, binary, rate, pairs=10, seconds=6):
    """The busy CPU time of the machine without ours, and the latency of requests: alone, with us, and with a bare ring, in turn."""
    ways = ("alone", "with us", "bare ring")
    more, slower = ({way: [] for way in ways[1:]} for _ in range(2))
    with folder() as work, nginx(work) as port:
        for number in range(pairs):
            figures = {}
            for way in ways if number % 2 else reversed(ways):
                beside = {"alone": contextlib.nullcontext(), "with us": observed(binary, work / f"data{number}"), "bare ring": bare_ring()}[way]
                with beside as pid:
                    time.sleep(2)
                    machine, own = busy(), cpu_of(pid) if pid else 0
                    late = h2load(port, rate, seconds, work / "latencies")
                    figures[way] = (busy() - machine - ((cpu_of(pid) - own) if pid else 0), late)
            for way in ways[1:]:
                more[way].append((figures[way][0] - figures["alone"][0]) / (rate * seconds) * 1e6)
                slower[way].append(figures[way][1] / max(1e-9, figures["alone"][1]) - 1)
    each, late = statistics.median(more["with us"]), statistics.median(slower["with us"]) * 100
    what = f"what observing costs the observed, {pairs} times in turn"
    table.row(f"{what}: busy CPU a request", f"{each:.2f} µs", "2 µs", each <= 2, "1 µs")
    table.row(f"{what}: p99 of latency", f"{late:+.0f} %", "+10 %", late <= 10, "+2 %")
    table.row(f"{what}: the same of a packet ring that nobody looks at",
              f"{statistics.median(more['bare ring']):.2f} µs, {statistics.median(slower['bare ring']) * 100:+.0f} %")


def start(table, binary, store, runs):
    """The first page on a store of 5 million entries, and memory at rest."""
    taken = []
    for _ in range(runs):
        instance = Instance(binary, store)
        taken.append(instance.started * 1000)
        time.sleep(2)
        memory = memory_of(instance.pid)[0]
        rows = instance.get("/api/v1/status")["recording"]["entries"]
        instance.stop()
    first = statistics.median(taken)
    table.row(f"start to the first page, {rows:,} stored entries", f"{first:.0f} ms", "300 ms", first <= 300, "100 ms")
    table.row("memory at rest without ring buffers", f"{memory:.1f} MiB", "80 MiB", memory <= 80, "50 MiB")
