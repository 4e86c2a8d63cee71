"""`autophagy check`: whether a method's file keeps the rules."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.description = (
        "Run a method through every loop that it is for, at a tiny size, twice, killed and resumed, and "
        "say what is wrong with it and where. Takes less than a minute on a CPU, in a temporary folder."
    )
    parser.add_argument("method", metavar="FILE", help="a method's file; parameters after colons: FILE:key=value")
    parser.add_argument("--json", action="store_true", help="print JSON")


def execute(arguments: argparse.Namespace) -> int:
    """Do what was asked for, and return the exit status."""
    from bench.conformance.check import check_file
    from bench.process.progress import Progress

    verdict = check_file(arguments.method, Progress("check"))
    print(verdict.to_json() if arguments.json else verdict.to_text())
    return 0 if verdict.passed else 1
