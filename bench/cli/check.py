"""`autophagy check`: whether a method's or a generator's file keeps the rules."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.description = (
        "Run a method through every loop that it is for, at a tiny size, twice, killed and resumed, or try each "
        "promise of a generator in a few steps of training, and say what is wrong with it and where. Takes less than "
        "a minute on a CPU, in a temporary folder."
    )
    parser.add_argument(
        "file", metavar="FILE", help="of a method or a generator; parameters after colons: FILE:key=value"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def execute(arguments: argparse.Namespace) -> int:
    """Do what was asked for, and return the exit status."""
    from bench.conformance.check import check_file
    from bench.conformance.generator import check_generator
    from bench.conformance.kind import is_generator_file
    from bench.process.progress import Progress

    check = check_generator if is_generator_file(arguments.file) else check_file
    verdict = check(arguments.file, Progress("check"))
    print(verdict.to_json() if arguments.json else verdict.to_text())
    return 0 if verdict.passed else 1
