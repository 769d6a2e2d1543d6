#!/usr/bin/env python3
"""Fails where recall in a check is below the bar, where a capture could not be read, or where ports make a difference.

  fidelity_bar.py PLAIN SAME SHUFFLED     three outputs of the scorer: all captures; those that could be shuffled, as they are and shuffled
"""
import re, sys

BAR = 0.98
# Misses that docs/fidelity.md explains with the packet that shows why the reference is wrong: check -> how many.
EXPLAINED = {}


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
for check, (found, of, _) in plain.items():
    of -= EXPLAINED.get(check, 0)
    if of and found / of < BAR:
        wrong.append(f"{check}: recall {found / of:.4f} is below {BAR}")
for check, (found, of, _) in same.items():
    if of and check in shuffled and (found - shuffled[check][0]) / of > 0.01:
        wrong.append(f"{check}: recall falls by {(found - shuffled[check][0]) / of:.4f} with other ports")
if not plain:
    wrong.append("no checks were scored")
for line in wrong:
    print("below the bar:", line)
print(f"e2e passed: {sum(1 for _ in plain)}")
sys.exit(bool(wrong))
