"""Traffic across network namespaces of our own: counted once, with exact books."""
import time

from harness import Observer, counters, folder, ledger, namespaces, nginx, run, within
from test_live import needs_root


def pair(left, right):
    """A veth pair between two namespaces, 10.77.0.1 and 10.77.0.2."""
    run("ip", "link", "add", "va", "netns", left, "type", "veth", "peer", "name", "vb", "netns", right, check=True)
    for name, device, address in ((left, "va", "10.77.0.1/24"), (right, "vb", "10.77.0.2/24")):
        run("ip", "-n", name, "addr", "add", address, "dev", device, check=True)
        run("ip", "-n", name, "link", "set", device, "up", check=True)


@needs_root
def test_the_books_balance_with_the_interfaces():
    with namespaces("a", "b") as (left, right), folder() as work:
        pair(left, right)
        with nginx(work, 8080, inside=within(right)):
            time.sleep(2)  # neighbour discovery and router solicitations settle
            with Observer(work, inside=within(left)) as observer:
                before = counters(left)
                seen_before = 0
                for number in range(50):
                    done = run(*within(left), "curl", "-s", "--max-time", "5", f"http://10.77.0.2:8080/orders.json?n={number}")
                    assert done.returncode == 0, done
                run(*within(left), "ping", "-c", "3", "-i", "0.2", "127.0.0.1")
                time.sleep(1)
                after = counters(left)
                code, said = observer.stop()
                assert code == 0
                books = ledger(said)
                fates = ("dissected", "duplicate view", "filtered out", "not IP", "unknown transport", "malformed header", "kernel drop", "fragment incomplete")
                assert books["packets"] == sum(books.get(fate, 0) for fate in fates), said
                # Between the observer's start and the first reading of the counters a stray packet may pass.
                assert 0 <= books["packets"] - (after - before) <= 6, (books, before, after, seen_before)
                calls = [e for e in observer.entries() if e["protocol"] == "http"]
                assert len(calls) == 50 and len({e["url"] for e in calls}) == 50


@needs_root
def test_a_call_over_a_bridge_is_one_call():
    with namespaces("a", "b", "c") as (left, right, middle), folder() as work:
        run("ip", "-n", middle, "link", "add", "br0", "type", "bridge", check=True)
        run("ip", "-n", middle, "link", "set", "br0", "up", check=True)
        for name, address in ((left, "10.78.0.1/24"), (right, "10.78.0.2/24")):
            device = "p" + name[-1]
            run("ip", "link", "add", "eth0", "netns", name, "type", "veth", "peer", "name", device, "netns", middle, check=True)
            run("ip", "-n", middle, "link", "set", device, "master", "br0", "up", check=True)
            run("ip", "-n", name, "addr", "add", address, "dev", "eth0", check=True)
            run("ip", "-n", name, "link", "set", "eth0", "up", check=True)
        with nginx(work, 8080, inside=within(right)), Observer(work, inside=within(middle)) as observer:
            for number in range(10):
                done = run(*within(left), "curl", "-s", "--max-time", "5", f"http://10.78.0.2:8080/orders.json?n={number}")
                assert done.returncode == 0, done
            time.sleep(1)
            code, said = observer.stop()
            calls = [e["url"] for e in observer.entries() if e["protocol"] == "http"]
            assert code == 0 and len(calls) == 10 == len(set(calls)), (calls, said)
            assert ledger(said).get("duplicate view", 0) > 0, said
            # Each connection is shown when it opens and when it closes; the newest row is the one that counts.
            connections = {e["id"]: e for e in observer.entries() if e.get("conn") and e["protocol"] == "tcp"}.values()
            assert len(connections) == 10 and all(c["tcp_retransmissions"] == 0 for c in connections)
