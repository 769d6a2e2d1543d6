"""Capture files recorded on the spot from real servers, in every form that `read` takes and gives."""
import collections, contextlib, csv, gzip, io, json, os, signal, subprocess, time

from harness import BINARY, entries_of, folder, nginx, process, read, run, wait_for


@contextlib.contextmanager
def recording(work, expression):
    """tcpdump on the loopback; gives the path of the capture, which is whole behind the block."""
    path = work / "recorded.pcap"
    tcpdump = subprocess.Popen(["tcpdump", "-i", "lo", "-U", "-s", "0", "-B", "16384", "-w", str(path), expression],
                               stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: path.exists() and path.stat().st_size >= 24)
        time.sleep(0.5)
        yield path
        time.sleep(1)
    finally:
        tcpdump.send_signal(signal.SIGINT)
        tcpdump.wait(10)


@contextlib.contextmanager
def http_capture():
    with folder() as work, nginx(work) as port:
        with recording(work, f"tcp port {port}") as path:
            for target in ["/orders.json?page=2", "/fail", "/gone", "/large.txt"]:
                run("curl", "-s", "--compressed", "-H", "Authorization: Token abc", "-H", "Cookie: a=1; b=2", f"http://127.0.0.1:{port}{target}")
            run("curl", "-s", "-X", "POST", "-d", "name=x&size=3", f"http://127.0.0.1:{port}/orders.json")
            run("curl", "-s", "-I", f"http://127.0.0.1:{port}/orders.json")
        yield work, path, port


def test_http_calls_are_whole():
    with http_capture() as (_, path, port):
        done = read(path, "-o", "jsonl", "-f", "http")
        assert done.returncode == 0, done
        entries = entries_of(done.stdout)
        calls = [(e["method"], e["path"], e["status_code"]) for e in entries]
        assert calls == [("GET", "/orders.json", 200), ("GET", "/fail", 503), ("GET", "/gone", 404), ("GET", "/large.txt", 200),
                         ("POST", "/orders.json", 405), ("HEAD", "/orders.json", 200)], calls
        first, large = entries[0], entries[3]
        assert json.loads(first["response"]["body"]) == {"id": 7, "status": "paid"}
        assert first["query_string"] == {"page": "2"} and first["request"]["cookies"] == {"a": "1", "b": "2"}
        assert first["request"]["headers"]["authorization"] == "Token abc" and first["dst"]["port"] == port
        assert 0 < first["elapsed_time"] < 5_000_000 and first["time_to_first_byte"] <= first["elapsed_time"]
        assert large["response"]["headers"]["content-encoding"] == "gzip" and large["response"]["body"].startswith("lanternfish lanternfish")
        assert large["notes"], "the cut body has a note"
        assert entries[1]["outcome"] == "server_error" and entries[2]["outcome"] == "client_error"
        by_token = entries_of(read(path, "-o", "jsonl", "-f", 'request.headers["Authorization"] == r"Token.*"').stdout)
        assert len(by_token) == 4
        assert len(entries_of(read(path, "-o", "jsonl", "-f", 'http and response.status == r"4.*"').stdout)) == 2
        assert len(entries_of(read(path, "-o", "jsonl", "-f", 'response.body.json().status == "paid"').stdout)) == 1


def test_forms_of_input_and_output_agree():
    with http_capture() as (work, path, _):
        plain = read(path, "-o", "jsonl").stdout
        assert plain
        (work / "c.pcap.gz").write_bytes(gzip.compress(path.read_bytes()))
        run("zstd", "-q", path, "-o", work / "c.pcap.zst", check=True)
        run("editcap", "-F", "pcapng", path, work / "c.pcapng", check=True)
        run("editcap", "-F", "nsecpcap", path, work / "c.nsec.pcap", check=True)
        for name in ["c.pcap.gz", "c.pcap.zst", "c.pcapng", "c.nsec.pcap"]:
            assert read(work / name, "-o", "jsonl").stdout == plain, name
        with open(path, "rb") as stdin:
            assert subprocess.run([BINARY, "read", "-", "-o", "jsonl"], stdin=stdin, capture_output=True).stdout == plain
        for threads in ["1", "2", "4"]:
            assert read(path, "-o", "jsonl", "--threads", threads).stdout == plain, threads
        entries = entries_of(plain)
        assert json.loads(read(path, "-o", "json").stdout) == entries
        rows = list(csv.DictReader(io.StringIO(read(path, "-o", "csv", "--fields", "id,method,path").stdout.decode())))
        assert [row["id"] for row in rows] == [str(e["id"]) for e in entries]
        assert b"/orders.json" in read(path).stdout
        assert len({e["id"] for e in entries}) == len(entries)


