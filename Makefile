# make test: lint, types and tests. make demo: encode, decode and verify the bundled scene. make bench: put codecs
# side by side on the bundled scene, a quarter of an hour; make bench-full: on all scenes, hours, resumable.
# make fuzz: fuzz every reader of bytes, hours. All make their own virtual environment in .venv. PIP_ARGS is passed
# on to pip (another index, a wheel folder, …).

PYTHON ?= python3
PIP_ARGS ?=
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
CONSTRAINTS := requirements/constraints.txt
FUZZ ?= container table metadata locations ply anchor-ply checkpoint cameras
RUNS ?= 1000000
SETUP := pyproject.toml hemgs_codec/version.py $(CONSTRAINTS)

.PHONY: test test-slow fuzz demo bench bench-full lint format clean

test: lint
	$(BIN)/python -m pytest

test-slow: .venv/dev.stamp
	$(BIN)/python -m pytest -m slow

fuzz: .venv/dev.stamp
	$(PIP) install $(PIP_ARGS) -c $(CONSTRAINTS) -e '.[dev,fuzz]'
	for target in $(FUZZ); do $(BIN)/python -m tests.fuzz.fuzz $$target -runs=$(RUNS) || exit; done

lint: .venv/dev.stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: .venv/dev.stamp
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

demo: .venv/run.stamp
	$(BIN)/python examples/demo.py

bench: .venv/dev.stamp
	-$(BIN)/python -m benchmarks.setup_peers
	$(BIN)/python -m benchmarks.compare --quick
	$(BIN)/python -m benchmarks.compare_report

bench-full: .venv/dev.stamp
	-$(BIN)/python -m benchmarks.setup_peers
	$(BIN)/python -m benchmarks.compare --effort 0 --effort 4 --effort 9
	$(BIN)/python -m benchmarks.bench_scaling
	$(BIN)/python -m benchmarks.bench_micro
	$(BIN)/python -m benchmarks.compare_report

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
