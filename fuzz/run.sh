#!/usr/bin/env bash
# Builds every fuzz target and runs each one for a while, one after the other, bounded in time and memory:
#   fuzz/run.sh [SECONDS, 30 for each target] [TARGET...]
# The dissector runs once for each protocol (`dissector-http`). What is found stays in fuzz/target/corpus; a crash
# stops the run, and its input is in fuzz/target/crashes. It works on the stable compiler; nothing is downloaded but crates.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:-30}
[ $# -gt 0 ] && shift
host=$(rustc -vV | sed -n 's/^host: //p')
# What the fuzzer needs of the compiler: counters on every edge, a table of their places, and the operands of comparisons.
export RUSTFLAGS="${RUSTFLAGS:-} --cfg fuzzing -Cpasses=sancov-module \
-Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"
# With a target named, build scripts and macros are not instrumented.
${FUZZ_BUILD_WRAPPER:-} cargo build --release --locked --target "$host" --target-dir target
bin=target/$host/release
corpus=target/corpus
mkdir -p "$corpus" target/crashes
protocols=$(LANTERNFISH_CORPUS=$corpus "$bin/seeds" 2> target/seeds.log)
targets=("$@")
if [ ${#targets[@]} = 0 ]; then
  targets=(wire pcapfile defragment tracker datagrams decompress kfl record)
  for protocol in $protocols; do targets+=("dissector-$protocol"); done
  targets+=(pipeline)
fi
for target in "${targets[@]}"; do
  program=${target%%-*}
  mkdir -p "$corpus/$target"
  echo "== $target, $seconds s"
  log=target/$target.log
  if ! LANTERNFISH_PROTOCOL=${target#*-} nice -n 15 "$bin/$program" "$corpus/$target" \
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len="${FUZZ_MAX_LEN:-16384}" \
    -artifact_prefix="target/crashes/$target-" -print_final_stats=1 > "$log" 2>&1; then
    tail -n 40 "$log"
    echo "FAILED: $target"
    exit 1
  fi
  grep -E 'cov: ' "$log" | tail -n 1
done
echo "fuzz passed: ${#targets[@]}"