def test_packets_of_entries_are_exact():
    with http_capture() as (work, path, _):
        query = 'http && path == "/gone"'
        done = read(path, "-f", query, "-o", "pcapng")
        assert done.returncode == 0, done
        (work / "gone.pcapng").write_bytes(done.stdout)
        again = entries_of(read(work / "gone.pcapng", "-o", "jsonl", "-f", "http").stdout)
        assert [(e["method"], e["path"], e["status_code"]) for e in again] == [("GET", "/gone", 404)]
        frames = run("tshark", "-r", work / "gone.pcapng", "-T", "fields", "-e", "tcp.len").stdout.split()
        assert frames and all(int(length) > 0 for length in frames), "only packets with bytes of the call"
        whole = read(path, "-f", query, "-o", "pcapng", "--whole-connection").stdout
        (work / "whole.pcapng").write_bytes(whole)
        flags = run("tshark", "-r", work / "whole.pcapng", "-T", "fields", "-e", "tcp.flags.syn").stdout.split()
        assert flags.count(b"1") + flags.count(b"True") == 2 and len(flags) > len(frames), "the handshake is there too"
        streams = run("tshark", "-r", work / "whole.pcapng", "-T", "fields", "-e", "tcp.stream").stdout.split()
        assert set(streams) == {b"0"}
        with open(path, "rb") as stdin:
            piped = subprocess.run([BINARY, "read", "-", "-f", query, "-o", "pcapng"], stdin=stdin, capture_output=True)
        assert piped.stdout == done.stdout


def test_bpf_chooses_packets_and_the_books_balance():
    with http_capture() as (_, path, port):
        total = int(run("capinfos", "-Mc", path).stdout.split()[-1])
        done = read(path, "--bpf", "tcp[tcpflags] & tcp-syn != 0", "-o", "csv", "--stats")
        text = done.stderr.decode()
        numbers = {line.rsplit(None, 1)[0].strip(): line.split()[-1] for line in text.splitlines() if line.startswith("  ")}
        left, dissected = (int(numbers[k].replace(",", "")) for k in ("filtered out", "dissected"))
        assert left + dissected == total and dissected == 12, text
        assert read(path, "--bpf", "no such thing").returncode == 2


