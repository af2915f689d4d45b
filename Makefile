# Paifang's commands. `make run` and `make test` set up everything they need in .venv.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
DEMO ?=
PYTEST ?=

.PHONY: help run demo-once test test-long check format bench proto features requirements clean

help:  ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

run: .venv/runtime  ## the demo venue on this machine; Ctrl-C stops it, ./var keeps its data
	@exec $(BIN)/python -m cloud demo run $(DEMO)

demo-once: .venv/runtime  ## 20 seconds of gate traffic, counted; the last line is JSON
	@$(BIN)/python -m cloud demo once $(DEMO)

# As many workers as cores. What starts whole venues mostly waits for them: it runs beside the tests on PostgreSQL, and
# what it said is shown when it is done.
WORKERS ?= auto
ON_POSTGRES = $(BIN)/python -m tests.support.postgres -- \
	$(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 8 tests/cloud $(PYTEST)
SUITE = $(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 8 --ignore tests/e2e $(PYTEST) && \
	{ said=$$(mktemp); $(BIN)/python -m pytest tests/e2e $(PYTEST) >"$$said" 2>&1 & venues=$$!; \
	$(ON_POSTGRES); rows=$$?; wait $$venues; ends=$$?; cat "$$said"; rm -f "$$said"; \
	[ $$rows -eq 0 ] && [ $$ends -eq 0 ]; }

test: requirements check  ## everything: checks, all tests on SQLite, the cloud's again on PostgreSQL
	@$(SUITE)

test-long: requirements check  ## the same with the full counts of the property tests
	@export PAIFANG_LONG=1; $(SUITE)

check: .venv/dev  ## style, types, import contracts, generated files fresh
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/protobuf.py --check
	$(BIN)/python scripts/features.py --check
	$(BIN)/python scripts/reasons.py --check

format: .venv/dev  ## put the style right
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: .venv/dev  ## the speed suite: a table, and bench/results/latest.json
	@$(BIN)/python -m bench

proto: .venv/dev  ## generate the protobuf code anew
	$(BIN)/python scripts/protobuf.py

features: .venv/dev  ## write docs/features.md anew from the tests' marks
	$(BIN)/python scripts/features.py

requirements: .venv/dev
	@tests/requirements.sh

clean:  ## removes what was built; ./var stays
	rm -rf .venv build dist *.egg-info edge/_verify.c edge/_verify.*.so .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# --- set-up -----------------------------------------------------------------------------------------------------------

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Paifang needs Python 3.11 or newer, $(PYTHON) is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@echo "Setting up .venv (a minute or two, once)"
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "On Debian: apt-get install python3-venv python3-dev gcc make" >&2; exit 1; }
	@$(PIP) install --upgrade pip

# The compiled core is built in place; the editable install makes paifang, edge and cloud importable.
.venv/runtime: .venv/bin/python pyproject.toml setup.py $(wildcard edge/*.pyx edge/*.pxi)
	@$(PIP) install 'setuptools>=77' 'cython>=3.1'
	@echo "Installing Paifang and building the compiled core"
	@$(PIP) install --no-build-isolation -e .
	@touch $@

.venv/dev: .venv/runtime
	@echo "Installing what the tests need"
	@$(PIP) install --no-build-isolation -e '.[dev]'
	@touch $@
