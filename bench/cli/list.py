"""`autophagy list`: what there is to choose from."""

import argparse
import json

from bench.cells.class_summary import class_summary
from bench.cells.generator_settings import GENERATOR_SUMMARIES
from bench.cells.loops import LOOP_KINDS, LOOP_SUMMARIES
from bench.cells.own_spaces import space_summaries
from bench.cells.task import load_task, task_names
from bench.paths import BASELINES, baseline_names

LISTS = ("tasks", "methods", "generators", "loops", "features")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("what", nargs="?", choices=LISTS, help="only this list")
    parser.add_argument("--json", action="store_true", help="print JSON")


def execute(arguments: argparse.Namespace) -> int:
    """Do what was asked for, and return the exit status."""
    wanted = LISTS if arguments.what is None else (arguments.what,)
    content = {what: _list_content(what) for what in wanted}
    if arguments.json:
        print(json.dumps(content, indent=2))
        return 0
    for what, summaries in content.items():
        print(f"{what}:")
        width = max(map(len, summaries))
        for name, summary in summaries.items():
            print(f"  {name:{width}}  {summary}")
    return 0


def _list_content(what: str) -> dict[str, str]:
    match what:
        case "tasks":
            return {name: f"{(task := load_task(name)).title} ({', '.join(task.tiers)})" for name in task_names()}
        case "methods":
            return {name: class_summary(BASELINES / f"{name}.py") for name in baseline_names()}
        case "generators":
            return GENERATOR_SUMMARIES
        case "loops":
            return {kind: LOOP_SUMMARIES[kind] for kind in LOOP_KINDS}
        case _:
            return space_summaries()
