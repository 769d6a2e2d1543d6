"""This machine observed live: who called whom, at once, each call once."""
import collections, contextlib, datetime, json, os, pathlib, socket, subprocess, time

from harness import BINARY, Observer, folder, free_port, is_listening, ledger, nginx, process, run, wait_for


def needs_root(test):
    test.needs_root = True
    return test


@needs_root
def test_a_call_is_shown_at_once_with_both_processes():
    with folder() as work, nginx(work) as port, Observer(work, "-f", f"http && dst.port == {port}") as observer:
        delays = []
        for number in range(5):
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(f"GET /orders.json?n={number} HTTP/1.1\r\nHost: shop.test\r\n\r\n".encode())
                client.recv(65536)
                begin = time.monotonic()
                entry = observer.find(url=f"/orders.json?n={number}")
                delays.append(time.monotonic() - begin)
            assert entry, "no entry"
            assert (entry["method"], entry["path"], entry["status_code"], entry["src"]["process"]["name"]) == ("GET", "/orders.json", 200, "python3"), entry
            assert entry["dst"]["process"]["name"] == "nginx" and entry["local_process_name"] == "nginx", entry
            assert entry["local_resolution_status"] == entry["remote_resolution_status"] == "resolved"
        assert sorted(delays)[2] < 0.3, delays
        run("curl", "-s", f"http://127.0.0.1:{port}/gone")
        short = observer.find(path="/gone")
        assert short and short["dst"]["process"]["name"] == "nginx"
        assert short["remote_resolution_status"] in ("resolved", "process ended"), short
        code, said = observer.stop()
        assert code == 0 and "dissected" in said, said


def observe_load(*arguments):
    """A load over 20 connections of which every request must be seen, once; gives the entries in the order they came."""
    with folder() as work, nginx(work) as port, Observer(work, "-f", f"http && dst.port == {port}", *arguments) as observer:
        load = run("h2load", "--h1", "-c", "20", "--rps=100", "-D", "8", f"http://127.0.0.1:{port}/orders.json")
        assert load.returncode == 0, load
        time.sleep(1.5)
        code, said = observer.stop()
        assert code == 0, said
        logged = (work / "ids.log").read_text().split()
        entries = observer.entries()
        seen = collections.Counter(e["response"]["headers"]["x-request-id"] for e in entries if "response" in e)
        assert len(logged) >= 10_000 and set(logged) == set(seen) and set(seen.values()) == {1}, (len(logged), len(seen), said)
        books = ledger(said)
        assert books["packets"] == sum(v for k, v in books.items() if k in ("dissected", "duplicate view", "not IP", "filtered out")), said
        return entries


@needs_root
def test_every_request_is_seen_exactly_once():
    entries = observe_load()
    assert {e["worker"] for e in entries} == {"0"}


@needs_root
def test_the_observed_come_first_until_cpu_time_is_short():
    with folder() as work, nginx(work) as port, Observer(work, "-f", f"http && dst.port == {port}", "--threads", "2") as observer:
        def policies():
            tasks = pathlib.Path(f"/proc/{observer.process.pid}/task").iterdir()
            return sorted(((task / "comm").read_text().strip(), os.sched_getscheduler(int(task.name))) for task in tasks)

        # The thread that takes in packets, two workers and the one that looks for processes; the guard never gives way.
        def all_but_the_guard(policy):
            guard = [one for one in policies() if one in (("guard", os.SCHED_FIFO), ("guard", os.SCHED_OTHER))]
            return len(guard) == 1 and sorted(policies()) == sorted([*[("lanternfish", policy)] * 3, ("lf-identity", policy), *guard])

        assert wait_for(lambda: all_but_the_guard(os.SCHED_IDLE), 30), policies()
        with contextlib.ExitStack() as burners:
            for _ in range(2 * os.cpu_count()):
                burners.enter_context(process("timeout", "20", "sh", "-c", "while :; do :; done"))
            load = subprocess.Popen(["h2load", "--h1", "-c", "20", "--rps=200", "-D", "6", f"http://127.0.0.1:{port}/orders.json"], stdout=subprocess.DEVNULL)
            assert wait_for(lambda: all_but_the_guard(os.SCHED_OTHER), 3), policies()
            assert load.wait(60) == 0
            time.sleep(2)
        assert wait_for(lambda: all_but_the_guard(os.SCHED_IDLE), 30), policies()
        code, said = observer.stop()
        assert code == 0 and "kernel drop" not in said, said
        logged = (work / "ids.log").read_text().split()
        seen = collections.Counter(e["response"]["headers"]["x-request-id"] for e in observer.entries() if "response" in e)
        assert len(logged) > 5_000 and set(logged) == set(seen) and set(seen.values()) == {1}, (len(logged), len(seen), said)


