PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do command -v $$python && break; done)
BIN := .venv/bin
export XDG_RUNTIME_DIR ?= /tmp
# Tests start the gateway hundreds of times: it is compiled once for all of them, whatever the shell says.
export PYTHONDONTWRITEBYTECODE =

SPECTRAL := @stoplight/spectral-cli@6.16.3 @stoplight/spectral-owasp-ruleset@2.0.1

# Three for two processors: every third test waits for a server or a clock.
PYTEST := $(BIN)/python -m pytest -q -rs -n 3 --dist loadfile --no-loadscope-reorder

.PHONY: help setup demo test check lint-api interop control bench format docs lock
.DEFAULT_GOAL := help

help:  ## Show what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

setup: .venv/installed  ## Create .venv with the locked dependencies

.venv/installed: requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	@echo "Setting up .venv with the locked dependencies; this takes a minute."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup  ## Serve a gateway with sample data and print curl lines that work; PORT=8001 where 8000 is taken
	$(BIN)/gateway demo $(if $(PORT),--port $(PORT))

test: setup  ## Run the tests on a real PostgreSQL, but for the slow ones
	$(PYTEST) -m 'not slow'

check: setup  ## Everything that must hold before a change lands: style, types, floors, documents, all tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check
	$(PYTEST)

lint-api: setup  ## Read the API's description with Spectral and OWASP's rules; needs Node, and is no part of check
	@command -v npm > /dev/null || { echo "LEFT OUT: lint-api needs Node and npm, and they are not there." >&2; exit 1; }
	@mkdir -p build/spectral
	npm install --prefix build/spectral --no-save --silent --ignore-scripts $(SPECTRAL)
	$(BIN)/python docs/describe.py > build/spectral/openapi.json
	cp .spectral.yaml build/spectral/.spectral.yaml
	cd build/spectral && node_modules/.bin/spectral lint openapi.json --fail-severity=hint

interop: setup  ## Install Node's clients, pinned, and run them against a served gateway; needs Node
	@command -v npm > /dev/null || { echo "LEFT OUT: interop needs Node and npm, and they are not there." >&2; exit 1; }
	@mkdir -p build/interop
	cp tests/interop/node/package.json tests/interop/node/package-lock.json build/interop/
	npm ci --prefix build/interop --silent --ignore-scripts --no-audit --no-fund
	$(BIN)/python -m pytest -q tests/journeys/test_node_clients.py tests/journeys/test_foreign_tools.py

control: setup  ## Run the OAuth checks against npm's oidc-provider too; needs Node, and is no part of check
	$(BIN)/python -m tests.control

bench: setup  ## Measure the gateway beside the same queries without it; takes a few minutes
	$(BIN)/python -m benchmarks

format: setup  ## Format the code and mend what can be mended by itself
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: setup  ## Write again what the documents repeat of the code
	$(BIN)/python docs/generate.py

lock: setup  ## Lock the newest permitted dependencies, with hashes
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile -q -U --python-version 3.11 --no-emit-index-url --custom-compile-command 'make lock' --generate-hashes pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q -U --python-version 3.11 --no-emit-index-url --custom-compile-command 'make lock' --generate-hashes pyproject.toml --group dev -o requirements-dev.lock
