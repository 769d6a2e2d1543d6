# Lanternfish: everything a maintainer does, by name.
#   make run    sets up what is missing, builds, and observes this machine
#   make test   sets up what is missing, and passes the tests

SHELL := /bin/bash
CARGO ?= cargo
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
BIN := $(TARGET_DIR)/release/lanternfish

.PHONY: run demo build test check unit e2e bench fuzz setup setup-test setup-bench docs clean

run: build
	$(SUDO) $(BIN) live

demo: build
	$(BIN) demo

build: setup
	scripts/web.sh build
	$(CARGO) build --release --locked -p lanternfish

test: setup-test
	scripts/test.sh

check:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

unit:
	$(CARGO) test --workspace --locked

e2e: build
	e2e/run.sh

bench: build setup-bench
	bench/run.sh

fuzz:
	fuzz/run.sh

docs: build
	$(BIN) docs docs

setup:
	scripts/setup.sh build

setup-test:
	scripts/setup.sh test

setup-bench:
	scripts/setup.sh bench

clean:
	$(CARGO) clean
