"""Parquet as others read it: DuckDB opens what is exported and what is stored, and finds the values that we print."""
import re, sys, time

from harness import BINARY, ROOT, entries_of, folder, namespaces, nginx, read, run, wait_for, within
from test_files import http_capture
from test_live import needs_root
from test_stored import Instance

sys.path.insert(0, str(ROOT / "e2e" / ".tools"))
try:
    import duckdb
except ImportError:
    duckdb = None

MISSING = "DuckDB is not there: scripts/setup.sh test brings it by pip"
COLUMNS = ["id", "protocol", "method", "path", "status_code", "elapsed_time", "src.port", "dst.port", "request.headers", "response.headers"]


def rows(question, *values):
    """The rows of an answer, each a dictionary by column."""
    answer = duckdb.connect().execute(question, values)
    names = [column[0] for column in answer.description]
    return [dict(zip(names, row)) for row in answer.fetchall()]


def quoted(names):
    return ", ".join(f'"{name}"' for name in names)


def of_json(entry):
    """The columns of an entry that was printed as JSON."""
    flat = {name: entry.get(name) for name in COLUMNS}
    for name in COLUMNS:
        if "." in name:
            side, _, rest = name.partition(".")
            flat[name] = entry[side][rest]
    return flat


def test_what_is_read_into_parquet_is_what_is_printed():
    if not duckdb:
        return MISSING
    with http_capture() as (work, path, _):
        printed = entries_of(read(path, "-o", "jsonl", "-f", "http").stdout)
        file = work / "calls.parquet"
        done = read(path, "-o", "parquet", "-f", "http")
        assert done.returncode == 0, done.stderr
        file.write_bytes(done.stdout)
        found = rows(f"SELECT {quoted(COLUMNS)} FROM read_parquet(?)", str(file))
        assert found == [of_json(entry) for entry in printed], found
        bodies = rows('SELECT decode("request.body") AS asked, decode("response.body") AS said FROM read_parquet(?)', str(file))
        assert [(b["asked"] or "", b["said"] or "") for b in bodies] == [
            (e["request"].get("body") or "", e["response"].get("body") or "") for e in printed]
        times = rows("SELECT epoch_ns(timestamp::TIMESTAMP_NS) AS ns FROM read_parquet(?)", str(file))
        assert [row["ns"] for row in times] == sorted(row["ns"] for row in times) and len(times) == len(printed)


@needs_root
def test_duckdb_reads_what_is_stored():
    if not duckdb:
        return MISSING
    with folder() as work, namespaces("p") as (inside,):
        words = within(inside)
        with nginx(work, 8080, inside=words), Instance(words, work / "data", "--listen", "127.0.0.1:8899") as instance:
            instance.wait()
            # A table is sealed by its size: some hundred large bodies do.
            urls = [f"http://127.0.0.1:8080/{'large.txt' if n % 8 else 'gone'}?n={n}" for n in range(800)]
            # Few at a time: a ring holds no more of a transfer over loopback that takes all CPUs.
            for begin in range(0, len(urls), 16):
                run(*words, "curl", "-s", "-H", "X-Shop: lantern", *urls[begin:begin + 16], check=True, timeout=60)
                time.sleep(0.05)
            run(*words, "ping", "-c", "1", "127.0.0.1", check=True)
            segments = work / "data" / "segments"
            assert wait_for(lambda: list(segments.glob("http/*.parquet")), 20), "nothing was sealed"
            all_http = str(segments / "http" / "*.parquet")
            found = rows(f"SELECT {quoted(COLUMNS)} FROM read_parquet('{all_http}') WHERE \"dst.port\" = 8080")
            assert len(found) >= 50 and len({row["id"] for row in found}) == len(found), len(found)
            look = lambda: {entry["id"]: entry for entry in instance.entries("http && dst.port == 8080")}
            known = wait_for(lambda: len(look()) >= len(urls) and look(), 5, 0.2) or look()
            assert len(known) == len(urls), (len(known), instance.get("/api/v1/loss"))
            # On a busy machine a packet may be lost, and with it half of a call.
            whole = [row for row in found if {"request", "response"} <= known[row["id"]].keys()]
            assert len(whole) >= 50, (len(whole), len(found))
            for row in whole:
                assert row == of_json(known[row["id"]]), (row, known[row["id"]])
            # What the guide says about them holds, word for word.
            guide = (ROOT / "docs" / "data-directory.md").read_text()
            statements = [s for block in re.findall(r"```sql\n(.*?)```", guide, re.S) for s in block.split(";") if s.strip()]
            assert len(statements) >= 3, guide
            answers = [rows(s.replace("DIR", str(work / "data"))) for s in statements]
            assert {row["status_code"] for row in answers[0]} == {200, 404}, answers[0]
            assert {row["protocol"] for row in answers[2]} >= {"http"}, answers[2]
            # The same by the program's own hand, the tail with it.
            file = work / "all.parquet"
            done = run(*words, BINARY, "export", "http && dst.port == 8080", "--data-dir", work / "data", file)
            assert done.returncode == 0, done.stderr
            total = rows("SELECT count(*) AS calls, count(DISTINCT id) AS ids FROM read_parquet(?)", str(file))[0]
            assert total == {"calls": len(urls), "ids": len(urls)}, total

