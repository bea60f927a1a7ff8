#!/usr/bin/env bash
# Runs the conformance suite of the Model Context Protocol, both frozen sets of requirements, against the real binary with
# the suite's own tools built in (-tags conformance). Installs the suite, and the Node that it needs, into .tools at the root.
set -euo pipefail
cd "$(dirname "$0")/../.."

NODE=22.23.3
SUITE=0.2.0-alpha.12
tools=$PWD/.tools
stamp=$tools/conformance-$SUITE-node-$NODE
if [ ! -e "$stamp" ]; then
  mkdir -p "$tools"
  npm install --no-audit --no-fund --silent --prefix "$tools" "node@$NODE" "@modelcontextprotocol/conformance@$SUITE" >/dev/null
  touch "$stamp"
fi
export PATH="$tools/node_modules/.bin:$PATH"

work=$(mktemp -d)
server=
: >"$work/log"
cleanup() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
CGO_ENABLED=0 go build -tags conformance -o "$work/synap" ./cmd/synap

# The suite cannot send a key. The server says where it listens on its first line; port 0 picks a free one.
"$work/synap" serve --auth off --memory --http 127.0.0.1:0 >"$work/log" 2>&1 &
server=$!
for _ in $(seq 100); do
  url=$(grep -oE 'http://127\.0\.0\.1:[0-9]+' "$work/log" | head -1 || true)
  [ -z "$url" ] || break
  sleep 0.1
done
[ -n "${url:-}" ] || { echo "the server did not start:"; cat "$work/log"; exit 1; }

for set in 2025-11-25 2026-07-28; do
  # Its exit code says whether every scored check passed; what is not scored may fail.
  if ! conformance server --url "$url/mcp" --requirements "$set" -o "$work/$set" >"$work/out" 2>&1; then
    cat "$work/out"
    exit 1
  fi
  echo "conformance: every scored check of $set passed"
done
