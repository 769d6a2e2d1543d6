"""Packets and capture files made in code: TCP conversations, floods of flows, pcap records."""
import struct

BEGIN_US = 1_700_000_000_000_000
SECOND_US = 1_000_000
# Magic, version, snaplen and link type (Ethernet) of a pcap file with microseconds.
PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
SYN, ACK, PSH_ACK, FIN_ACK, SYN_ACK = 2, 16, 24, 17, 18


def address(text):
    return bytes(map(int, text.split(".")))


def ipv4(source, destination, protocol, payload):
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0x4000, 64, protocol, 0)
    return head + address(source) + address(destination) + payload


def frame(packet):
    return bytes([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0]) + packet


def tcp(source_port, destination_port, sequence, acknowledgement, flags, payload=b""):
    sequences = (sequence & 0xFFFFFFFF, acknowledgement & 0xFFFFFFFF)
    return struct.pack(">HHIIBBHHH", source_port, destination_port, *sequences, 0x50, flags, 64240, 0, 0) + payload


def record(time_us, bytes_):
    return struct.pack("<IIII", time_us // SECOND_US, time_us % SECOND_US, len(bytes_), len(bytes_)) + bytes_


class Conversation:
    """A TCP conversation; `take` gives the records made since the last call."""

    def __init__(self, client, server, begin_us, step_us=100, mss=1460):
        self.ends, self.sequences = [client, server], [1000, 500_000]
        self.time_us, self.step_us, self.mss, self.records = begin_us, step_us, mss, []
        for side, flags in ((0, SYN), (1, SYN_ACK), (0, ACK)):
            self.segment(side, flags)

    def segment(self, side, flags, payload=b""):
        (source, source_port), (destination, destination_port) = self.ends[side], self.ends[1 - side]
        acknowledgement = self.sequences[1 - side] if flags & ACK else 0
        segment = tcp(source_port, destination_port, self.sequences[side], acknowledgement, flags, payload)
        self.records.append(record(self.time_us, frame(ipv4(source, destination, 6, segment))))
        self.sequences[side] += len(payload) + (1 if flags & 3 else 0)
        self.time_us += self.step_us

    def send(self, side, payload):
        for at in range(0, len(payload), self.mss):
            self.segment(side, PSH_ACK, payload[at:at + self.mss])
        return self

    def request(self, payload):
        return self.send(0, payload)

    def response(self, payload):
        return self.send(1, payload)

    def end(self):
        for side, flags in ((0, FIN_ACK), (1, FIN_ACK), (0, ACK)):
            self.segment(side, flags)
        return self

    def take(self):
        records, self.records = b"".join(self.records), []
        return records


def call(path, begin_us):
    """A good call over HTTP, as records."""
    conversation = Conversation(("10.200.0.1", 40000 + begin_us % 1000), ("10.201.0.1", 80), begin_us)
    conversation.request(b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % path.encode())
    return conversation.response(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").end().take()


def syns(count, begin_us, is_scan=False):
    """Blocks of records, each with a SYN of a flow of its own, a microsecond after the one before: from as many addresses
    to one port, or as a scan, from one address to as many."""
    ends = ("10.250.0.1", "10.0.0.0") if is_scan else ("10.0.0.0", "10.100.0.1")
    one = record(0, frame(ipv4(*ends, 6, tcp(4000, 443, 1, 0, SYN))))
    size, address_at = 65536, 16 + 14 + (16 if is_scan else 12)
    block = bytearray(one * size)
    block[address_at + 2::len(one)] = bytes(number >> 8 for number in range(size))
    block[address_at + 3::len(one)] = bytes(number & 255 for number in range(size))
    for first in range(0, count, size):
        block[address_at + 1::len(one)] = bytes([first >> 16 & 255]) * size
        times = b"".join(struct.pack("<II", *divmod(begin_us + first + number, SECOND_US)) for number in range(size))
        for position in range(8):
            block[position::len(one)] = times[position::8]
        yield memoryview(block)[:min(size, count - first) * len(one)]


def long_stream(conversation, side, total_bytes):
    """Blocks of records with so many bytes of the same kind from a side; the conversation goes on behind them."""
    mss, per_block = conversation.mss, 4096
    filler, sent = b"a" * mss, 0
    while sent < total_bytes:
        for _ in range(per_block):
            conversation.segment(side, PSH_ACK, filler)
        sent += mss * per_block
        yield conversation.take()
