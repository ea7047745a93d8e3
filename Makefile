# The same words everywhere: demo, test, check. Each sets up what it needs.
PYTHON ?= python3
PYTEST_ARGS ?= -n auto
VENV ?= .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
STAMP := $(VENV)/.ready
LOCAL := $(VENV)/.local

.PHONY: setup local demo test lint types contracts check bench vscode dist clean

setup: $(STAMP)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "codex-lsp needs Python 3.11 or newer; try: make PYTHON=python3.13 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'

$(STAMP): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[keyring,tree-sitter]' --group dev
	@touch $@

$(LOCAL): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[local]'
	@touch $@

# The embedded toy model: its runtime, and its weights in the user's cache.
local: $(LOCAL)
	$(BIN)/python -m codex_lsp local fetch

demo: $(LOCAL)
	@$(BIN)/python -m codex_lsp demo $(DEMO_ARGS)

test: setup
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: setup
	$(BIN)/mypy

contracts: setup
	$(BIN)/lint-imports

# The VS Code extension, with the server in it for those who have none: editors/vscode/*.vsix.
vscode: setup
	rm -rf editors/vscode/server editors/vscode/dist
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir editors/vscode/server .
	cd editors/vscode && npm ci && npm run package

# Measures on Pythons with nothing but what a person installs: development tools slow imports down.
bench: setup
	$(PYTHON) -m venv $(VENV)/plain
	$(VENV)/plain/bin/python -m pip install --quiet '.[sandbox]'
	for name in startup responsiveness turn round_trips jobs edits loop_gaps commands; do \
	  CODEX_LSP_BENCH_PYTHON=$(VENV)/plain/bin/python $(BIN)/python -m benchmarks.$$name || exit; \
	done

check: lint types contracts test

# What a release is made of; `python -m release.notes VERSION` prints its notes. The wheel brings an
# extension without a server, for `codex-lsp setup vscode`; the one beside it has the server in it.
dist: vscode
	rm -rf dist editors/vscode/server
	cd editors/vscode && npm run package -- --out dist/codex-lsp.vsix
	$(BIN)/python -m pip install --quiet build
	$(BIN)/python -m build --outdir dist .
	mv editors/vscode/codex-lsp-*.vsix dist

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
