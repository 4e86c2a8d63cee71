PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export OMP_NUM_THREADS ?= 2

.PHONY: setup demo site verify-tenth test test-slow test-all lint format interface documents

setup: $(VENV)/.installed

# Compiled on all cores, where pip takes one; a few files that packages bring cannot be.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt --editable '.[dev]'
	$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true
	touch $@

demo: setup
	$(BIN)/autophagy run --task digits --generator ddpm --loop all --tier smoke --generations 5 --seeds 0
	$(BIN)/autophagy board --results runs --out site

# The leaderboard's page, from the records in the repository.
site: setup
	$(BIN)/autophagy board --results leaderboard/results --out site

# The records of a table: board-digits, board-gaussian, board-mnist, board-fashion_mnist, board-cifar10. What is there is
# skipped, and the documents are written anew. Seed by seed if wanted: make board-digits SEEDS=0
board-%: setup
	leaderboard/boards.sh $(BIN)/autophagy $* $(SEEDS)
	$(BIN)/python leaderboard/documents.py

# A tenth of the records, drawn by the hash of their cells, run again.
verify-tenth: setup
	leaderboard/verify_tenth.sh $(BIN)/autophagy

# Two processes with a thread each: the networks of the tests are too small to gain from more. What is slow by nature is
# marked, and left out of `make test`; `pytest` alone runs all.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --durations 10

test: setup
	$(PYTEST) -m 'not slow'

test-slow: setup
	$(PYTEST) -m slow

# Both at once: everything is imported and found once, and what takes long runs beside what does not.
test-all: setup
	$(PYTEST)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# What `bench` gives has changed: take it down again, and describe it in docs/interface.md.
interface: setup
	$(BIN)/python tests/interface.py

# The records in leaderboard/results have changed: write anew what the documents say of them.
documents: setup
	$(BIN)/python leaderboard/documents.py

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
