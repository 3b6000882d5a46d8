# Souk: make run serves it, make test and make lint check it. Everything lives in .venv.
SHELL := /bin/bash
.DEFAULT_GOAL := run
.PHONY: run test lint bench lock reference clean

run: .venv/.runtime
	@exec .venv/bin/souk serve

test: .venv/.dev
	scripts/test.sh

lint: .venv/.dev
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/pyright
	.venv/bin/lint-imports

bench: .venv/.dev
	.venv/bin/python -m bench

# The locks: hashed, for every platform, without naming an index.
lock: .venv/.dev
	scripts/lock.sh

# The pages of docs/reference that are written from the code.
reference: .venv/.dev
	.venv/bin/python -m scripts.reference

clean:
	rm -rf .venv build dist src/*.egg-info .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests -name __pycache__ -prune -exec rm -rf {} +

.venv/.runtime: requirements.lock pyproject.toml
	scripts/venv.sh requirements.lock
	@touch $@

# The development lock holds everything of the runtime lock, so both are then up to date.
.venv/.dev: requirements-dev.lock requirements.lock pyproject.toml
	scripts/venv.sh requirements-dev.lock
	@touch .venv/.runtime $@
