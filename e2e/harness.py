"""What the end-to-end tests share: servers, the observer, and the counting of results."""
import contextlib, json, os, pathlib, re, shutil, signal, socket, subprocess, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = os.path.join(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"), "release", "lanternfish")
SHARED = pathlib.Path(os.environ.get("LANTERNFISH_SHARED", ROOT.parent / "shared"))
os.environ["PATH"] += ":/usr/sbin:/sbin"
IS_ROOT = os.geteuid() == 0


def run(*command, check=False, timeout=60, **rest):
    return subprocess.run([str(part) for part in command], capture_output=True, check=check, timeout=timeout, **rest)


def read(*arguments, **rest):
    """`lanternfish read` with the arguments; gives the finished process."""
    return run(BINARY, "read", *arguments, **rest)


def entries_of(output):
    return [json.loads(line) for line in output.splitlines() if line.strip()]


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def peak_memory_mib(pid):
    """The most memory that a process had so far, mapped files included, in MiB; 0 where it is gone."""
    try:
        with open(f"/proc/{pid}/status") as status:
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return 0.0


def wait_for(condition, seconds=10, step=0.02):
    """Waits until a condition gives something true, and gives it; `None` where the time is over."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found or time.monotonic() > end:
            return found or None
        time.sleep(step)


def is_listening(port, host="127.0.0.1"):
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex((host, port)) == 0


@contextlib.contextmanager
def process(*command, ready=None, **rest):
    """A process of our own, ended at the end."""
    started = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, **rest)
    try:
        if ready and not wait_for(ready):
            raise AssertionError(f"{command[0]} did not start")
        yield started
    finally:
        if started.poll() is None:
            started.terminate()
            try:
                started.wait(5)
            except subprocess.TimeoutExpired:
                started.kill()
                started.wait()


@contextlib.contextmanager
def folder():
    path = tempfile.mkdtemp(prefix="lf-e2e-")
    os.chmod(path, 0o755)
    try:
        yield pathlib.Path(path)
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def nginx(work, port=None, inside=()):
    """nginx on the loopback (or within a namespace by the words before the command); gives its port."""
    port = port or free_port()
    (work / "www").mkdir(exist_ok=True)
    (work / "www" / "orders.json").write_text('{"id": 7, "status": "paid"}\n')
    (work / "www" / "large.txt").write_text("lanternfish " * 20000)
    os.chmod(work / "www", 0o755)
    (work / "nginx.conf").write_text(f"""
worker_processes 1; error_log {work}/error.log; pid {work}/nginx.pid; daemon off;
events {{ worker_connections 512; }}
http {{
  log_format id '$request_id'; access_log {work}/ids.log id; keepalive_requests 1000000;
  types {{ application/json json; text/plain txt; }} gzip on; gzip_types text/plain; gzip_min_length 10;
  server {{ listen {'0.0.0.0' if inside else '127.0.0.1'}:{port} reuseport; root {work}/www; add_header X-Request-Id $request_id;
    location /fail {{ return 503 "broken\\n"; }} location /gone {{ return 404; }} }}
}}
""")
    ready = None if inside else (lambda: is_listening(port))
    with process(*inside, "nginx", "-c", work / "nginx.conf", "-p", work, ready=ready, stderr=subprocess.DEVNULL):
        if inside:
            time.sleep(1)
        yield port


class Observer:
    """`lanternfish live -o jsonl`, its entries as they come."""

    def __init__(self, work, *arguments, inside=(), binary=BINARY):
        self.path, self.errors = work / f"live-{time.monotonic_ns()}.jsonl", work / "live.err"
        self.process = subprocess.Popen(
            [*map(str, inside), binary, "live", "-o", "jsonl", *map(str, arguments)],
            stdin=subprocess.DEVNULL, stdout=open(self.path, "wb"), stderr=open(self.errors, "wb"))
        if not wait_for(lambda: self.process.poll() is not None or self.is_capturing()):
            self.process.kill()
            raise AssertionError("live does not begin to capture")
        if self.process.poll() is not None:
            raise AssertionError(f"live ended: {self.errors.read_text()}")

    def is_capturing(self):
        """Whether its sockets are open: processes are looked for from then on."""
        try:
            threads = pathlib.Path(f"/proc/{self.process.pid}/task").iterdir()
            return any((thread / "comm").read_text() == "lf-identity\n" for thread in threads)
        except OSError:
            return False

    def entries(self):
        text = self.path.read_bytes()
        return entries_of(text[: text.rfind(b"\n") + 1])

    def find(self, seconds=3, **wanted):
        """The first entry whose fields (dots as double underscores) have these values."""
        def look():
            return next((e for e in self.entries() if all(dig(e, k.replace("__", ".")) == v for k, v in wanted.items())), None)
        return wait_for(look, seconds)

    def stop(self):
        """Ends it as Ctrl-C does; gives its exit status and what it said."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(20)
        return code, self.errors.read_text()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def dig(entry, path):
    for part in path.split("."):
        entry = entry.get(part) if isinstance(entry, dict) else None
    return entry


def ledger(text):
    """The numbers of the printed ledger, by their words."""
    found = {}
    for line in text.splitlines():
        match = re.match(r"\s*(.+?)\s{2,}([\d,]+)(\s|$)", line)
        if match:
            found[match[1].strip()] = int(match[2].replace(",", ""))
    return found


@contextlib.contextmanager
def namespaces(*names):
    """Network namespaces of our own, with their loopbacks up."""
    made = [f"lf{os.getpid()}{name}" for name in names]
    try:
        for name in made:
            run("ip", "netns", "add", name, check=True)
            run("ip", "-n", name, "link", "set", "lo", "up", check=True)
        yield made
    finally:
        for name in made:
            run("ip", "netns", "del", name)


def counters(name):
    """Packets of all interfaces of a namespace, both ways, as the interfaces count them."""
    text = run(*within(name), "cat", "/proc/net/dev", check=True).stdout.decode()
    rows = [line.split(":", 1)[1].split() for line in text.splitlines() if ":" in line]
    return sum(int(row[1]) + int(row[9]) for row in rows)


def within(name):
    return ("ip", "netns", "exec", name)
