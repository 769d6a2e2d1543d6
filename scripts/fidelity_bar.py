#!/usr/bin/env python3
"""Fails where recall in a check is below the bar, where a protocol has too many values that the reference has not, where a capture could not be
read, or where ports make a difference.

  fidelity_bar.py PLAIN SAME SHUFFLED     three outputs of the scorer: all captures; those that could be shuffled, as they are and shuffled
"""
import collections, re, sys

BAR = 0.98
EXTRA_BAR = 0.01
PORTS_BAR = 0.01
# Misses that docs/fidelity.md explains with the packet that shows why the reference is wrong: check -> how many.
EXPLAINED = {
    "dns.latency": 3, "dns.question": 2, "http.body": 11, "http.latency": 1, "icmp.type_number": 1, "udp.connection": 4,
}
# Extra values that it explains: check -> how many.
EXPLAINED_EXTRA = {
    "dns.answer": 381, "dns.question": 2, "http.call": 113, "http.method": 1, "http.path": 4, "http.status_code": 38, "icmp.type_number": 155,
    "icmp.type_number_v6": 116, "redis.command": 3, "tcp.connection": 226, "tls.certificate_serial": 15, "tls.ja3s": 2, "tls.server_name": 1,
    "udp.connection": 27,
}


def read(path):
    rows, failed = {}, 0
    for line in open(path):
        row = re.match(r"(\S+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\d+)$", line)
        if row:
            rows[row[1]] = (int(row[2]), int(row[3]), int(row[5]))
        summary = re.search(r"failed (\d+)", line)
        if summary:
            failed = int(summary[1])
    return rows, failed


plain, failed = read(sys.argv[1])
same, _ = read(sys.argv[2])
shuffled, failed_shuffled = read(sys.argv[3])
wrong = []
if failed or failed_shuffled:
    wrong.append(f"{failed} captures failed, {failed_shuffled} shuffled ones")
extras, values = collections.Counter(), collections.Counter()
for check, (found, of, extra) in plain.items():
    protocol = check.split(".")[0]
    extras[protocol] += max(0, extra - EXPLAINED_EXTRA.get(check, 0))
    values[protocol] += of
    of -= EXPLAINED.get(check, 0)
    if of > 0 and found / of < BAR:
        wrong.append(f"{check}: recall {found / of:.4f} is below {BAR}")
for protocol, extra in extras.items():
    if extra > EXTRA_BAR * values[protocol]:
        wrong.append(f"{protocol}: {extra} values that the reference has not are more than {EXTRA_BAR:.0%} of {values[protocol]}")
for check, (found, of, _) in same.items():
    if of and check in shuffled and (found - shuffled[check][0]) / of > PORTS_BAR:
        wrong.append(f"{check}: recall falls by {(found - shuffled[check][0]) / of:.4f} with other ports")
if not plain:
    wrong.append("no checks were scored")
for line in wrong:
    print("below the bar:", line)
print(f"e2e passed: {sum(1 for _ in plain)}")
sys.exit(bool(wrong))
