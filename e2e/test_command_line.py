"""The program as a user meets it without any traffic."""
import json, os, subprocess

from harness import BINARY, SHARED, folder, run


def test_filters_are_checked_and_evaluated():
    assert run(BINARY, "kfl", "check", "http && status_code >= 400").returncode == 0
    wrong = run(BINARY, "kfl", "check", 'status_code == "200"')
    assert wrong.returncode == 2 and b"int" in wrong.stderr, wrong
    unknown = run(BINARY, "kfl", "check", "status_cod == 200")
    assert unknown.returncode == 2 and b"status_code" in unknown.stderr, unknown
    cases = [
        ('{"id":5}', "id == 5", "true\n0\n", {"id": 5}),
        ('{"id":5}', 'redact("id") and id == 5', "false\n0\n", {"id": "[REDACTED]"}),
        ('{"a":{"b":[1,2]}}', "a.b.* == 2 and limit(3)", "true\n3\n", {"a": {"b": [1, 2]}}),
        ('{"request":{"headers":{"X":"y"}}}', 'request.headers["X"] == r"y.*"', "true\n0\n", {"request": {"headers": {"X": "y"}}}),
    ]
    for record, query, answer, after in cases:
        done = run(BINARY, "kfl", "eval", "--record", record, query)
        lines = done.stdout.decode().split("\n", 2)
        assert "\n".join(lines[:2]) + "\n" == answer and json.loads(lines[2]) == after, (query, done)


def test_shared_cases_of_the_older_form():
    cases = SHARED / "kfl" / "v1_cases.tsv"
    if not cases.exists():
        return "no shared cases"
    for line in cases.read_text().splitlines()[1:]:
        query, record, matches, limit, after = line.split("\t")
        done = run(BINARY, "kfl", "eval", "--record", record, query)
        lines = done.stdout.decode().split("\n", 2)
        assert lines[:2] == [matches, limit] and json.loads(lines[2]) == json.loads(after), (line, done)


def test_shared_examples_of_the_newer_form():
    examples = SHARED / "kfl" / "v2_examples.txt"
    if not examples.exists():
        return "no shared examples"
    for query in examples.read_text().splitlines():
        assert run(BINARY, "kfl", "check", query).returncode == 0, query


def test_lists_and_pages():
    for arguments, part in [
        (["fields"], "src.ip"), (["fields", "http"], "status"), (["fields", "--pending"], "grpc_method"), (["protocols"], "redis"),
        (["config"], "body-limit"), (["completions", "bash"], "lanternfish"), (["completions", "zsh"], "lanternfish"),
        (["man"], ".TH"), (["doctor"], "loopback"), (["--help"], "lanternfish read"), (["read", "--help"], "--filter"),
    ]:
        done = run(BINARY, *arguments)
        assert done.returncode == 0 and part in done.stdout.decode(), (arguments, done)
    assert json.loads(run(BINARY, "doctor", "-o", "json").stdout)
    assert json.loads(run(BINARY, "fields", "-o", "json").stdout)


def test_settings_come_from_file_and_environment():
    with folder() as work:
        (work / "lanternfish.toml").write_text('body-limit = "1KiB"\n')
        shown = run(BINARY, "config", cwd=work, env={**os.environ, "LANTERNFISH_MEMORY": "256MiB"}).stdout.decode()
        assert "1KiB" in shown and "256MiB" in shown, shown
        (work / "lanternfish.toml").write_text("body-limt = 3\n")
        assert run(BINARY, "config", cwd=work).returncode == 2


def test_unusable_arguments_end_with_2():
    for arguments in (["read"], ["read", "x", "-o", "nonsense"], ["nonsense"], ["read", "x", "-f", "(("], ["read", "x", "--keylog", "y"],
                      ["read", "x", "--fields", "no_such_field"], ["read", "x", "--whole-connection"]):
        assert run(BINARY, *arguments).returncode == 2, arguments


def test_without_rights_live_says_what_is_missing():
    with folder() as work:
        copy = work / "lanternfish"
        subprocess.run(["cp", BINARY, copy], check=True)
        done = run("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", copy, "live") if os.geteuid() == 0 else run(copy, "live")
        assert done.returncode not in (0, 101) and b"CAP_NET_RAW" in done.stderr, done
