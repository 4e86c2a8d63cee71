"""`autophagy new-task`: writes a task file for images of one's own."""

import argparse
from pathlib import Path

from bench.cells.task import TIERS, TierName
from bench.cli.arguments import names
from bench.errors import BadInput, choose


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.description = (
        "Write NAME.toml, a task of the images in a folder or zip: their size, classes, split and hashes, and the "
        "budgets of the nearest task of the package. The images stay where they are."
    )
    parser.epilog = "docs/tasks.md has the whole way, from a folder of images to a page of results."
    parser.add_argument("name", metavar="NAME", help="of the task: lower case, digits and _")
    parser.add_argument(
        "--from", dest="source", type=Path, required=True, metavar="PATH",
        help="folder or zip of square images: in one folder for each class where there are classes, and optionally "
        "all in the folders train and test; without these two, one image of four is held out",
    )  # fmt: skip
    parser.add_argument("--size", type=int, metavar="N", help="resize the images to N x N pixels")
    parser.add_argument(
        "--tier",
        default="smoke",
        metavar="NAMES",
        help=f"{', '.join(TIERS)}, or all that the nearest task has [smoke]",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Do what was asked for, and return the exit status."""
    from bench.data.new_task import write_new_task
    from bench.process.progress import Progress

    tiers = None if arguments.tier == "all" else _tiers(arguments.tier)
    written = write_new_task(arguments.name, arguments.source, Path(), arguments.size, tiers, Progress("new-task"))
    data = written.task.data
    print(f"{written.path}: {written.task.title}, {data.training} to learn from and {data.reference} to score against")
    print(f"budgets are those of {written.nearest}, the nearest task")
    for note in written.notes:
        print(f"note: {note}")
    print(f"next: autophagy run --task {written.path} --loop fully_synthetic --dry-run")
    return 0


def _tiers(text: str) -> list[TierName]:
    wanted = names("--tier", text, lambda: list(TIERS))
    if unknown := [name for name in wanted if name not in TIERS]:
        raise BadInput(f"--tier {unknown[0]}: {choose((*TIERS, 'all'), unknown[0])}")
    return [tier for tier in TIERS if tier in wanted]
