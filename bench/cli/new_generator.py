"""`autophagy new-generator`: writes a generator's file to start from."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("name", metavar="NAME", help="of the generator: lower case, digits and _")


def execute(arguments: argparse.Namespace) -> int:
    """Do what was asked for, and return the exit status."""
    from bench.generators.new import write_new_generator

    path = write_new_generator(arguments.name, Path())
    print(f"{path} is a generator that works: change it, and then\nautophagy check {path}")
    return 0
