#!/usr/bin/env bash
# End-to-end tests: real servers and clients on the loopback and in network namespaces that the tests make themselves.
set -euo pipefail
cd "$(dirname "$0")/.."
exec python3 e2e/run.py "$@"
