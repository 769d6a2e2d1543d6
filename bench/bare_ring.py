"""The least that a packet socket costs the observed: the observer's ring and filter, with blocks that nobody looks at."""
import ctypes, mmap, select, socket, struct

SOL_PACKET, PACKET_RX_RING, PACKET_VERSION, TPACKET_V3, ETH_P_ALL, SO_ATTACH_FILTER = 263, 5, 10, 2, 3, 26
BLOCK, BLOCKS, RETIRE_MS, USER = 256 << 10, 32, 40, 1
# Loopback packets on their way out are left out: struct sock_filter, the way (SKF_AD_PKTTYPE) and the hardware type first.
FILTER = [(0x20, 0, 0, 0xFFFFF004), (0x15, 0, 3, 4), (0x20, 0, 0, 0xFFFFF01C), (0x15, 0, 1, 772), (6, 0, 0, 0), (6, 0, 0, 256 << 10)]

ring = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *instruction) for instruction in FILTER))
ring.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HxxxxxxP", len(FILTER), ctypes.addressof(program)))
ring.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V3)
ring.setsockopt(SOL_PACKET, PACKET_RX_RING, struct.pack("7I", BLOCK, BLOCKS, 2048, BLOCK // 2048 * BLOCKS, RETIRE_MS, 0, 0))
blocks = mmap.mmap(ring.fileno(), BLOCK * BLOCKS)
events = select.poll()
events.register(ring, select.POLLIN)
at = 0
while True:
    status = at * BLOCK + 8  # block_status of struct tpacket_block_desc
    if blocks[status] & USER:
        blocks[status : status + 4] = bytes(4)
        at = (at + 1) % BLOCKS
    else:
        events.poll(1000)
