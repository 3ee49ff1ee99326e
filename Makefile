# Every command of the project. `make` alone lists them.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

help:  ## list the commands
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 16

$(BIN)/tidemill: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -e '.[dev]'

install: $(BIN)/tidemill  ## make .venv with everything that development needs

test: install  ## the tests (about 10 minutes)
	$(BIN)/python -m pytest

faults: install  ## what happens when servers, clients, networks and disks fail (about 4 minutes)
	$(BIN)/python -m pytest tests/faults tests/journal -v

deep: install  ## the long tests too: fuzz, soak, scale
	$(BIN)/python -m pytest -m 'deep or not deep'

lint: install  ## style, types, floors
	$(BIN)/ruff check src tests benchmarks docs ui hatch_build.py
	$(BIN)/ruff format --check src tests benchmarks docs ui hatch_build.py
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install  ## let ruff rewrite what it can
	$(BIN)/ruff check --fix src tests benchmarks docs ui hatch_build.py
	$(BIN)/ruff format src tests benchmarks docs ui hatch_build.py

bench: install  ## compare with FastTrackML and MLflow (needs wrk)
	$(BIN)/python benchmarks/servers.py

.PHONY: faults help install test deep lint format bench
