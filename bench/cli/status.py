"""`autophagy status`: how the cells of a runs folder stand."""

import argparse

from bench.cli.arguments import add_runs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.description = "Look at the cells of a runs folder, wherever they run, and change nothing."
    add_runs(parser)
    parser.add_argument("--all", action="store_true", help="a line for each finished cell too")
    parser.add_argument("--json", action="store_true", help="print JSON")


def execute(arguments: argparse.Namespace) -> int:
    """Do what was asked for, and return the exit status."""
    from bench.runs.status import read_status, status_json, status_table

    cells = read_status(arguments.runs)
    print(status_json(cells) if arguments.json else status_table(cells, arguments.all))
    return 0
