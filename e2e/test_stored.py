"""The running instance: what it stores outlives it, even killed; what it captures can be changed; secrets stay out of its files.

Each instance runs in a network namespace of its own, where nobody speaks but the test."""
import contextlib, http.client, json, pathlib, random, signal, subprocess, sys, threading, time, urllib.parse

from harness import BINARY, SHARED, entries_of, folder, ledger, namespaces, nginx, read, run, wait_for, within
from test_live import needs_root

PORT = 8899
KILLS = 50
SECRETS = ["hunter2-is-no-password", "s3cr3t-token-of-ann", "c00kie-of-ann-1234567"]


class Instance:
    """`lanternfish live` with a dashboard, and its machine interface."""

    def __init__(self, inside, data, *arguments, verb="live"):
        self.inside, self.data = inside, data
        self.errors = open(data.parent / "instance.err", "ab")
        self.process = subprocess.Popen(
            [*inside, BINARY, verb, "--data-dir", str(data), "--no-open", *map(str, arguments)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.errors)

    def said(self):
        return pathlib.Path(self.errors.name).read_text()

    def ask(self, path, *options, **query):
        text = f"http://127.0.0.1:{PORT}{path}" + ("?" + urllib.parse.urlencode(query) if query else "")
        done = run(*self.inside, "curl", "-s", "-w", "\n%{http_code}", *options, text)
        body, _, code = done.stdout.decode(errors="replace").rpartition("\n")
        return int(code or 0), body

    def get(self, path, **query):
        code, body = self.ask(path, **query)
        assert code == 200, (path, query, code, body[:500])
        return json.loads(body)

    def put(self, path, value):
        code, body = self.ask(path, "-X", "PUT", "-H", "content-type: application/json", "-d", json.dumps(value))
        assert code == 200, (path, value, code, body[:500])
        return json.loads(body)

    def is_ready(self):
        return self.process.poll() is None and self.ask("/healthz")[0] == 200

    def wait(self, seconds=15):
        begin = time.monotonic()
        assert wait_for(self.is_ready, seconds), f"the instance does not answer: {self.said()}"
        return time.monotonic() - begin

    def entries(self, filter, **query):
        """All entries that a filter meets, page by page."""
        found, cursor = [], None
        while True:
            page = self.get("/api/v1/entries", filter=filter, limit=5000, **query, **({"cursor": cursor} if cursor else {}))
            found += page["entries"]
            cursor = page["next"]
            if not cursor:
                return found

    def find(self, filter, seconds=5):
        return wait_for(lambda: self.get("/api/v1/entries", filter=filter, limit=1)["entries"], seconds, 0.1)

    def count(self, cause):
        causes = self.get("/api/v1/loss")["causes"]
        return sum(c["count"] for c in causes if c["cause"] == cause)

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.errors.close()


@contextlib.contextmanager
def shop():
    """A namespace with nginx in it; gives a folder, the words before a command within, and nginx's port."""
    with folder() as work, namespaces("s") as (name,), nginx(work, port=8080, inside=within(name)) as port:
        yield work, within(name), port


def call(inside, port, path, *options):
    done = run(*inside, "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", *options, f"http://127.0.0.1:{port}{path}")
    return int(done.stdout or 0)


@needs_root
def test_what_was_stored_outlives_the_program():
    with shop() as (work, inside, port):
        data = work / "data"
        with Instance(inside, data) as instance:
            instance.wait()
            assert call(inside, port, "/orders.json?before") == 200
            before = instance.find('path == "/orders.json" && url.contains("before")')
            assert before and before[0]["status_code"] == 200 and before[0]["dst"]["process"]["name"] == "nginx", before
            assert instance.stop() == 0, instance.said()
        with Instance(inside, data) as instance:
            instance.wait()
            assert call(inside, port, "/orders.json?behind") == 200
            assert instance.find('url.contains("behind")')
            both = instance.entries('path == "/orders.json"')
            assert [e["url"] for e in both] == ["/orders.json?behind", "/orders.json?before"], both
            assert both[1] == before[0], "an entry changes over a restart"
            ids = [e["id"] for e in instance.entries("")]
            assert len(set((e["id"], e.get("conn_revision"), e.get("flow_revision")) for e in instance.entries(""))) == len(ids)
            instance.stop()


@needs_root
def test_a_call_is_found_a_moment_after_it_was_made():
    with shop() as (work, inside, port), Instance(inside, work / "data") as instance:
        instance.wait()
        times = []
        for number in range(10):
            call(inside, port, f"/orders.json?n={number}")
            begin = time.monotonic()
            assert instance.find(f'url.contains("n={number}")')
            times.append(time.monotonic() - begin)
        # The answer itself takes two processes and a query.
        assert sorted(times)[5] < 0.8, times


CLIENT = """
import http.client, sys, time
port, round, out = int(sys.argv[1]), sys.argv[2], open(sys.argv[3], "w", buffering=1)
connection = http.client.HTTPConnection("127.0.0.1", port)
for number in range(1000000):
    connection.request("GET", f"/orders.json?round={round}&n={number}&")
    connection.getresponse().read()
    out.write(f"{number} {time.time()}\\n")
"""


@needs_root
def test_a_kill_costs_a_quarter_of_a_second_at_most():
    lot = random.Random(20261126)
    with shop() as (work, inside, port):
        data, done = work / "data", work / "done"
        slowest = 0
        for turn in range(KILLS):
            with Instance(inside, data) as instance:
                if turn > 0:
                    slowest = max(slowest, instance.wait())
                    check(instance, turn - 1, killed, done)
                else:
                    instance.wait()
                done.unlink(missing_ok=True)
                client = subprocess.Popen([*inside, sys.executable, "-c", CLIENT, str(port), str(turn), str(done)])
                assert wait_for(lambda: done.exists() and done.stat().st_size > 4000, 20), "the client makes no requests"
                time.sleep(0.4 + lot.random())
                killed = time.time()
                instance.process.kill()
                client.kill()
                client.wait()
        with Instance(inside, data) as instance:
            instance.wait()
            check(instance, KILLS - 1, killed, done)
            status = instance.get("/api/v1/status")
            assert not status["recording"]["trouble"], status["recording"]
            instance.stop()
        print(f"restart until it answers: {slowest:.2f} s at most")


def check(instance, turn, killed, done):
    """Every request that was answered long enough before the kill is there, none twice, none that was not made."""
    rows = [line.split() for line in done.read_text().splitlines()]
    due = {int(n) for n, at in rows if len(rows) and float(at) < killed - 0.25}
    made = {int(n) for n, _ in rows}
    seen = [int(e["query_string"]["n"]) for e in instance.entries(f'http && url.contains("round={turn}&")')]
    assert len(seen) == len(set(seen)), f"round {turn}: twice"
    assert due <= set(seen), f"round {turn}: {len(due - set(seen))} of {len(due)} lost"
    assert set(seen) <= made | {max(made, default=-1) + 1}, f"round {turn}: never made"
    assert len(due) > 50, f"round {turn}: only {len(due)} requests"


@needs_root
def test_capture_is_changed_while_it_runs():
    change_capture("--threads", "1")


@needs_root
def test_capture_on_several_threads_is_changed_while_it_runs():
    change_capture("--threads", "3")


def change_capture(*arguments):
    with shop() as (work, inside, port), Instance(inside, work / "data", *arguments) as instance:
        instance.wait()

        def is_seen(word, seconds=1.0):
            call(inside, port, f"/orders.json?{word}")
            return bool(instance.find(f'http && url.contains("{word}")', seconds))

        assert is_seen("plain", 3)
        assert instance.put("/api/v1/capture", {"on": False})["on"] is False
        time.sleep(0.3)
        assert not is_seen("while-off")
        instance.put("/api/v1/capture", {"on": True})
        time.sleep(0.3)
        assert is_seen("on-again")
        assert wait_for(lambda: instance.count("capture off") > 500, 5), "the dark time is not in the ledger"
        for change, back in [
            ({"bpf": "udp"}, {"bpf": ""}),
            ({"interfaces": ["lfnone0"]}, {"interfaces": []}),
            ({"protocols": {"http": False}}, {"protocols": {"http": True}}),
            ({"targets": [{"kind": "port", "value": "1"}]}, {"targets": [{"kind": "port", "value": str(port)}]}),
            ({"targets": [{"kind": "process", "value": "no-such"}]}, {"targets": [{"kind": "process", "value": "nginx"}]}),
        ]:
            instance.put("/api/v1/capture", change)
            time.sleep(0.3)
            word = f"w{time.monotonic_ns()}"
            assert not is_seen(word), change
            instance.put("/api/v1/capture", back)
            time.sleep(0.3)
            assert is_seen(f"w{time.monotonic_ns()}", 2), back
        for wrong in [{"bpf": "no such thing"}, {"protocols": {"carrier pigeon": True}}, {"targets": [{"kind": "port", "value": "x"}]}]:
            code, body = instance.ask("/api/v1/capture", "-X", "PUT", "-H", "content-type: application/json", "-d", json.dumps(wrong))
            assert code == 400 and json.loads(body)["error"]["message"], (wrong, code, body)
        assert not instance.entries(f"dst.port == {PORT} || src.port == {PORT}"), "our own traffic is shown"
        code, metrics = instance.ask("/metrics")
        assert code == 200 and "own" in metrics, metrics[:300]
        last = instance.find(f'http && dst.port == {port}')[0]
        assert instance.get(f"/api/v1/entries/{last['id']}/packets")["packets"], "the ring has no packet of an entry"
        instance.stop()
        books = ledger(instance.said())
        assert books["filtered out: own traffic"] > 100, instance.said()
        fates = ("dissected", "duplicate view", "filtered out", "filtered out: own traffic", "not IP")
        assert books["packets"] == sum(books.get(fate, 0) for fate in fates), instance.said()


@needs_root
def test_no_secret_is_in_a_file_but_the_ring():
    password, token, cookie = SECRETS
    with shop() as (work, inside, port):
        data = work / "data"
        with Instance(inside, data) as instance:
            instance.wait()
            call(inside, port, f"/login?user=ann&password={password}", "-H", f"Authorization: Token {token}", "-H", f"Cookie: sid={cookie}",
                 "-H", "content-type: application/json", "-d", json.dumps({"user": "ann", "password": password}))
            found = instance.find('request.headers["Authorization"] == r"Token.*"')
            assert found and "REDACTED" in found[0]["request"]["headers"]["authorization"], found
            text = json.dumps(found)
            assert not any(secret in text for secret in SECRETS), text
            instance.stop()
        in_files = [p for p in data.rglob("*") if p.is_file() and any(s.encode() in p.read_bytes() for s in SECRETS)]
        assert in_files and all("ring" in p.parts for p in in_files), in_files
        assert all(p.stat().st_mode & 0o077 == 0 for p in data.rglob("*")), "files of others' reach"
        with Instance(inside, work / "plain", "--no-redact") as instance:
            instance.wait()
            call(inside, port, "/login", "-H", f"Authorization: Token {token}")
            found = instance.find(f'request.headers["Authorization"] == "Token {token}"')
            assert found and instance.get("/api/v1/status")["is_redacting"] is False


@needs_root
def test_a_second_process_is_told_who_has_the_directory():
    with shop() as (work, inside, _):
        with Instance(inside, work / "data") as instance:
            instance.wait()
            second = run(*inside, BINARY, "live", "--data-dir", work / "data", "--listen", "127.0.0.1:0", "--no-open")
            said = second.stderr.decode()
            assert second.returncode == 1 and str(instance.process.pid) in said and "8899" in said, said
            third = run(*inside, BINARY, "live", "--data-dir", work / "other", "--no-open")
            assert third.returncode == 1 and "--listen" in third.stderr.decode(), third.stderr
            instance.stop()


@needs_root
def test_others_on_this_machine_are_not_served():
    with shop() as (work, inside, _), Instance(inside, work / "data") as instance:
        instance.wait()
        as_nobody = run(*inside, "setpriv", "--reuid=65534", "--clear-groups", "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}",
                        f"http://127.0.0.1:{PORT}/api/v1/entries")
        assert as_nobody.stdout in (b"401", b"403"), as_nobody
        for options in (["-H", "Host: evil.example"], ["-H", "Origin: http://evil.example"]):
            code, _ = instance.ask("/api/v1/status", *options)
            assert code in (400, 403, 421), (options, code)


@needs_root
def test_a_full_disk_is_said_and_survived():
    with shop() as (work, inside, port):
        small = work / "small"
        small.mkdir()
        run("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", small, check=True)
        try:
            with Instance(inside, small / "data") as instance:
                instance.wait()
                for number in range(20):
                    call(inside, port, f"/orders.json?n={number}")
                trouble = wait_for(lambda: instance.get("/api/v1/status")["recording"]["trouble"], 5)
                assert trouble and "storing stops" in trouble, trouble
                assert wait_for(lambda: instance.count("disk full") > 0, 5), instance.get("/api/v1/loss")
                assert instance.stop() == 0
        finally:
            run("umount", small)


@needs_root
def test_files_are_shown_while_they_are_read():
    captures = sorted(pathlib.Path(__file__).parent.parent.glob("crates/app/tests/variables/*.pcap"))[:2]
    expected = [e for capture in captures for e in entries_of(read(capture, "-o", "jsonl").stdout)]
    calls = sum(not e.get("conn") and not e.get("flow") for e in expected)
    with folder() as work, namespaces("o") as (name,):
        # Whatever is opened again, by whatever name, is read once.
        copy = work / "copy.pcap"
        copy.write_bytes(captures[0].read_bytes())
        for files in [captures, [copy, *captures]]:
            with Instance(within(name), work / "data", *files, verb="open") as instance:
                instance.wait()
                read_files = lambda: instance.get("/api/v1/files")["files"]
                assert wait_for(lambda: all(f["state"] == "done" for f in read_files()), 10), read_files()
                assert [f["name"] for f in read_files()] == [file.name for file in files], read_files()
                assert all(f["entries"] > 0 and ("read before" in f["note"]) == (files is not captures) for f in read_files()), read_files()
                shown = wait_for(lambda: (lambda all: all if len(all) >= calls else None)(instance.entries("!conn && !flow")), 5)
                assert shown and len(shown) == calls, (len(shown or []), calls)
                assert instance.ask("/api/v1/capture", "-X", "PUT", "-H", "content-type: application/json", "-d", '{"on":true}')[0] in (400, 409)
                instance.stop()


@needs_root
def test_the_demo_is_a_map_of_services():
    wanted = {("customers", "gateway"), ("gateway", "cart"), ("gateway", "catalog"), ("gateway", "payment"), ("gateway", "names"),
              ("cart", "inventory"), ("catalog", "inventory"), ("payment", "inventory")}
    with folder() as work, namespaces("d") as (name,):
        with Instance(within(name), work / "data", "--rate", "20", verb="demo") as instance:
            instance.wait()
            edges = lambda: {(e["src"].removeprefix("process:"), e["dst"].removeprefix("process:")): e
                             for e in instance.get("/api/v1/map")["edges"] if e["protocol"] not in ("tcp", "udp")}
            assert wait_for(lambda: wanted <= edges().keys(), 30, 0.5), (wanted - edges().keys(), instance.said())
            assert wait_for(lambda: edges()["customers", "gateway"]["errors"] > 0, 30, 0.5), edges()
            nodes = {node["id"] for node in instance.get("/api/v1/map")["nodes"]}
            assert "process:lanternfish" not in nodes and "host:localhost" not in nodes, nodes
            calls = sum(edge["calls"] for edge in edges().values())
            assert instance.count("process ended") < calls / 20, (instance.count("process ended"), calls)
            instance.stop()
