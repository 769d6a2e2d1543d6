"""Connections and flows shown while they stand: at the opening, every ten seconds, at the end."""
import contextlib, socket, subprocess, threading, time

from harness import BINARY, Observer, folder, wait_for
from test_live import needs_root

SERVER = "127.0.93.1"


@contextlib.contextmanager
def talk(every=0.1):
    """A TCP connection whose two ends talk ten times a second until it is closed; gives its client's port and how to close it."""
    with socket.create_server((SERVER, 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
        is_over = threading.Event()

        def run():
            while not is_over.wait(every):
                client.sendall(b"question" * 10)
                server.recv(4096)
                server.sendall(b"answer" * 50)
                client.recv(4096)

        talking = threading.Thread(target=run)
        talking.start()

        def close():
            if not is_over.is_set():
                is_over.set()
                talking.join()
                client.close()
                server.close()

        try:
            yield client.getsockname()[1], close
        finally:
            close()


def rows_of(observer, word, **wanted):
    """The revisions of connections or flows, in the order they came."""
    return [e for e in observer.entries() if e.get(word) and all(e[k][p] == v for k, (p, v) in wanted.items())]


@needs_root
def test_a_connection_and_its_flow_are_shown_while_they_stand():
    query = f"(conn or flow) and dst.ip == '{SERVER}'"
    with folder() as work, Observer(work, "-f", query) as observer:
        with talk() as (port, close):
            of_it = {"conn": lambda: rows_of(observer, "conn", src=("port", port)), "flow": lambda: rows_of(observer, "flow")}
            for word, rows in of_it.items():
                opened = wait_for(rows, 10)
                assert opened, f"no row of the {word} at its opening"
                first = opened[0]
                assert (first[f"{word}_state"], first[f"{word}_revision"]) == ("open", 0), first
                assert first["src"]["process"]["name"] == first["dst"]["process"]["name"] == "python3", first
                assert first["local_process_name"] == "python3" and first["remote_resolution_status"] == "resolved", first
                assert all(first.get(name) for name in ("node_name", "node_id", "node_ip", "local_node_name")) and first["worker"] == "0", first
            # Three rows behind the opening are three times ten seconds at most.
            for word, rows in of_it.items():
                assert wait_for(lambda: len(rows()) >= 4, 60), (word, rows())
        for word, rows in of_it.items():
            if word == "conn":
                assert wait_for(lambda: rows()[-1]["conn_state"] == "closed", 30), rows()[-1]
        code, said = observer.stop()
        assert code == 0, said
        for word, rows in of_it.items():
            rows = rows()
            assert len({row["id"] for row in rows}) == 1 and len({row["timestamp"] for row in rows}) == 1, rows
            assert [row[f"{word}_revision"] for row in rows] == list(range(len(rows))), rows
            assert [row[f"{word}_state"] for row in rows] == ["open"] + ["in_progress"] * (len(rows) - 2) + ["closed"], rows
            for name in ("local_pkts", "local_bytes", "remote_pkts", "remote_bytes"):
                counts = [row[f"{word}_{name}"] for row in rows]
                assert counts == sorted(counts) and counts[0] < counts[1] < counts[2] < counts[3], (word, name, counts)
            times = [row["elapsed_time"] for row in rows[1:4]]
            assert all(9e6 < later - earlier < 13e6 for earlier, later in zip(times, times[1:])), times
        full = [row for row in of_it["flow"]() if row["elapsed_time"] > 11e6]
        assert full
        for row in full:
            # Up to ten questions and ten answers a second, each with an ACK or two, on a machine that may be busy.
            assert 5 <= row["flow_local_pps"] <= 45 and 5 <= row["flow_remote_pps"] <= 45, row
            assert row["flow_local_bps"] > 500 and row["flow_remote_bps"] > 500, row
        assert "entries" in said and "  tcp" in said, said


@needs_root
def test_openings_are_shown_at_once():
    delays = []
    with folder() as work, Observer(work, "-f", f"(conn or flow) and dst.ip == '{SERVER}'") as observer:
        for _ in range(5):
            with talk(every=5) as (port, _):
                begin = time.monotonic()
                assert wait_for(lambda: rows_of(observer, "conn", src=("port", port)), 10), "no row of the connection"
                delays.append(time.monotonic() - begin)
        assert wait_for(lambda: rows_of(observer, "flow")), "no row of the flow"
    # The machine may be busy now and then, but not each time.
    assert min(delays) < 1, delays


@needs_root
def test_the_table_shows_the_opening_and_the_end():
    command = [BINARY, "live", "-o", "table", "-f", f"conn and dst.ip == '{SERVER}'"]
    watching = [subprocess.Popen(command + more, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) for more in ([], ["--all-revisions"])]
    try:
        time.sleep(1.5)
        with talk():
            time.sleep(12)
        time.sleep(8)
    finally:
        for process in watching:
            process.terminate()
        brief, every = [process.communicate(timeout=20)[0].decode().splitlines()[1:] for process in watching]
    assert len(brief) == 2 and brief[0].endswith("open") and brief[1].endswith("closed"), brief
    assert len(every) >= 3 and sum("in_progress" in line for line in every) == len(every) - 2, every
