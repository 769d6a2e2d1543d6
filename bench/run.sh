#!/usr/bin/env bash
# Runs the benchmarks; see run.py for what is measured.
set -euo pipefail
exec python3 -B "$(dirname "$0")/run.py" "$@"
