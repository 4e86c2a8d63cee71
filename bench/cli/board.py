"""`autophagy board`: builds the results page."""

import argparse
import gc
from functools import cache, partial
from pathlib import Path

from bench import paths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "--results", type=Path, default=paths.LEADERBOARD / "results", metavar="DIR",
        help="a folder of runs, or of result files [those of the package]",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("site"), metavar="DIR", help="folder of the page [site]")


def execute(arguments: argparse.Namespace) -> int:
    """Do what was asked for, and return the exit status."""
    gc.disable()  # what a build makes lives to its end: looking for garbage takes a sixth of the time and finds none
    try:
        n_records = _build(arguments)
    finally:
        gc.enable()
    print(f"{arguments.out / 'index.html'}: {n_records} cells")
    return 0


def _build(arguments: argparse.Namespace) -> int:
    """Build the page and return the number of its records."""
    from bench.board.site import build_site
    from bench.executors.grid import plan_cells
    from bench.methods.file import load_method

    plan = partial(plan_cells, load_method=cache(load_method))  # many questions name the same methods
    return build_site(arguments.results, arguments.out, plan)
