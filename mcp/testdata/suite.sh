# What the scripts beside it share: their tools, the real binary, and a server of it. It is sourced, not run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

NODE=22.23.3 # the suites need it

# tool NAME PACKAGE: installs the package, and Node, into .tools at the root.
tool() {
  local tools=$PWD/.tools
  local stamp=$tools/$1-${2##*@}-node-$NODE
  if [ ! -e "$stamp" ]; then
    mkdir -p "$tools"
    npm install --no-audit --no-fund --silent --prefix "$tools" "node@$NODE" "$2" >/dev/null
    touch "$stamp"
  fi
  export PATH="$tools/node_modules/.bin:$PATH"
}

work=$(mktemp -d)
server=
: >"$work/log"
cleanup() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

# build [FLAG...]: the program, in $work.
build() { CGO_ENABLED=0 go build "$@" -o "$work/synap" ./cmd/synap; }

# serve: a server of it, at $url. The suites cannot send a key. It says where it listens on its first line; port 0 picks a free one.
serve() {
  "$work/synap" serve --auth off --memory --http 127.0.0.1:0 >"$work/log" 2>&1 &
  server=$!
  for _ in $(seq 100); do
    url=$(grep -oE 'http://127\.0\.0\.1:[0-9]+' "$work/log" | head -1 || true)
    [ -z "$url" ] || return 0
    sleep 0.1
  done
  echo "the server did not start:"
  cat "$work/log"
  exit 1
}

# expect TEXT FILE: the answer in FILE contains TEXT.
expect() {
  grep -qF -- "$1" "$2" || { echo "expected $1 in:"; cat "$2"; exit 1; }
}
