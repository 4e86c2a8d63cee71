"""`autophagy board`: builds the results page."""

import argparse
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
    from bench.board.site import build_site
    from bench.executors.grid import plan_cells

    n_records = build_site(arguments.results, arguments.out, plan_cells)
    print(f"{arguments.out / 'index.html'}: {n_records} cells")
    return 0
