"""Completion in a shell, by argcomplete (an extra): options, and names of tasks, methods, generators, ..."""

import argparse
from collections.abc import Callable, Iterable

from bench.cells.generator_settings import GENERATOR_SUMMARIES
from bench.cells.loops import LOOP_KINDS
from bench.cells.own_spaces import space_summaries
from bench.cells.task import TIERS, task_names
from bench.paths import baseline_names

NAMES: dict[str, Callable[[], Iterable[str]]] = {
    "task": task_names,
    "method": baseline_names,
    "generator": lambda: GENERATOR_SUMMARIES,
    "loop": lambda: LOOP_KINDS,
    "tier": lambda: TIERS,
    "features": space_summaries,
}
LISTS = ("task", "method", "generator", "loop")


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer the shell, which asks through the environment, and end the process; do nothing without argcomplete."""
    try:
        import argcomplete
    except ImportError:
        return
    for action in _actions(parser):
        if action.dest in NAMES and action.type is None:
            action.completer = _completer(action.dest)  # type: ignore[attr-defined]
    argcomplete.autocomplete(parser)


def _actions(parser: argparse.ArgumentParser) -> Iterable[argparse.Action]:
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield from _actions(each)


def _completer(dest: str) -> Callable[..., list[str]]:
    def completer(prefix: str, **given: object) -> list[str]:
        """Return what the word may become; in a comma list the last name alone is completed."""
        before, comma, _ = prefix.rpartition(",") if dest in LISTS else ("", "", prefix)
        return [f"{before}{comma}{name}" for name in NAMES[dest]()]

    return completer
