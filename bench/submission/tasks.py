"""The files of a submission's tasks that are not of the package: they go into the leaderboard with its results."""

from collections.abc import Sequence
from pathlib import Path

from bench.errors import BadInput
from bench.files.limits import MOST_TASK_BYTES, MOST_WEIGHTS_BYTES
from bench.files.untrusted import read_named
from bench.submission.cells import SubmittedCell
from bench.submission.folder import LeaderboardFolder


def find_task_files(cells: Sequence[SubmittedCell], folder: LeaderboardFolder) -> tuple[dict[Path, bytes], list[Path]]:
    """Find the given task file of each cell, and the weights of its feature space.

    Returns:
        The content of each file that the leaderboard folder does not have, and the files that it has.

    Raises:
        BadInput: the folder has another file of the name, or the weights lie outside of the task's own folder; or a
            given file is no cell's.
    """
    files: dict[Path, bytes] = {}
    kept: list[Path] = []
    names = {cell.task.name for cell in cells}
    for task in folder.tasks.given.values():
        if task.name not in names:
            raise BadInput(f"--task {task.path}: no cell is of the task '{task.name}'")
        found = {folder.task_path(task): read_named(task.path, MOST_TASK_BYTES)}
        if task.features is not None:
            weights = task.features.weights
            if weights.is_absolute() or ".." in weights.parts:
                raise BadInput(f"{task.path}: features.weights is {weights}: give a path below the task file")
            content = read_named(task.path.parent / weights, MOST_WEIGHTS_BYTES)
            found[folder.task_path(task).parent / weights] = content
        for path, content in found.items():
            if not path.exists():
                files[path] = content
            elif path.read_bytes() == content:
                kept.append(path)
            else:
                raise BadInput(f"{path}: is another file than that of the cells: files here are never replaced")
    return files, kept
