# Synap. `make help` lists what there is; README.md says what it is for.

GO           ?= go
STATICCHECK  := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOLANGCI     := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULNCHECK  := golang.org/x/vuln/cmd/govulncheck@v1.9.0
GOSEC        := github.com/securego/gosec/v2/cmd/gosec@v2.22.10
VERSION      ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS      := -s -w -X main.version=$(VERSION)
FUZZTIME     ?= 10s
BENCH_VECTOR ?= -plot docs/recall.svg

.DEFAULT_GOAL := help

.PHONY: help
help: ## show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: ## start a server on loopback with embedded defaults
	$(GO) run ./cmd/synap serve

.PHONY: build
build: ## build the static binary ./synap
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o synap ./cmd/synap

.PHONY: test
test: vet staticcheck inspect conform race ## everything: vet, staticcheck, the MCP inspector and conformance suite, race tests

.PHONY: vet
vet: ## go vet and gofmt
	@test -z "$$(gofmt -l .)" || { echo "not gofmt-ed:"; gofmt -l .; exit 1; }
	$(GO) vet ./...

.PHONY: staticcheck
staticcheck: ## staticcheck, at the pinned version
	$(GO) run $(STATICCHECK) ./...

.PHONY: race
race: ## all Go tests; with the race detector where there is a C compiler, which it needs
	@if command -v $${CC:-cc} >/dev/null 2>&1; then set -x; CGO_ENABLED=1 $(GO) test -race -timeout 20m ./...; \
	else echo "no C compiler: the race detector is left out"; set -x; $(GO) test -timeout 20m ./...; fi

.PHONY: inspect
inspect: ## list and call the tools with the MCP inspector, over stdio and HTTP (needs npm)
	@if command -v npm >/dev/null 2>&1; then ./mcp/testdata/inspect.sh; \
	else echo "no npm: the MCP inspector is left out"; fi

.PHONY: conform
conform: ## the MCP conformance suite, both frozen sets of requirements, against the real binary (needs npm)
	@if command -v npm >/dev/null 2>&1; then ./mcp/testdata/conformance.sh; \
	else echo "no npm: the MCP conformance suite is left out"; fi

.PHONY: eval-mcp
eval-mcp: ## tasks for agents, done by scripted MCP clients and judged; MODEL='command', or MODEL=name CHAT=url, has a model do them, TASK=id is one alone, TASK=list lists them
	$(GO) run ./eval/play $(if $(filter list,$(TASK)),-list,$(if $(TASK),-task $(TASK))) $(if $(MODEL),-model "$$MODEL") $(if $(CHAT),-chat "$$CHAT")

.PHONY: lint
lint: ## golangci-lint with the rules of .golangci.yml
	$(GO) run $(GOLANGCI) run ./...

.PHONY: vuln
vuln: ## known vulnerabilities in what we build with
	$(GO) run $(GOVULNCHECK) ./...

.PHONY: sec
sec: vuln ## known vulnerabilities, and gosec's opinion of our code
	$(GO) run $(GOSEC) -quiet -exclude-dir=bench -exclude-dir=eval -exclude=$(GOSEC_NOT) ./...

# What gosec is not asked, and why: bench and eval start the programs that they measure and are no part of the server; G104 errors that are dropped say why beside them, which errcheck sees to; G115 and G602 see
# bounds that were checked as unchecked; G404 chooses at random where nobody gains by guessing; G103 and G304 are what some packages
# are for (views of bytes, files that the operator names).
GOSEC_NOT := G104,G115,G602,G404,G103,G304

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME each
	@for dir in $$($(GO) list -f '{{.Dir}}' ./...); do \
	  for target in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]+' $$dir/*_test.go 2>/dev/null | cut -d' ' -f2); do \
	    echo "$$dir $$target"; (cd $$dir && $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) .) || exit 1; \
	  done; done

.PHONY: torture
torture: ## crashes, failures, kills and damage at every place there is: an hour or two, and what docs/reliability.md reports
	SYNAP_TORTURE=1 $(GO) test -timeout 24h -v ./persistence/... ./peer/link
	SYNAP_TORTURE=1 $(GO) test -timeout 24h -v -run 'TestKilledAtAnyMoment|TestPowerFailsUnderTheLoops' ./cmd/synap

.PHONY: generate
generate: ## rewrite what the command table makes: files in docs/, and the typed half of umicp/client
	$(GO) test ./cmd/synap -run TestGeneratedFilesAreFresh -update

.PHONY: bench
bench: ## benchmarks in process, HTTP against a bare gin handler, messages beside Redis and NATS if installed, and what the disk costs
	$(GO) test ./core/... -run '^$$' -bench . -benchmem -count 3
	$(GO) run ./bench/http
	$(GO) run ./bench/messages
	$(GO) run ./bench/neighbour
	$(GO) test ./persistence/... -run '^$$' -bench . -benchmem
	$(GO) run ./bench/messages -disk -dir .

.PHONY: bench-umicp
bench-umicp: ## UMICP over TCP beside redis-benchmark, if that is installed, and vectors as tensors beside JSON
	$(GO) test ./umicp/umx -run '^$$' -bench . -benchmem
	$(GO) run ./bench/umicp

.PHONY: bench-federation
bench-federation: ## a link between two servers on loopback: points, messages and events a second, what one alone waits, bytes on the wire
	$(GO) run ./bench/federation

.PHONY: bench-vector
bench-vector: ## recall and speed of vector search beside hnswlib, usearch and faiss, where they install, and a plot
	$(GO) run ./bench/vector $(BENCH_VECTOR)
