"""The cells that boards.sh plans, table by table."""

import argparse
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.cli.run import add_arguments, named_cells
from bench.executors.grid import PlannedCell

BOARDS = Path(__file__).with_name("boards.sh")
TABLES = ("digits", "gaussian", "mnist", "fashion_mnist", "cifar10")  # of cells of `autophagy run`
TELLER = "#!/bin/sh\nprintf '%s\\n' \"$*\"\n"  # in the place of `autophagy`: prints its words


def command_lines(table: str, seeds: str = "") -> list[list[str]]:
    """Return what boards.sh runs for a table, and for those of its seeds that are asked for: a list of words each."""
    with TemporaryDirectory() as folder:
        teller = Path(folder) / "autophagy"
        teller.write_text(TELLER)
        teller.chmod(0o755)
        done = subprocess.run([BOARDS, teller, table, seeds], stdout=subprocess.PIPE, text=True, check=True)
    return [line.split() for line in done.stdout.splitlines()]


def planned_cells(table: str) -> list[PlannedCell]:
    """Return the cells of one of TABLES; what two of its lines have in common is there twice."""
    return [each for verb, *words in command_lines(table) for each in _cells_of(verb, words)]


def _cells_of(verb: str, words: Sequence[str]) -> list[PlannedCell]:
    assert verb == "run"
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return named_cells(parser.parse_args(words))
