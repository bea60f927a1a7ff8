#!/usr/bin/env bash
# Lists and calls the tools of the real binary with the MCP inspector, over stdio and over HTTP, in strict mode: any
# schema that breaks some client fails. Then its resources and prompts, which it lists, reads and renders.
source "$(dirname "$0")/suite.sh"

tool inspector @modelcontextprotocol/inspector@2.12.0
build

inspect() { mcp-inspector --cli --format json "$@"; }

# Over stdio each run is a process of its own, so it sees only what it wrote itself.
for profile in core full; do
  inspect --method tools/list --strict -- "$work/synap" mcp --memory --profile "$profile" >"$work/out"
  expect '"synap_kv_set"' "$work/out"
done
inspect --method tools/call --tool-name synap_kv_set --tool-args-json '{"key":"a","value":"from stdio"}' \
  -- "$work/synap" mcp --memory >"$work/out"
expect '"version"' "$work/out"
inspect --method resources/list -- "$work/synap" mcp --memory >"$work/out"
expect '"synap://status"' "$work/out"
inspect --method prompts/list -- "$work/synap" mcp --memory >"$work/out"
expect '"work_queue"' "$work/out"

serve
for profile in core kv readonly full; do
  inspect --server-url "$url/mcp?profile=$profile" --transport http --method tools/list --strict >"$work/out"
  expect '"synap_kv_get"' "$work/out"
done
for era in legacy modern; do
  over() { inspect --server-url "$url/mcp" --transport http --protocol-era "$era" "$@" >"$work/out"; }
  over --method tools/call --tool-name synap_kv_set --tool-args-json "{\"key\":\"$era\",\"value\":\"from HTTP\"}"
  expect '"version"' "$work/out"
  over --method tools/call --tool-name synap_kv_get --tool-args-json "{\"keys\":[\"$era\"]}"
  expect 'from HTTP' "$work/out"
  over --method resources/list
  expect '"synap://inbox"' "$work/out"
  over --method resources/templates/list
  expect '"synap://kv/{+key}"' "$work/out"
  over --method resources/read --uri "synap://kv/$era"
  expect 'from HTTP' "$work/out"
  over --method prompts/list
  expect '"catch_up"' "$work/out"
  over --method prompts/get --prompt-name work_queue --prompt-args queue=jobs
  expect 'synap_queue_receive' "$work/out"
done
echo "the inspector found nothing wrong"
