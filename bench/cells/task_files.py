"""Where the task of a record is found: in the package, in a leaderboard's folder of tasks, or in a given file."""

from collections.abc import Sequence
from pathlib import Path

from bench.cells.cell import Cell
from bench.cells.task import Task, load_task, task_names
from bench.errors import BadInput


class KnownTasks:
    """The tasks of the package, those of a folder, whose files are named after them, and those of given files."""

    def __init__(self, folder: Path | None = None, given: Sequence[Path] = ()) -> None:
        """Read the given files.

        Raises:
            BadInput: a given file is no task's, or has the name of a task of the package.
        """
        self._folder = folder
        self._found: dict[str, Task | None] = {}  # a board asks for the task of every record
        self.given: dict[str, Task] = {}
        for path in given:
            if path.suffix != ".toml":
                raise BadInput(f"--task {path}: give a task file (.toml)")
            task = load_task(str(path))
            if task.name in task_names():
                raise BadInput(f"{path}: name = '{task.name}': is the name of a task of the package: choose another")
            self.given[task.name] = task

    def find(self, name: str) -> Task | None:
        """Return the task of this name, None where it is not known; the name may be anything, a path too.

        Raises:
            BadInput: its file is damaged, or is of another task than it says.
        """
        if name not in self._found:
            self._found[name] = self._read(name)
        return self._found[name]

    def _read(self, name: str) -> Task | None:
        if name in task_names():
            return load_task(name)
        if name in self.given:
            return self.given[name]
        if self._folder is None or not name.isidentifier() or not (path := self._folder / f"{name}.toml").is_file():
            return None
        if (task := load_task(str(path))).name != name:
            raise BadInput(f"{path}: name = '{task.name}': must be that of the file, '{name}'")
        return task

    def of_record(self, path: Path, cell: Cell) -> Task:
        """Return the task of a record's cell.

        Args:
            path: the record's file or folder, which the error message names.
            cell: that the record is of.

        Raises:
            BadInput: no such task, or a frozen record: the task has another version by now.
        """
        task = self.find(cell.task)
        if task is None:
            known = ", ".join([*task_names(), *self.given])
            raise BadInput(f"{path}: task = {cell.task!r}: there are {known}: give its file with --task FILE")
        if cell.task_version != task.version:
            raise BadInput(
                f"{path}: task_version = {cell.task_version}: a frozen record: of task '{task.name}' "
                f"{'this version of the benchmark' if task.name in task_names() else task.path} has {task.version}: "
                "run the cell again"
            )
        return task
