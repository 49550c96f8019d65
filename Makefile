# make test: lint, types and tests. make demo: encode, decode and verify the bundled scene.
# Both make their own virtual environment in .venv. PIP_ARGS is passed on to pip (another index, a wheel folder, …).

PYTHON ?= python3
PIP_ARGS ?=
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
CONSTRAINTS := requirements/constraints.txt
SETUP := pyproject.toml hemgs_codec/version.py $(CONSTRAINTS)

.PHONY: test test-slow demo lint format clean

test: lint
	$(BIN)/python -m pytest

test-slow: .venv/dev.stamp
	$(BIN)/python -m pytest -m slow

lint: .venv/dev.stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: .venv/dev.stamp
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

demo: .venv/run.stamp
	$(BIN)/python examples/demo.py

$(BIN)/python:
	$(PYTHON) -m venv .venv

.venv/run.stamp: $(SETUP) | $(BIN)/python
	$(PIP) install $(PIP_ARGS) -c $(CONSTRAINTS) -e .
	touch $@

.venv/dev.stamp: $(SETUP) | $(BIN)/python
	$(PIP) install $(PIP_ARGS) -c $(CONSTRAINTS) -e '.[dev]'
	touch $@ .venv/run.stamp

clean:
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
