"""`autophagy clean`: makes room in a runs folder."""

import argparse

from bench.cli.arguments import add_runs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.description = (
        "Remove of finished cells what was for the generations after: models, method states, separate "
        "synthetic images, rows of strips; of all cells, what killed writes have left and damaged files that were set "
        "aside. Records, strips and samples stay, and so does all that an unfinished cell needs to go on: board, "
        "submit, rescore, verify --samples and run work as before. A cell that is being run is left alone."
    )
    add_runs(parser)
    parser.add_argument(
        "--samples", action="store_true",
        help="samples of finished cells too, without which they cannot be submitted, rescored or verified",
    )  # fmt: skip
    parser.add_argument(
        "--first-generations", action="store_true",
        help="models of generation 1 too, if all cells are finished; what is run later trains its own, which on a GPU "
        "is not quite the same",
    )  # fmt: skip
    parser.add_argument("--dry-run", action="store_true", help="say what would be removed; remove nothing")
    parser.add_argument("--json", action="store_true", help="print JSON")


def execute(arguments: argparse.Namespace) -> int:
    """Do what was asked for, and return the exit status."""
    from bench.runs.clean import clean, cleaning_json, cleaning_table

    cleaning = clean(
        arguments.runs,
        samples=arguments.samples,
        first_generations=arguments.first_generations,
        dry_run=arguments.dry_run,
    )
    print((cleaning_json if arguments.json else cleaning_table)(cleaning, arguments.dry_run))
    return 0
