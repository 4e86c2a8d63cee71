"""What is fuzzed: how inputs are made, and the command that they are given to."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from .commands import command_lines, run_command_line
from .documents import leaderboards, read_leaderboard, read_task, tasks
from .images import given_images, read_given_images
from .methods import methods, read_method
from .run_folders import read_run, run_folders
from .sandbox import Said, Sandbox


@dataclass(frozen=True)
class Target:
    """One kind of input.

    Attributes:
        name: of the kind.
        inputs: makes them.
        give: gives one to a command, in a sandbox, and holds what must hold against it.
        in_tests: how many are tried in the tests.
    """

    name: str
    inputs: st.SearchStrategy[Any]
    give: Callable[[Sandbox, Any], Said]
    in_tests: int


TARGETS = [
    Target("command lines", command_lines(), run_command_line, 50),
    Target("task files", tasks(), read_task, 100),
    Target("images", given_images, read_given_images, 50),
    Target("leaderboards", leaderboards(), read_leaderboard, 15),
    Target("methods", methods(), read_method, 30),
    Target("run folders", run_folders(), read_run, 12),
]
