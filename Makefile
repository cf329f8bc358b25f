# Every command of this project. `make` alone lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

UV := $(shell command -v uv 2>/dev/null || echo .tools/uv/bin/uv)
BIN := .venv/bin
STAMP := .venv/.reelyard-ready
NODE_STAMP := tests/node/node_modules/.package-lock.json

export UV_COMPILE_BYTECODE := 1
export UV_LINK_MODE := copy
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo test test-unit corpus check fmt bench faults clean

# A folder of media with a manifest of what is to become of each file.
CORPUS ?= ../shared/media

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## prepare .venv, so that .venv/bin/reelyard works

# Bytecode is compiled once, here: else every Ray process compiles a thousand modules again.
# The three folders are named, as compileall does not follow the links in reelyard/.
$(STAMP): uv.lock pyproject.toml .python-version
	@command -v uv >/dev/null || test -x .tools/uv/bin/uv || \
	    { echo "setting up uv in .tools/"; python3 -m venv .tools/uv && .tools/uv/bin/pip install --quiet uv; }
	$(UV) sync --frozen --group dev --compile-bytecode --quiet
	@$(BIN)/python -m compileall -q reelyard actors api cluster
	@touch $@

# Clients in JavaScript that the tests run, on the Node.js that a Python package brings.
$(NODE_STAMP): tests/node/package-lock.json $(STAMP)
	@$(BIN)/python -m tests.node_tools

demo: setup ## transcode a real clip on the cluster, with a thumbnail, a preview and a probe
	@$(BIN)/python examples/demo.py

# Two processes: much of the suite waits for clusters to start and end.
test: setup $(NODE_STAMP) ## run the whole test suite
	$(BIN)/python -m pytest --numprocesses 2 --dist loadscope --no-loadscope-reorder

test-unit: setup $(NODE_STAMP) ## run only the tests that need no Ray
	$(BIN)/python -m pytest tests/unit

corpus: setup ## run all operations on the real media at CORPUS=../shared/media, beside its manifest
	@$(BIN)/python -m tests.corpus $(CORPUS)

check: setup ## check format, lint, types and the direction of imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: setup ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup ## run all benchmarks quickly; tables on screen, JSON in benchmarks/results
	$(UV) sync --frozen --group dev --group bench --compile-bytecode --quiet
	$(BIN)/python -m benchmarks --quick

faults: setup ## kill each part of a server while jobs run: JOBS=100 SEED=1 STORE=sqlite or redis
	$(UV) sync --frozen --group dev --group bench --compile-bytecode --quiet
	@$(BIN)/python -m benchmarks.faults --jobs $(or $(JOBS),100) --seed $(or $(SEED),1) --store $(or $(STORE),sqlite)

clean: ## remove what the commands above made
	rm -rf .venv .tools tests/node/node_modules demo-output .mypy_cache .ruff_cache .hypothesis build *.egg-info
