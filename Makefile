# One command for everything a developer does: `make help`.
# Needs Node >= 20, npm, make and a C compiler; the rest comes from package-lock.json.

MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

BUN := node_modules/.bin/bun
READY := node_modules/.sampan-ready
EXECUTOR := dist/sampan-executor
CLI := dist/sampan
LIBRARY := dist/lib/index.js
SOURCES := $(shell find src -name '*.ts' ! -name '*.test.ts' 2>/dev/null)

.PHONY: help setup build demo test test-cgroup2 lint format bench fuzz docs generate clean

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r target text; do \
		printf '  make %-14s %s\n' "$$target" "$$text"; done

setup: $(READY) ## install what package-lock.json names (the other targets do it themselves)

$(READY): package-lock.json scripts/setup.sh
	@sh scripts/setup.sh
	@touch $@

build: $(EXECUTOR) $(CLI) $(LIBRARY) ## dist/sampan, dist/sampan-executor and the library in dist/lib

$(EXECUTOR): $(wildcard native/*.c native/*.h) scripts/build-executor.sh
	@sh scripts/build-executor.sh $@

$(CLI): $(READY) $(SOURCES) package.json scripts/build-cli.sh
	@sh scripts/build-cli.sh $@

$(LIBRARY): $(READY) $(SOURCES) tsconfig.json tsconfig.build.json
	@rm -rf dist/lib
	@node_modules/.bin/tsc -p tsconfig.build.json

demo: build ## run a real container and show its isolation in a few lines
	@sh scripts/demo.sh

test: $(READY) ## everything: build, types, lint, drift, boundaries, units, kernel, end to end, tutorial; TEST="PATH ..." for some
	@$(BUN) scripts/test.ts $(TEST_OPTIONS) $(TEST)

test-cgroup2: $(READY) build ## control groups version 2, in a virtual machine (QEMU)
	@$(BUN) scripts/test.ts --only=cgroup2

lint: $(READY) ## types, Biome and the C compiler's analyzer
	@$(BUN) scripts/test.ts --only=static

format: $(READY) ## rewrite sources as Biome wants them
	@node_modules/.bin/biome check --write .

bench: build ## measure against runc, crun and the bare C floor, in one run
	@$(BUN) bench/run.ts $(BENCH)

fuzz: build ## fuzz the executor and the decoder for SECONDS (60)
	@bash test/fuzz/run.sh $(or $(SECONDS),60)

generate: $(READY) ## write generated files anew: native/protocol.h, the reference pages
	@$(BUN) scripts/generate-protocol.ts
	@if [ -f scripts/generate-cli-reference.ts ]; then $(BUN) scripts/generate-cli-reference.ts; fi

docs: generate build ## write the reference pages anew and run the tutorial
	@$(BUN) scripts/test.ts --only=drift,tutorial

clean: ## remove what was built, not what was installed
	@rm -rf dist .cache