@needs_root
def test_several_threads_see_every_request_once_and_in_order():
    entries = observe_load("--threads", "3")
    assert {e["worker"] for e in entries} == {"0", "1", "2"}
    workers, indexes = collections.defaultdict(set), collections.defaultdict(list)
    for entry in entries:
        workers[entry["conn_id"]].add(entry["worker"])
        indexes[entry["conn_id"]].append(entry["index"])
    assert len(workers) == 20 and all(len(of_one) == 1 for of_one in workers.values()), workers
    assert all(of_one == sorted(of_one) for of_one in indexes.values())
    # Who calls is known by then: nothing waits, and an entry comes in the place of the packet that completed it.
    ends = [time_of(entry) + int(entry["elapsed_time"]) for entry in entries]
    begin = min(ends)
    steady = [end for end in ends if end > begin + 1_000_000]
    assert len(steady) > 8_000 and all(later >= earlier - 1 for earlier, later in zip(steady, steady[1:]))


def time_of(entry):
    """When its first packet came, in µs since the epoch."""
    whole, fraction = entry["timestamp"].rstrip("Z").split(".")
    return int(datetime.datetime.fromisoformat(whole + "+00:00").timestamp()) * 1_000_000 + int(fraction[:6])


@needs_root
def test_names_that_clients_looked_up():
    with folder() as work, nginx(work) as port:
        server = process("dnsmasq", "-k", "-p", "53", "--listen-address=127.0.77.53", "--bind-interfaces", "--no-resolv", "--no-hosts",
                         f"--pid-file={work}/pid", "--address=/shop.example/127.0.0.1", stderr=subprocess.DEVNULL)
        with server, Observer(work) as observer:
            assert wait_for(lambda: run("dig", "+tries=1", "+time=1", "@127.0.77.53", "pay.shop.example").returncode == 0)
            run("curl", "-s", f"http://127.0.0.1:{port}/orders.json?named")
            entry = observer.find(url="/orders.json?named")
            assert entry and entry["dst"]["dns"] == "pay.shop.example" and "pay.shop.example" in entry["dns_resolutions"], entry
            lookup = observer.find(protocol="dns", dns_questions=["pay.shop.example"])
            assert lookup and lookup["dns_answers"] == ["127.0.0.1"]


@needs_root
def test_pings_and_errors():
    with folder() as work, Observer(work, "-f", "icmp || tcp_error_type == \"refused\"") as observer:
        run("ping", "-c", "3", "-i", "0.2", "127.0.0.1")
        pairs = wait_for(lambda: [e for e in observer.entries() if e.get("icmp_type") == "echo request" and "elapsed_time" in e][2:3])
        assert pairs and pairs[0]["outcome"] == "ok", observer.entries()
        closed = free_port(socket.SOCK_DGRAM)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect(("127.0.0.1", closed))
            client.send(b"anybody there?")
            time.sleep(0.2)
        error = observer.find(icmp_type_number=3)
        assert error and error["outcome"] == "failed" and error.get("icmp_conn_id"), error
        socket.socket().connect_ex(("127.0.0.1", free_port()))
        refused = observer.find(seconds=12, tcp_error_type="refused")
        assert refused and refused["outcome"] == "failed" and refused["tcp_method"] == "refused"


@needs_root
def test_watch_stops_at_its_limit():
    with folder() as work, nginx(work) as port:
        watch = subprocess.Popen([BINARY, "watch", f"http && dst.port == {port} && limit(2)", "-o", "jsonl"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            time.sleep(1)
            for _ in range(4):
                run("curl", "-s", f"http://127.0.0.1:{port}/orders.json")
            out, _ = watch.communicate(timeout=15)
        finally:
            watch.kill()
        assert len(out.splitlines()) == 2 and watch.returncode == 0, out
