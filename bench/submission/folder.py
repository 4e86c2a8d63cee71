"""The leaderboard folder: its result files, and the files of methods and generators of submissions."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from bench.cells.cell import Cell
from bench.cells.record import Record, read_record
from bench.cells.task import Task
from bench.cells.task_files import KnownTasks
from bench.errors import BadInput
from bench.files.hidden import visible
from bench.submission.rules import seeds_of_groups


class LeaderboardFolder:
    """A leaderboard folder.

    It has results/SLUG.json, the strip of a result beside it as SLUG.png, methods/NAME.py, generators/NAME.py, in
    submissions/*.json who has submitted them and, where it has results of tasks that are not of the package,
    tasks/NAME.toml.
    """

    def __init__(self, path: Path, given_tasks: Sequence[Path] = ()) -> None:
        """Use the folder at `path`, and tasks that it may not have yet.

        Raises:
            BadInput: there is none, or a task's file is not valid.
        """
        if not path.is_dir():
            raise BadInput(
                f"{path}: no such folder: start this in a clone of the repository, or give --leaderboard the "
                "leaderboard folder of one"
            )
        self.path = path
        self.tasks = KnownTasks(path / "tasks", given_tasks)

    def result_path(self, cell: Cell) -> Path:
        """Return where the record of a cell belongs."""
        return self.path / "results" / f"{cell.slug}.json"

    def method_path(self, name: str) -> Path:
        """Return where the file of a submitted method belongs."""
        return self.path / "methods" / f"{name}.py"

    def generator_path(self, name: str) -> Path:
        """Return where the file of a submitted generator belongs."""
        return self.path / "generators" / f"{name}.py"

    def task_path(self, task: Task) -> Path:
        """Return where the file of a task belongs that is not of the package."""
        return self.path / "tasks" / f"{task.name}.toml"

    @cached_property
    def records(self) -> dict[str, Record]:
        """The records of the folder by the ids of their cells.

        Raises:
            BadInput: a result file is damaged.
        """
        records = map(read_record, sorted(visible((self.path / "results").rglob("*.json"), self.path)))
        return {record.cell_id: record for record in records}

    @cached_property
    def seeds(self) -> dict[str, set[int]]:
        """The seeds of each group."""
        return seeds_of_groups(self.records.values())
