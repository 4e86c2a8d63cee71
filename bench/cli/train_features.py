"""`autophagy train-features`: trains a feature network of a task's own."""

import argparse

from bench.cli.arguments import add_data
from bench.errors import BadInput


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.description = (
        "Train a small classifier on a task's training images, write its weights beside the task file and its values "
        "into it: the score is then in its feature space. Takes some minutes on one CPU core. As the task is another "
        "one then, cells are run in a new runs folder."
    )
    parser.add_argument("task", metavar="TASK.toml", help="the task file, with classes")
    add_data(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Do what was asked for, and return the exit status."""
    from bench.cells.task import load_task
    from bench.features.train import train_features
    from bench.process.progress import Progress

    if not arguments.task.endswith(".toml"):
        raise BadInput(f"train-features {arguments.task}: give the path of a task file (.toml)")
    task = load_task(arguments.task)
    trained = train_features(task, arguments.data, Progress("train-features"))
    share = f"{trained.section.accuracy:.1%} of {task.data.reference} held-out images"
    print(f"{trained.weights}: the network labels {share} right, guessing {1 / len(task.data.classes):.1%}")
    print(f"{arguments.task}: is scored in the feature space '{trained.section.name}' from now on")
    return 0
