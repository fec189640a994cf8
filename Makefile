# Two commands are enough to begin: make run, make test. Everything else is listed by make help.
SHELL := /bin/bash
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
# Recorded traffic, specifications and price catalogues that tests check against, where they are at hand.
ifneq ($(wildcard ../shared/corpus),)
export TIDEGATE_SHARED ?= $(abspath ../shared)
endif
FUZZTIME ?= 30s

.PHONY: help run build console binary test test-go test-sdks test-console lint fmt fuzz bench prices release image clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: build ## Build console and binary, and start the gateway on 127.0.0.1:8080
	./bin/tidegate serve

build: console binary ## Build console and binary

console: ## Build the console (needs Node.js; without it the binary says how to get it)
	@scripts/console

binary:
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/tidegate ./cmd/tidegate

test: ## Run every test, installing what they need
	@scripts/test

test-go: ## Run the Go tests with the race detector
	go vet ./...
	go test -race ./...

test-sdks: ## Run the vendors' SDKs against the gateway
	@scripts/test sdks

test-console: ## Run the console's tests, in a browser as well
	@scripts/test console

lint: ## Run the linters
	@scripts/lint

fmt: ## Format Go and TypeScript
	gofmt -w cmd internal test
	cd web && npx prettier --write .

fuzz: ## Fuzz every parser for FUZZTIME each (default 30s)
	@scripts/fuzz $(FUZZTIME)

bench: ## Measure against httputil.ReverseProxy and nginx, and write docs/benchmarks.md
	@scripts/bench

prices: ## Make the price book anew from the newest published figures
	@scripts/prices

release: console ## Build static binaries for all platforms into dist/
	@scripts/release '$(LDFLAGS)'

image: ## Build the container image
	docker build -t tidegate:$(VERSION) --build-arg VERSION=$(VERSION) .

clean: ## Remove what was built
	rm -rf bin dist internal/web/dist/app web/node_modules
