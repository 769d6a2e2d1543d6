#!/usr/bin/env bash
# Installs the packages that are missing on Debian or Ubuntu: `setup.sh build` what a build needs, `setup.sh test` what the tests need too,
# `setup.sh bench` what the benchmarks compare with besides.
set -euo pipefail
cd "$(dirname "$0")/.."
packages=(gcc libc6-dev make pkg-config)
commands=(cc make)
if [ "${1:-build}" != build ]; then
  packages+=(nginx curl wrk redis-server redis-tools dnsmasq dnsutils openssl iputils-ping iproute2 tshark tcpdump nghttp2 libpcap0.8 libpcap-dev python3 dnsperf git procps)
  commands+=(nginx curl wrk redis-server redis-cli dnsmasq dig openssl ping ip tshark tcpdump h2load python3 dnsperf git)
fi
if [ "${1:-build}" = bench ]; then
  packages+=(libndpi-bin)
  commands+=(ndpiReader)
fi
missing=()
for command in "${commands[@]}"; do
  PATH="$PATH:/usr/sbin:/sbin" command -v "$command" >/dev/null || missing+=("$command")
done
# DuckDB reads the Parquet files that the tests make; Debian has no package of it.
readonly DUCKDB_WHEEL=duckdb==2.0.1
needs_duckdb() { [ "${1:-build}" != build ] && ! PYTHONPATH=e2e/.tools python3 -c 'import duckdb' 2>/dev/null; }
# The dashboard is built by Node: the machine's own, or one that scripts/web.sh brings by pip. DuckDB comes by pip too.
if { ! scripts/web.sh has-node || needs_duckdb "$@"; } && ! python3 -m pip --version >/dev/null 2>&1; then
  packages+=(ca-certificates python3-pip)
  missing+=(pip)
fi
# Its tests need a browser. Ubuntu's package of Chromium is a snap, which does not run everywhere: scripts/web.sh brings another.
if [ "${1:-build}" != build ] && ! scripts/web.sh has-browser && grep -qx 'ID=debian' /etc/os-release; then
  packages+=(chromium fonts-dejavu-core)
  missing+=(chromium)
fi
bring_duckdb() {
  if ! needs_duckdb "$@"; then return; fi
  python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --upgrade --target e2e/.tools "$DUCKDB_WHEEL"
}
if [ "${#missing[@]}" = 0 ]; then bring_duckdb "$@"; exit 0; fi
echo "missing: ${missing[*]}"
if ! command -v apt-get >/dev/null; then
  echo "this is not Debian or Ubuntu: please install the packages that bring these commands" >&2
  exit 1
fi
sudo=(env DEBIAN_FRONTEND=noninteractive)
[ "$(id -u)" = 0 ] || sudo=(sudo "${sudo[@]}")
"${sudo[@]}" apt-get update -qq
"${sudo[@]}" apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
bring_duckdb "$@"