def test_bad_files_are_read_as_far_as_they_go():
    with http_capture() as (work, path, _):
        whole = entries_of(read(path, "-o", "jsonl", "-f", "http").stdout)
        data = path.read_bytes()
        (work / "cut.pcap").write_bytes(data[: len(data) * 2 // 3])
        cut = read(work / "cut.pcap", "-o", "jsonl", "-f", "http")
        assert cut.returncode == 0 and 0 < len(entries_of(cut.stdout)) <= len(whole)
        (work / "noise.pcap").write_bytes(data[:24] + os.urandom(5000) + data[24:])
        noise = read(work / "noise.pcap", "-o", "jsonl", "-f", "http")
        assert noise.returncode == 0 and noise.stderr, noise
        (work / "none.pcap").write_bytes(b"this is no capture file at all, but text")
        assert read(work / "none.pcap").returncode == 1
        (work / "empty.pcap").write_bytes(b"")
        assert read(work / "empty.pcap").returncode == 1
        missing = read(work / "missing.pcap", path, "-o", "jsonl", "-f", "http")
        assert missing.returncode == 1 and len(entries_of(missing.stdout)) == len(whole), "the other file is read nevertheless"


def test_a_reader_that_goes_away_is_no_error():
    with http_capture() as (_, path, _):
        done = run("bash", "-c", f"set -o pipefail; {BINARY} read {path} {path} {path} -o jsonl | head -1")
        assert done.returncode in (0, 141) and not done.stderr, done


def test_redis_commands_and_replies():
    with folder() as work:
        from harness import free_port, is_listening
        port = free_port()
        with process("redis-server", "--port", port, "--save", "", "--dir", work, ready=lambda: is_listening(port), stdout=subprocess.DEVNULL):
            cli = ["redis-cli", "-p", str(port)]
            with recording(work, f"tcp port {port}") as path:
                for command in (["SET", "cart:1", "three"], ["GET", "cart:1"], ["LPUSH", "cart:1", "x"], ["GET", "nothing"], ["HSET", "h", "a", "1"], ["HGETALL", "h"]):
                    run(*cli, *command)
                run(*cli, input=b"MULTI\nINCR n\nEXEC\n")
                run(*cli, "-3", "HGETALL", "h")
            entries = entries_of(read(path, "-o", "jsonl", "-f", 'redis && redis_type != "COMMAND" && redis_type != "HELLO"').stdout)
            seen = [(e["redis_type"], e.get("redis_key", ""), e["outcome"]) for e in entries]
            assert seen == [("SET", "cart:1", "ok"), ("GET", "cart:1", "ok"), ("LPUSH", "cart:1", "server_error"), ("GET", "nothing", "ok"),
                            ("HSET", "h", "ok"), ("HGETALL", "h", "ok"), ("MULTI", "", "ok"), ("INCR", "n", "ok"), ("EXEC", "", "ok"),
                            ("HGETALL", "h", "ok")], seen
            assert entries[1]["response"]["body"] == "three" and entries[1]["redis_command"] == "GET cart:1"


def test_dns_over_udp_and_tcp():
    with folder() as work:
        from harness import free_port
        port = free_port()
        server = process("dnsmasq", "-k", "-p", port, "-i", "lo", "--bind-interfaces", "--no-resolv", "--no-hosts", f"--pid-file={work}/pid",
                         "--address=/shop.example/10.1.2.3", "--cname=www.shop.test,shop.test", "--host-record=shop.test,10.9.8.7", stderr=subprocess.DEVNULL)
        with server:
            dig = ["dig", "+tries=1", "+time=2", "@127.0.0.1", "-p", str(port)]
            wait_for(lambda: run(*dig, "shop.example").returncode == 0)
            with recording(work, f"port {port}") as path:
                run(*dig, "a.shop.example")
                run(*dig, "+tcp", "b.shop.example")
                run(*dig, "www.shop.test")
                run(*dig, "nowhere.invalid", "AAAA")
            entries = entries_of(read(path, "-o", "jsonl", "-f", "dns").stdout)
            seen = [(e["dns_questions"], e["dns_question_types"], e.get("dns_answers", []), e["elapsed_time"] >= 0) for e in entries]
            assert seen[0] == (["a.shop.example"], ["A"], ["10.1.2.3"], True), seen
            assert seen[1][0] == ["b.shop.example"] and entries[1]["conn_id"] != entries[0]["conn_id"], seen
            assert "10.9.8.7" in seen[2][2] and entries[3]["outcome"] in ("client_error", "server_error"), seen
            assert len(entries_of(read(path, "-o", "jsonl", "-f", '"10.1.2.3" in dns_answers').stdout)) == 2


def test_tls_with_and_without_client_certificates():
    with folder() as work:
        from harness import free_port, is_listening
        for name in ("server", "client"):
            run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}.test", "-keyout", work / f"{name}.key",
                "-out", work / f"{name}.pem", check=True)
        port, mutual = free_port(), free_port()
        base = ["openssl", "s_server", "-quiet", "-cert", work / "server.pem", "-key", work / "server.key", "-alpn", "http/1.1", "-www"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with process(*base, "-accept", port, ready=lambda: is_listening(port), **quiet), \
                process(*base, "-accept", mutual, "-Verify", "1", "-CAfile", work / "client.pem", ready=lambda: is_listening(mutual), **quiet):
            client = ["openssl", "s_client", "-servername", "shop.test", "-alpn", "h2,http/1.1"]
            with recording(work, f"port {port} or port {mutual}") as path:
                run(*client, "-connect", f"127.0.0.1:{port}", input=b"Q\n")
                run(*client, "-connect", f"127.0.0.1:{port}", "-tls1_2", input=b"Q\n")
                run(*client, "-connect", f"127.0.0.1:{mutual}", "-tls1_2", "-cert", work / "client.pem", "-key", work / "client.key", input=b"Q\n")
        entries = entries_of(read(path, "-o", "jsonl", "-f", "tlsx").stdout)
        assert len(entries) == 3, entries
        assert all(e["tls_server_name"] == "shop.test" and e["tlsx_info"] == "ServerHello" for e in entries)
        assert "TLS 1.3" in entries[0]["tls_info"] and "TLS 1.2" in entries[1]["tls_info"]
        assert all(len(e["tls_ja3"]) == 32 and len(e["tls_ja3s"]) == 32 for e in entries)
        assert len(entries[2]["tls_certificate_serials"]) == 2 > len(entries[1]["tls_certificate_serials"]) == 1
        assert "client.test" in json.dumps(entries[2]) and "client.test" not in json.dumps(entries[1])
        assert len(entries_of(read(path, "-o", "jsonl", "-f", 'tlsx_sni == "shop.test"').stdout)) == 3


def test_an_http_archive_holds_the_calls():
    with http_capture() as (_, path, _port):
        done = read(path, "-o", "har")
        assert done.returncode == 0, done
        log = json.loads(done.stdout)["log"]
        assert log["version"] == "1.2" and [e["request"]["method"] for e in log["entries"]] == ["GET"] * 4 + ["POST", "HEAD"]
        first, posted = log["entries"][0], log["entries"][4]
        assert first["request"]["url"].endswith("/orders.json?page=2") and first["request"]["url"].startswith("http://127.0.0.1:")
        assert first["request"]["queryString"] == [{"name": "page", "value": "2"}] and first["response"]["status"] == 200
        assert json.loads(first["response"]["content"]["text"])["status"] == "paid" and first["time"] > 0
        assert posted["request"]["postData"]["text"] == "name=x&size=3"
        assert json.loads(read(path, "-o", "har", "-f", "dns").stdout)["log"]["entries"] == []
        assert read(path, "-o", "har", "--fields", "id").returncode == 2


def test_redaction_leaves_no_secret():
    with http_capture() as (_, path, _port):
        plain, redacted = read(path, "-o", "jsonl").stdout, read(path, "-o", "jsonl", "--redact").stdout
        assert b"Token abc" in plain and b"Token abc" not in redacted and b"Token [REDACTED " in redacted
        found = read(path, "-o", "jsonl", "--redact", "-f", 'request.headers["Authorization"] == r"Token.*"')
        assert len(entries_of(found.stdout)) == 4
