"""The books under load: every packet that the interfaces counted has exactly one fate, and none is a remainder.

All runs in network namespaces of the tests' own, in which nobody speaks unasked: no IPv6, and neighbours that are known for good."""
import contextlib, os, re, signal, socket, struct, subprocess, sys, time

from harness import Observer, counters, folder, namespaces, nginx, run, wait_for, within
from test_live import needs_root

FRAMES = """
import socket, sys
sockets = {}
for line in sys.stdin:
    device, count, data = line.split()
    if device not in sockets:
        sockets[device] = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        sockets[device].bind((device, 0))
    data = bytes.fromhex(data)
    for _ in range(int(count)):
        sockets[device].send(data)
"""
# Frames to nobody's address: the other end sees them, and its IP layer leaves them alone.
NOBODY, SENDER = bytes.fromhex("020000000099"), bytes.fromhex("020000000098")


def frame(ethertype, payload):
    return NOBODY + SENDER + struct.pack(">H", ethertype) + payload


def ip(protocol, payload, source="203.0.113.7", destination="203.0.113.9", fragment=0, identification=1):
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), identification, fragment, 64, protocol, 0)
    return head + socket.inet_aton(source) + socket.inet_aton(destination) + payload


def udp(source, destination, payload=b"\xf0 zebra"):
    return struct.pack(">HHHH", source, destination, 8 + len(payload), 0) + payload


def tcp(source, destination, flags):
    return struct.pack(">HHIIBBHHH", source, destination, 1, 0, 0x50, flags, 1000, 0, 0)


def nested(levels):
    packet = ip(17, udp(1, 2))
    for _ in range(levels):
        packet = ip(4, packet)
    return packet


def send(name, frames):
    """Sends frames from a namespace: device, how often, bytes."""
    text = "".join(f"{device} {count} {data.hex()}\n" for device, count, data in frames)
    run(*within(name), sys.executable, "-c", FRAMES, check=True, input=text.encode(), timeout=120)


