#!/usr/bin/env bash
# All tests, one after the other; ends with the counts of passed, failed and skipped, and the reasons for the skips.
# LANTERNFISH_TEST_STRICT=1 allows no skip but that of a missing folder of shared captures.
set -uo pipefail
cd "$(dirname "$0")/.."
log=$(mktemp -d); trap 'rm -rf "$log"' EXIT
export LANTERNFISH_SHARED=${LANTERNFISH_SHARED:-$(cd .. && pwd)/shared}
export LANTERNFISH_SKIPS=$log/skips; : > "$LANTERNFISH_SKIPS"
passed=0; failed=0
step() { # step NAME COMMAND...
  local name=$1; shift
  echo "== $name"
  if "$@" > "$log/out" 2>&1; then
    cat "$log/out"
  else
    cat "$log/out"; echo "FAILED: $name"; failed=$((failed + 1))
  fi
  local count
  count=$(awk '/^test result: /{p += $4; f += $6} END{print p + 0, f + 0}' "$log/out")
  passed=$((passed + ${count% *}))
  # Vitest says `Tests  80 passed (80)`, Playwright `  42 passed (3.1m)`.
  count=$(sed -nE 's/^ *(Tests .*[^0-9])?([0-9]+) passed \(.*/\2/p' "$log/out" | awk '{p += $1} END{print p + 0}')
  passed=$((passed + count))
  while read -r line; do
    case "$line" in
      "e2e passed:"*) passed=$((passed + ${line##*: })) ;;
    esac
  done < "$log/out"
}
step "format" cargo fmt --all --check
step "lints" cargo clippy --workspace --all-targets --locked -- -D warnings
step "dashboard" scripts/web.sh build
step "dashboard units" env NO_COLOR=1 scripts/web.sh unit
step "units" cargo test --workspace --locked
step "release build" cargo build --release --locked -p lanternfish
step "browser" env NO_COLOR=1 scripts/web.sh e2e
for script in e2e/run.sh scripts/fidelity.sh; do
  [ -x "$script" ] && step "$script" "$script"
done
skipped=$(wc -l < "$LANTERNFISH_SKIPS")
if [ "$skipped" -gt 0 ]; then echo "skipped:"; sort "$LANTERNFISH_SKIPS" | uniq -c; fi
if [ "${LANTERNFISH_TEST_STRICT:-}" = 1 ] && grep -qv 'shared' "$LANTERNFISH_SKIPS"; then
  echo "FAILED: a test was skipped that must run here"; failed=$((failed + 1))
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
