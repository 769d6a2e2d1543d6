"""Hostile and damaged input to the program itself: its exit status, what it says, what it shows, what it counts as lost, and
its memory, which is held to `--memory`."""
import gzip, os, re, struct, subprocess, threading, time, zlib

from harness import BINARY, entries_of, folder, peak_memory_mib, run
from packets import BEGIN_US, PCAP_HEADER, SECOND_US, Conversation, call, long_stream, syns

# The limit that all runs here are given, and that their peak of resident memory, mapped files included, must not exceed.
MEMORY_MIB = 64
HOSTILE_US, AFTER_US = BEGIN_US + SECOND_US, BEGIN_US + 60 * SECOND_US


def measured(*arguments, feed=()):
    """`lanternfish read` with blocks of standard input; gives exit status, output, standard error and peak memory in MiB."""
    command = [BINARY, "read", "--memory", f"{MEMORY_MIB}MiB", *map(str, arguments)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    peak, is_over, said = 0.0, threading.Event(), {}

    def sample():
        nonlocal peak
        while not is_over.is_set():
            peak = max(peak, peak_memory_mib(process.pid))
            time.sleep(0.005)

    readers = [threading.Thread(target=lambda name=name, pipe=pipe: said.update({name: pipe.read()}))
               for name, pipe in (("out", process.stdout), ("err", process.stderr))]
    threads = [threading.Thread(target=sample), *readers]
    for thread in threads:
        thread.start()
    try:
        for block in feed:
            process.stdin.write(block)
        process.stdin.close()
    except BrokenPipeError:
        pass
    status = process.wait()
    is_over.set()
    for thread in threads:
        thread.join()
    assert 0 < peak < MEMORY_MIB, f"{peak:.1f} MiB"
    return status, said["out"], said["err"].decode()


def around(blocks):
    """A pcap file, block by block: hostile records between good calls."""
    yield PCAP_HEADER + call("/before", BEGIN_US)
    yield from blocks
    yield call("/after", AFTER_US)


def books(err):
    """What `--stats` tells: the packets, and what was lost, by cause. Every packet has one fate."""
    rows = re.findall(r"^( *)(?:[a-z]+: )?(\S.*?)  +([\d,]+)(?:  |$)", err, re.M)
    rows = [(bool(indent), name, int(number.replace(",", ""))) for indent, name, number in rows]
    packets = next(number for _, name, number in rows if name == "packets")
    begin, end = (next(at for at, row in enumerate(rows) if row[1] == name) for name in ("packets", "connections"))
    assert packets == sum(number for _, _, number in rows[begin + 1:end]), err
    assert "not accounted for" not in err and "counted twice" not in err, err
    return {name: number for _, name, number in rows}


def check(status, out, err, wanted_loss=(), others=None):
    """The good calls are there, and the counters tell what was lost; gives the other calls."""
    assert status == 0, (status, err)
    entries = entries_of(out)
    good = [e for e in entries if e["src"]["ip"] == "10.200.0.1"]
    assert [(e["path"], e["status_code"], e.get("notes")) for e in good] == [("/before", 200, None), ("/after", 200, None)], good
    counted = books(err)
    assert all(counted.get(cause, 0) > 0 for cause in wanted_loss), (wanted_loss, err)
    rest = [e for e in entries if e["src"]["ip"] != "10.200.0.1"]
    assert others is None or len(rest) == others, len(rest)
    return rest


def conversation(number=0, **rest):
    client = f"10.{1 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
    return Conversation((client, 4000), ("10.100.0.1", 8000), HOSTILE_US + number * 100, step_us=1, **rest)


def zeros(mib, level=9):
    """A gzip stream of so many MiB of zeros."""
    encoder, part = zlib.compressobj(level, zlib.DEFLATED, 31), bytes(1 << 20)
    return b"".join(encoder.compress(part) for _ in range(mib)) + encoder.flush()


def answered(response):
    return conversation().request(b"GET /hostile HTTP/1.1\r\n\r\n").response(response).end().take()


def bomb():
    body = gzip.compress(zeros(512))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    return answered(head + body)


def nested():
    return conversation().request(b"*1\r\n$4\r\nPING\r\n").response(b"*1\r\n" * 200_000).end().take()


def lying_lengths():
    for number, length in enumerate([b"18446744073709551615", b"-1", b"0x10", b"9" * 40, b"3"]):
        talk = conversation(number).request(b"GET /hostile HTTP/1.1\r\n\r\n")
        yield talk.response(b"HTTP/1.1 200 OK\r\nContent-Length: " + length + b"\r\n\r\nhello").end().take()
        talk = conversation(100 + number).request(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$" + length + b"\r\nhello\r\n")
        yield talk.response(b"*" + length + b"\r\n:1\r\n").end().take()


def unanswered():
    talk = conversation()
    for _ in range(30_000):
        talk.request(b"*1\r\n$4\r\nPING\r\n")
    yield talk.end().take()


def slow_heads():
    for number in range(10_000):
        yield conversation(number).request(b"GET / HTTP/1.1\r\nX: " + b"a" * 4000).take()


def broken_records():
    yield os.urandom(100_000)
    yield struct.pack("<IIII", 1, 1, 0xFFFFFFFF, 0xFFFFFFFF)
    yield bytes(1 << 20)


# Blocks of hostile records, what must be counted, and the entries of calls that they make.
CASES = {
    "flood": (lambda: syns(200_000, HOSTILE_US), ["connection table full", "flow table full"], 0),
    "bomb": (lambda: [bomb()], ["limit reached"], 1),
    "nested": (lambda: [nested()], ["limit reached"], 1),
    "lengths": (lying_lengths, ["resync"], None),
    "unanswered": (unanswered, ["held bytes full"], 30_000),
    "slow heads": (slow_heads, ["held bytes full"], 10_000),
    "records": (broken_records, ["corrupt file"], 0),
}


def test_every_form_of_a_hostile_file_is_read_alike():
    for name, (blocks, wanted_loss, others) in CASES.items():
        with folder() as work:
            data = b"".join(bytes(block) for block in around(blocks()))
            plain, packed = work / "hostile.pcap", work / "hostile.pcap.gz"
            plain.write_bytes(data)
            packed.write_bytes(gzip.compress(data, 1))
            arguments = ["-o", "jsonl", "-f", "http or redis", "--stats"]
            runs = {"file": (plain,), "gz": (packed,), "stdin": ("-",), "three threads": (plain, "--threads", "3")}
            outputs = set()
            for form, words in runs.items():
                try:
                    result = measured(*words, *arguments, feed=[data] if form == "stdin" else ())
                    check(*result, wanted_loss, others)
                except AssertionError as error:
                    raise AssertionError(f"{name}, {form}: {error}") from error
                if form != "three threads":
                    outputs.add(result[1])
            assert len(outputs) == 1, name


def test_a_line_tells_what_was_lost():
    status, _, err = measured("-", "-o", "jsonl", "-f", "http", feed=around(syns(100_000, HOSTILE_US)))
    lines = err.strip().splitlines()
    assert status == 0 and len(lines) == 1 and "100,016 packets" in lines[0] and "connection table full" in lines[0], err


def test_a_scan_of_ten_million_flows():
    count = 10_000_000
    result = measured("-", "-o", "jsonl", "-f", "http", "--stats", feed=around(syns(count, HOSTILE_US, is_scan=True)))
    check(*result, ["connection table full", "flow table full"], 0)
    assert books(result[2])["connections"] == count + 2, result[2]


def test_a_flood_of_syns():
    count = 2_000_000
    result = measured("-", "-o", "jsonl", "-f", "http", "--stats", "--threads", "2", feed=around(syns(count, HOSTILE_US)))
    check(*result, ["connection table full", "flow table full"], 0)
    assert books(result[2])["connections"] == count + 2, result[2]


def half_sent(count, length):
    """Connections, each with a request and so many bytes of its body."""
    head = b"POST /hostile HTTP/1.1\r\nX: " + b"a" * 1000 + b"\r\nContent-Length: 1000000\r\n\r\n"
    for number in range(count):
        yield conversation(number, mss=16_000).request(head + b"a" * length).take()


def test_bodies_that_are_half_sent_on_many_connections():
    for count, length, wanted_loss in ((10_000, 30_000, []), (60_000, 1, ["connection table full"])):
        result = measured("-", "-o", "jsonl", "-f", "http", "--stats", feed=around(half_sent(count, length)))
        rest = check(*result, ["held bytes full", *wanted_loss], count)
        assert all(e["path"] == "/hostile" and e["notes"] for e in rest)


def test_a_header_of_four_gibibytes():
    talk = conversation(mss=16_000)
    head = talk.request(b"GET / HTTP/1.1\r\nX: ").take()

    def blocks():
        yield head
        yield from long_stream(talk, 0, 4 << 30)
        yield talk.request(b"\r\n\r\nGET /second HTTP/1.1\r\n\r\n").end().take()

    result = measured("-", "-o", "jsonl", "-f", "http", "--stats", feed=around(blocks()))
    rest = check(*result, ["limit reached", "resync"])
    assert any(e.get("path") == "/second" for e in rest), rest


def test_compressed_files_that_end_early_keep_what_stands_before():
    with folder() as work:
        data = b"".join(bytes(block) for block in around(syns(20_000, HOSTILE_US)))
        run("zstd", "-q", "-", "-o", work / "whole.pcap.zst", input=data, check=True)
        packed = {"gz": gzip.compress(data), "zst": (work / "whole.pcap.zst").read_bytes()}
        for kind, whole in packed.items():
            for part in (0.5, 0.9, 0.99):
                path = work / f"cut.pcap.{kind}"
                path.write_bytes(whole[:int(len(whole) * part)])
                status, out, err = measured(path, "-o", "jsonl", "-f", "http")
                assert status == 0 and "ends" in err, (kind, part, status, err)
                assert [e["path"] for e in entries_of(out)] == ["/before"], (kind, part)


def test_zeros_without_end():
    with folder() as work:
        (work / "zeros.gz").write_bytes(zeros(4096))
        status, out, err = measured(work / "zeros.gz", "-o", "jsonl")
        assert status == 1 and not out and len(err.splitlines()) == 1, (status, err)
        zeroed = gzip.compress(PCAP_HEADER + call("/before", BEGIN_US)) + zeros(256) + gzip.compress(call("/after", AFTER_US))
        (work / "zeroed.pcap.gz").write_bytes(zeroed)
        check(*measured(work / "zeroed.pcap.gz", "-o", "jsonl", "-f", "http", "--stats"), ["corrupt file"], 0)


def test_what_cannot_be_read_is_told_in_one_line():
    with folder() as work:
        for name, data in {"text": b"GET / HTTP/1.1\r\n\r\n and more", "empty": b"", "short": PCAP_HEADER[:20],
                           "noise": os.urandom(4000), "gz": gzip.compress(b"no capture at all, but text")}.items():
            (work / name).write_bytes(data)
            for status, out, err in (measured(work / name, "-o", "jsonl"), measured("-", "-o", "jsonl", feed=[data])):
                assert status == 1 and not out and len(err.splitlines()) == 1 and "panic" not in err, (name, status, err)
