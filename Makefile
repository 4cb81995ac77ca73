# Everything a user or the CI runs. One cargo profile (dev) for all of it, so that nothing is built twice.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
CARGO ?= cargo

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | while IFS='	' read -r name what; do printf '  make %-12s %s\n' "$$name" "$$what"; done

.PHONY: demo
demo: ## the whole path on this machine: made records, embedded broker, a folder as the bucket, replay and proof
	@localstack/prerequisites build
	$(CARGO) run --locked --bin alluvium -- demo

.PHONY: test
test: ## format, lints, unit and integration tests, then live tests and crashes against a real Kafka and LocalStack (no Docker)
	@localstack/prerequisites build lint stack
	@$(MAKE) lint
	$(CARGO) test --locked
	@$(MAKE) live
	@$(MAKE) crash

.PHONY: lint
lint: ## format and lints only; warnings are errors
	@localstack/prerequisites build lint
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) clippy --locked --test live --test stores --test crash -- -D warnings

.PHONY: live
live: ## the live tests only, with a stack of their own
	@localstack/prerequisites build stack
	localstack/with $(CARGO) test --locked --test live

.PHONY: crash
CRASH ?= few
crash: ## the built binary under a few kinds of faults, or under those that CRASH names (tests/crash/kinds.rs)
	@localstack/prerequisites build stack
	localstack/with $(CARGO) test --locked --test crash -- $(CRASH)

.PHONY: prove prove-model prove-sim prove-stores prove-crash
prove: prove-model prove-sim prove-stores prove-crash ## the promises, at length

prove-model: ## the chain's rules in all states of larger worlds
	$(CARGO) test --locked --test model -- --ignored --nocapture

prove-sim: ## whole daemons in 10,000 simulated runs, or those of ALLUVIUM_SEEDS (17, 0..500)
	ALLUVIUM_SEEDS=$${ALLUVIUM_SEEDS:-0..10000} $(CARGO) test --locked --test sim nothing_is_lost -- --nocapture

prove-stores: ## 1,000 rounds of 64 racing creates, and the whole suite, on each store that can be had here (builds versitygw once, with Go)
	@localstack/prerequisites build stack
	localstack/with tests/stores/run $(STORES)

prove-crash: ## every kind of fault on the built binary, over and over until there were 200
	@$(MAKE) crash CRASH=all

.PHONY: engines
engines: ## read the golden table back with Trino, Spark and DuckDB (downloads 800 MB the first time)
	@localstack/prerequisites build stack
	localstack/with tests/engines/run

.PHONY: bench bench-e2e
bench: ## the gates of docs/performance.md, beside references in the same run (the first build takes 10 minutes)
	@localstack/prerequisites build
	$(CARGO) build --locked --release -p alluvium-bench
	@$(CARGO) run --quiet --locked --release -p alluvium-bench -- gates $(BENCH)

bench-e2e: ## what the release daemon takes against a real Kafka and LocalStack, and how that grows
	@localstack/prerequisites build stack
	$(CARGO) build --locked --release -p alluvium -p alluvium-bench
	@program="$${CARGO_TARGET_DIR:-target}/release"; localstack/with "$$program/alluvium-bench" end-to-end --program "$$program/alluvium" $(BENCH)

.PHONY: fuzz sanitize
fuzz: ## each fuzz target, or those of TARGETS, for FUZZ_SECONDS (600) (needs nightly Rust and cargo-fuzz)
	fuzz/run $(TARGETS)

sanitize: ## the unsafe code under AddressSanitizer and LeakSanitizer (needs nightly Rust)
	fuzz/sanitize

.PHONY: stack-up stack-down
stack-up: ## start the development stack and print the exports that lead to it
	@localstack/up

stack-down: ## stop it
	@localstack/down

.PHONY: deny
deny: ## licences, advisories and banned crates (needs cargo-deny and the network)
	@command -v cargo-deny >/dev/null || { echo 'missing: cargo-deny (cargo install --locked cargo-deny)' >&2; exit 1; }
	$(CARGO) deny --all-features check

.PHONY: shell-lint
shell-lint: ## shellcheck on the scripts
	@command -v shellcheck >/dev/null || { echo 'missing: shellcheck (Debian: apt-get install shellcheck)' >&2; exit 1; }
	shellcheck -x --source-path=SCRIPTDIR $$(grep -lE '^#(!/usr/bin/env bash|  *shellcheck shell=bash)' localstack/* .ci/* fuzz/* tests/engines/* tests/stores/*)
