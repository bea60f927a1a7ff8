#!/usr/bin/env bash
# Lists and calls the tools of the real binary with the MCP inspector, over stdio and over HTTP, in strict mode: any
# schema that breaks some client fails. Installs the inspector, and the Node that it needs, into .tools at the root.
set -euo pipefail
cd "$(dirname "$0")/../.."

NODE=22.23.3
INSPECTOR=2.12.0
tools=$PWD/.tools
stamp=$tools/inspector-$INSPECTOR-node-$NODE
if [ ! -e "$stamp" ]; then
  mkdir -p "$tools"
  npm install --no-audit --no-fund --silent --prefix "$tools" "node@$NODE" "@modelcontextprotocol/inspector@$INSPECTOR" >/dev/null
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
CGO_ENABLED=0 go build -o "$work/synap" ./cmd/synap

inspect() { mcp-inspector --cli --format json "$@"; }

# expect TEXT FILE: the answer in FILE contains TEXT.
expect() {
  grep -qF -- "$1" "$2" || { echo "expected $1 in:"; cat "$2"; exit 1; }
}

# Over stdio each run is a process of its own, so it sees only what it wrote itself.
for profile in core full; do
  inspect --method tools/list --strict -- "$work/synap" mcp --memory --profile "$profile" >"$work/out"
  expect '"synap_kv_set"' "$work/out"
done
inspect --method tools/call --tool-name synap_kv_set --tool-args-json '{"key":"a","value":"from stdio"}' \
  -- "$work/synap" mcp --memory >"$work/out"
expect '"version"' "$work/out"

# The server says where it listens on its first line; port 0 picks a free one.
"$work/synap" serve --auth off --memory --http 127.0.0.1:0 >"$work/log" 2>&1 &
server=$!
for _ in $(seq 100); do
  url=$(grep -oE 'http://127\.0\.0\.1:[0-9]+' "$work/log" | head -1 || true)
  [ -z "$url" ] || break
  sleep 0.1
done
[ -n "${url:-}" ] || { echo "the server did not start:"; cat "$work/log"; exit 1; }

for profile in core kv readonly full; do
  inspect --server-url "$url/mcp?profile=$profile" --transport http --method tools/list --strict >"$work/out"
  expect '"synap_kv_get"' "$work/out"
done
for era in legacy modern; do
  inspect --server-url "$url/mcp" --transport http --protocol-era "$era" --method tools/call \
    --tool-name synap_kv_set --tool-args-json "{\"key\":\"$era\",\"value\":\"from HTTP\"}" >"$work/out"
  expect '"version"' "$work/out"
  inspect --server-url "$url/mcp" --transport http --protocol-era "$era" --method tools/call \
    --tool-name synap_kv_get --tool-args-json "{\"keys\":[\"$era\"]}" >"$work/out"
  expect 'from HTTP' "$work/out"
done
echo "the inspector found nothing wrong"
