#!/usr/bin/env bash
# Runs the conformance suite of the Model Context Protocol, both frozen sets of requirements, against the real binary with
# the suite's own tools built in (-tags conformance).
source "$(dirname "$0")/suite.sh"

tool conformance @modelcontextprotocol/conformance@0.2.0-alpha.12
build -tags conformance
serve

for set in 2025-11-25 2026-07-28; do
  # Its exit code says whether every scored check passed; what is not scored may fail.
  if ! conformance server --url "$url/mcp" --requirements "$set" -o "$work/$set" >"$work/out" 2>&1; then
    cat "$work/out"
    exit 1
  fi
  echo "conformance: every scored check of $set passed"
done
