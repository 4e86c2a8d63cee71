"""`autophagy check`: whether a method's or a generator's file keeps the rules."""

import argparse

from bench.cli.arguments import add_data
from bench.conformance.limits import ALL_SECONDS, HOOK_SECONDS
from bench.errors import BadInput


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.description = (
        "Run a method through every loop that it is for, at a tiny size, twice, killed and resumed, or try each "
        "promise of a generator in a few steps of training, and say what is wrong with it and where. A method that "
        "does little takes 20 s of one CPU core; one that trains networks of its own or fits many times takes longer. "
        f"One call of a hook may take {HOOK_SECONDS:g} s, and all of it {ALL_SECONDS / HOOK_SECONDS:g} times as much: "
        "networks are tiny here and budgets small, so that what a method trains must follow ctx.budget. Works in a "
        "temporary folder."
    )
    parser.add_argument(
        "file", metavar="FILE", help="of a method or a generator; parameters after colons: FILE:key=value"
    )
    parser.add_argument(
        "--hook-seconds", type=float, default=HOOK_SECONDS, metavar="N",
        help=f"how long one call of a method's hook may take (default {HOOK_SECONDS:g})",
    )  # fmt: skip
    parser.add_argument(
        "--task", metavar="TASK",
        help="try it on a tiny cut of the images of this task, or task file (.toml), in place of toys",
    )  # fmt: skip
    add_data(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def execute(arguments: argparse.Namespace) -> int:
    """Do what was asked for, and return the exit status."""
    from bench.cells.task import load_task
    from bench.conformance.check import check_file
    from bench.conformance.generator import check_generator
    from bench.conformance.kind import is_generator_file
    from bench.conformance.own_task import cut_task
    from bench.process.progress import Progress

    if not 0 < arguments.hook_seconds < float("inf"):
        raise BadInput(f"--hook-seconds {arguments.hook_seconds:g}: choose a number above 0")
    if arguments.data is not None and arguments.task is None:
        raise BadInput(f"--data {arguments.data}: goes with --task, whose images they are")
    progress, own = Progress("check"), None
    of_generator = is_generator_file(arguments.file)
    if arguments.task is not None:
        own = cut_task(load_task(arguments.task), arguments.data, progress)
    if of_generator:
        verdict = check_generator(arguments.file, progress, own)
    else:
        verdict = check_file(arguments.file, progress, hook_seconds=arguments.hook_seconds, own=own)
    print(verdict.to_json() if arguments.json else verdict.to_text())
    return 0 if verdict.passed else 1
