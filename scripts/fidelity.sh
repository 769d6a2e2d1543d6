#!/usr/bin/env bash
# Compares what `read` sees in real captures with tshark, as they are and with all ports replaced; fails below its bars.
set -euo pipefail
cd "$(dirname "$0")/.."
shared=${LANTERNFISH_SHARED:-$(cd .. && pwd)/shared}
binary=${CARGO_TARGET_DIR:-target}/release/lanternfish
if [ ! -f "$shared/tools/fidelity.py" ]; then
  echo "skipped: no captures in $shared"
  [ -z "${LANTERNFISH_SKIPS:-}" ] || echo "fidelity: no shared captures" >> "$LANTERNFISH_SKIPS"
  exit 0
fi
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
checks=http.,dns.,tls.,redis.,icmp.,tcp.,udp.
python3 "$shared/tools/fidelity.py" score "$shared/captures/files" "$shared/captures/truth.tsv" --checks "$checks" -- "$binary" read > "$work/plain"
cat "$work/plain"
python3 "$shared/tools/fidelity.py" shuffle "$shared/captures/files" "$work/shuffled"
python3 "$shared/tools/fidelity.py" score "$work/shuffled" "$shared/captures/truth.tsv" --checks http.,dns.,tls.,redis. -- "$binary" read > "$work/shuffled.txt"
cat "$work/shuffled.txt"
# The same captures as they are, so that shuffled ones are compared with their own originals.
mkdir "$work/same"; for file in "$work"/shuffled/*.pcap; do ln -s "$(readlink -f "$shared/captures/files/$(basename "$file")")" "$work/same/"; done
python3 "$shared/tools/fidelity.py" score "$work/same" "$shared/captures/truth.tsv" --checks http.,dns.,tls.,redis. -- "$binary" read > "$work/same.txt"
python3 scripts/fidelity_bar.py "$work/plain" "$work/same.txt" "$work/shuffled.txt"
