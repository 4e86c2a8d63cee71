"""`autophagy submit`: puts finished cells into the leaderboard folder."""

import argparse
from glob import glob
from pathlib import Path

from bench.errors import BadInput


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.description = (
        "Check finished cells, and if nothing is wrong with any of them, copy their records, the strip of "
        "seed 0 and the files of their methods and generators into the leaderboard folder. Nothing of these is "
        "executed, and no file that is there is changed."
    )
    parser.epilog = "CONTRIBUTING.md says what is allowed."
    parser.add_argument(
        "cells", nargs="+", type=Path, metavar="CELL",
        help="run folders of cells (RUNS/cells/NAME), or runs folders: all their finished cells",
    )  # fmt: skip
    parser.add_argument(
        "--method", action="append", default=[], type=Path, metavar="FILE",
        help="the file of a method that is no baseline; can be given several times",
    )  # fmt: skip
    parser.add_argument(
        "--generator", action="append", default=[], type=Path, metavar="FILE",
        help="the file of a generator that is not one of the benchmark; can be given several times",
    )  # fmt: skip
    parser.add_argument(
        "--task", action="append", default=[], type=Path, metavar="FILE",
        help="the file of a task that is neither of the package nor in the tasks/ of the leaderboard folder",
    )  # fmt: skip
    parser.add_argument(
        "--by", metavar="NAME",
        help="who submits, as the page is to name you: a person or a group, up to 80 characters of plain text",
    )  # fmt: skip
    parser.add_argument("--link", metavar="URL", help="a web page of who submits, http or https")
    parser.add_argument(
        "--leaderboard", type=Path, default=Path("leaderboard"), metavar="DIR",
        help="the leaderboard folder of a clone of the repository [leaderboard]",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON")


def execute(arguments: argparse.Namespace) -> int:
    """Do what was asked for, and return the exit status."""
    from bench.submission.submit import plan_submission

    if arguments.link is not None and arguments.by is None:
        raise BadInput(f"--link {arguments.link}: goes with --by NAME, whose page it is")
    submission = plan_submission(
        [path for cell in arguments.cells for path in _named(cell)],
        arguments.method,
        arguments.generator,
        arguments.leaderboard,
        arguments.task,
        by=arguments.by,
        link=arguments.link,
    )
    submission.write()
    print(submission.to_json() if arguments.json else submission.to_text())
    return 0


def _named(cell: Path) -> list[Path]:
    """Return the folders that a pattern with * names, as not every shell does it; any other name alone."""
    found = [] if cell.exists() else sorted(map(Path, glob(str(cell))))  # noqa: PTH207, which takes no pattern with a root
    return found or [cell]
