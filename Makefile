# Every command that a person needs; what it does is in scripts/. `make help` lists them.
# Folders: build/ holds everything that is made. build/sluice is the executable.
.DEFAULT_GOAL := help
.NOTPARALLEL:

# Scripts read these from the environment.
export ARCH JOBS FUZZ_SECONDS DATA_DIR LISTEN

help: ## this list
	@echo 'make TARGET [NAME=value]'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' Makefile
	@echo
	@echo 'Needed packages are installed on the way (as root, or through sudo).'

setup: ## install everything that any target needs: Debian packages, npm packages, libraries
	@scripts/setup all

build: ## the executable: build/sluice (ARCH=arm64: build/sluice-linux-arm64)
	@scripts/build

run: ## build, and start the appliance in the foreground (DATA_DIR=..., LISTEN=addr:port); Ctrl-C stops it
	@scripts/run

test: ## everything that proves the product, sanitizers and arm64 included
	@scripts/test

test-quick: ## the same without sanitizers and arm64
	@scripts/test quick

bench: ## measure: connections, requests, forwarding
	@scripts/bench

fuzz: ## each fuzz target for FUZZ_SECONDS (60) with AddressSanitizer and UBSan
	@scripts/fuzz

lint: ## formats, clang-tidy on all of C++, scripts, Python, the page
	@scripts/lint all

format: ## give all C++ the shape that .clang-format says
	@scripts/format

package: ## Debian packages for amd64 and arm64: build/packages/
	@scripts/package

clean: ## remove what was made; downloaded libraries and npm packages stay
	@scripts/clean

.PHONY: help setup build run test test-quick bench fuzz lint format package clean