@contextlib.contextmanager
def quiet_namespaces(*names):
    """Namespaces in which nothing is sent unasked."""
    with namespaces(*names) as made:
        for name in made:
            run(*within(name), "sysctl", "-q", "-w", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1", check=True)
        yield made


def link(left, left_device, right, right_device):
    run("ip", "link", "add", left_device, "netns", left, "type", "veth", "peer", "name", right_device, "netns", right, check=True)
    for name, device in ((left, left_device), (right, right_device)):
        run("ip", "-n", name, "link", "set", device, "up", check=True)


def address_of(name, device):
    return run(*within(name), "cat", f"/sys/class/net/{device}/address", check=True).stdout.decode().strip()


def introduce(*ends):
    """Gives devices addresses in one network, each with the others as neighbours for good: namespace, device, IP address."""
    for name, device, ip_address in ends:
        run("ip", "-n", name, "addr", "add", f"{ip_address}/24", "dev", device, check=True)
    for name, device, _ in ends:
        for other, other_device, other_address in ends:
            if other != name:
                run("ip", "-n", name, "neigh", "replace", other_address, "lladdr", address_of(other, other_device), "dev", device, "nud", "permanent", check=True)


def packets_of(name, device):
    """Packets of one interface, both ways, as it counts them itself."""
    folder_of = f"/sys/class/net/{device}/statistics"
    text = run(*within(name), "cat", f"{folder_of}/rx_packets", f"{folder_of}/tx_packets", check=True).stdout
    return sum(int(number) for number in text.split())


def at_rest(name):
    """The counters of a namespace, once they have stood still for a while."""
    def look():
        before = counters(name)
        time.sleep(0.3)
        return (before,) if counters(name) == before else None
    found = wait_for(look, 20)
    assert found, "the network does not come to rest"
    return found[0]


def fates_of(said):
    """The packets, and what became of them, as the ledger says it; what would not balance is a fate of its own there."""
    lines = said[said.index("packets "):].splitlines()
    number = lambda line: int(re.match(r".*?\s{2,}([\d,]+)", line)[1].replace(",", ""))
    parts = {}
    for line in lines[1:]:
        if not line.startswith("  "):
            break
        parts[re.split(r"\s{2,}", line.strip())[0]] = number(line)
    return number(lines[0]), parts


def lost(said, cause):
    """What the ledger lost by a cause."""
    match = re.search(rf"^  \w+: {cause}\s+([\d,]+)", said, re.M)
    return int(match[1].replace(",", "")) if match else 0


def balance(said, packets):
    """The fates of the packets, which must be all of those that the interfaces counted."""
    total, parts = fates_of(said)
    assert total == packets == sum(parts.values()), (total, packets, parts, said)
    assert not {"not accounted for", "counted twice"} & set(parts), said
    return parts


@contextlib.contextmanager
def asleep(observer):
    """The observer can't read packets meanwhile."""
    observer.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        observer.process.send_signal(signal.SIGCONT)


@needs_root
def test_every_frame_has_the_fate_that_it_was_sent_for():
    with quiet_namespaces("a", "b") as (left, right), folder() as work:
        link(left, "va", right, "vb")
        introduce((left, "va", "10.77.0.1"), (right, "vb", "10.77.0.2"))
        with Observer(work, "--bpf", "not udp port 9999", inside=within(left)) as observer:
            before = at_rest(left)
            send(right, [
                ("vb", 7, frame(0x0806, bytes(28))),  # ARP
                ("vb", 5, frame(0x88cc, bytes(60))),  # LLDP
                ("vb", 11, frame(0x0800, ip(89, bytes(44)))),  # OSPF
                ("vb", 3, frame(0x0800, b"\x44" + bytes(19))),  # a header of 16 bytes
                ("vb", 2, frame(0x0800, ip(6, b"\x00\x50\x00"))),
                ("vb", 4, frame(0x0800, nested(20))),
                ("vb", 6, frame(0x0800, ip(17, udp(4000, 4001)))),
                ("vb", 13, frame(0x0800, ip(17, udp(4000, 9999)))),
                ("vb", 1, frame(0x0800, ip(17, udp(4000, 4001, bytes(40)), fragment=0x2000, identification=7))),
                ("vb", 1, frame(0x0800, ip(17, bytes(40), fragment=6, identification=7))),
                ("vb", 1, frame(0x0800, ip(17, udp(4000, 4001, bytes(40)), fragment=0x2000, identification=8))),
                ("vb", 1, frame(0x8100, b"\x00\x07\x08\x00" + ip(17, udp(4002, 4003)))),
            ])
            send(left, [
                ("va", 1, frame(0x0800, ip(6, tcp(4004, 443, 2), source="10.77.0.1"))),  # of no socket here
                ("va", 1, frame(0x0800, ip(132, struct.pack(">HHII", 4005, 443, 0, 0), source="10.77.0.1"))),
                ("lo", 9, bytes(12) + frame(0x0800, ip(17, udp(4006, 4007), "127.0.0.1", "127.0.0.1"))[12:]),
            ])
            packets = at_rest(left) - before
            time.sleep(1)
            code, said = observer.stop()
        assert code == 0, said
        parts = balance(said, packets)
        # All of loopback is seen twice.
        assert parts == {
            "dissected": 6 + 2 + 1 + 2 + 9, "duplicate view": 9, "filtered out": 13, "not IP": 12, "unknown transport": 11,
            "malformed header": 5, "tunnel too deep": 4, "fragment incomplete": 1}, said
        # The loopback's datagrams and the segment are of no socket here, and nobody can tell whose an association is.
        assert (lost(said, "process ended"), lost(said, "identity unavailable")) == (2 + 1, 1), said


@needs_root
def test_the_books_balance_under_load():
    balance_under_load("1")


@needs_root
def test_the_books_balance_under_load_on_several_threads():
    balance_under_load("2")


def balance_under_load(threads):
    with quiet_namespaces("a", "b", "c") as (left, right, middle), folder() as work:
        run("ip", "-n", middle, "link", "add", "br0", "type", "bridge", "mcast_snooping", "0", check=True)
        run("ip", "-n", middle, "link", "set", "br0", "up", check=True)
        for name in (left, right):
            link(name, "eth0", middle, f"p{name[-1]}")
            run("ip", "-n", middle, "link", "set", f"p{name[-1]}", "master", "br0", check=True)
        introduce((left, "eth0", "10.78.0.1"), (right, "eth0", "10.78.0.2"))
        noise = [
            ("eth0", 40, frame(0x0806, bytes(28))),
            ("eth0", 40, frame(0x0800, b"\x45\x00" + os.urandom(40))),
            ("eth0", 40, frame(0x0800, ip(89, bytes(44)))),
            ("eth0", 40, frame(0x0800, nested(20))),
            ("eth0", 40, frame(0x86dd, os.urandom(100))),
            ("eth0", 40, frame(0x0800, ip(17, udp(4000, 9999)))),
            *(("eth0", 1, frame(0x0800, ip(17, udp(4000, 4001, bytes(1000)), fragment=0x2000, identification=n))) for n in range(40)),
        ]
        with nginx(work, 8080, inside=within(right)), Observer(
                work, "-f", "http", "--bpf", "not udp port 9999", "--threads", threads, inside=within(middle)) as observer:
            before = at_rest(middle)
            load = subprocess.Popen([*within(left), "wrk", "-t1", "-c32", "-d4s", "http://10.78.0.2:8080/orders.json"], stdout=subprocess.DEVNULL)
            for _ in range(10):
                send(left, noise)
            assert load.wait(60) == 0
            # More than the ring holds, while nobody reads it.
            with asleep(observer):
                send(left, [("eth0", 12_000, frame(0x0800, ip(17, udp(4000, 4001, bytes(1400)))))])
            packets = at_rest(middle) - before
            code, said = observer.stop()
        assert code == 0, said
        parts = balance(said, packets)
        for fate in ("dissected", "duplicate view", "filtered out", "not IP", "unknown transport", "malformed header", "tunnel too deep", "fragment incomplete", "kernel drop"):
            assert parts.get(fate), (fate, said)
        assert packets > 20_000, packets


@needs_root
def test_an_interface_that_goes_away_takes_no_packet_with_it():
    with quiet_namespaces("a", "b") as (left, right), folder() as work:
        link(left, "va", right, "vb")
        link(left, "gone0", right, "far0")
        with Observer(work, inside=within(left)) as observer:
            before = at_rest(left)
            with asleep(observer):
                datagram = frame(0x0800, ip(17, udp(4000, 4001)))
                send(right, [("far0", 300, datagram), ("vb", 20, datagram)])
                send(left, [("gone0", 50, frame(0x0800, ip(17, udp(5000, 5001))))])
                packets = at_rest(left) - before
                run("ip", "-n", left, "link", "del", "gone0", check=True)
            code, said = observer.stop()
        assert code == 0, said
        parts = balance(said, packets)
        assert parts == {"dissected": 350, "duplicate view": 20}, said


@needs_root
def test_named_interfaces_alone_are_counted_and_counted_again_when_they_come_back():
    with quiet_namespaces("a", "b") as (left, right), folder() as work:
        link(left, "va", right, "vb")
        link(left, "other0", right, "other1")
        datagram = frame(0x0800, ip(17, udp(4000, 4001)))
        with Observer(work, "-i", "va", "-i", "late0", inside=within(left)) as observer:
            time.sleep(0.3)
            start = packets_of(left, "va")
            send(right, [("vb", 100, datagram), ("other1", 70, datagram)])
            packets = packets_of(left, "va") - start
            run("ip", "-n", left, "link", "del", "va", check=True)
            for device in ("va", "late0"):
                link(left, device, right, f"to{device}")
            time.sleep(0.5)
            send(right, [("tova", 30, datagram), ("tolate0", 30, datagram)])
            packets += sum(packets_of(left, device) for device in ("va", "late0"))
            time.sleep(0.3)
            code, said = observer.stop()
        assert code == 0, said
        parts = balance(said, packets)
        assert packets == 160 and parts["dissected"] + parts["duplicate view"] == 160, said
