PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export OMP_NUM_THREADS ?= 2

SEEDS ?= 0,1,2

.PHONY: setup demo site smoke-board test test-slow lint format interface

setup: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: setup
	$(BIN)/autophagy run --task digits --generator ddpm --loop all --tier smoke --generations 5 --seeds 0
	$(BIN)/autophagy board --results runs --out site

# The leaderboard's page, from the records in the repository.
site: setup
	$(BIN)/autophagy board --results leaderboard/results --out site

# All baselines, seed by seed if wanted: make smoke-board SEEDS=0
smoke-board: setup
	leaderboard/smoke_board.sh $(BIN)/autophagy $(SEEDS)

# Two processes with a thread each: the networks of the tests are too small to gain from more. What is slow by nature is
# marked, and left out of `make test`; `pytest` alone runs all.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --durations 10

test: setup
	$(PYTEST) -m 'not slow'

test-slow: setup
	$(PYTEST) -m slow

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# What `bench` gives has changed: take it down again, and describe it in docs/interface.md.
interface: setup
	$(BIN)/python tests/interface.py

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
