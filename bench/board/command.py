"""The commands that make a result again, and those that hold it against a new run."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from bench.cells.record import Record
from bench.cells.task import task_names


def run_command(
    record: Record,
    method: str | None,
    seeds: Sequence[int] = (),
    generator: str | None = None,
    task: Path | None = None,
) -> str:
    """Return the command line that reproduces a cell, quoted for a shell.

    What cannot be found from a hash is left to fill in: PATH for data that is not the task's own, PATH/NAME.py for a
    method or a generator whose file is not in the repository, and PATH/NAME.toml for such a task.

    Args:
        record: of the cell.
        method: what --method takes for its method's file, None where the repository does not have it.
        seeds: what to run instead of the record's own seed.
        generator: the path of its generator's file, None where that is not in the repository, or no file's.
        task: the task's file, where it is not of the package, None where that is not known.
    """
    cell, loop = record.cell, record.cell.loop
    numbers = ",".join(map(str, seeds or (cell.seed,)))
    option = f"{method or f'PATH/{cell.method.name}.py'}{cell.method.option.removeprefix(cell.method.name)}"
    made_by = cell.generator.option
    if cell.generator.from_file:
        file = f"{cell.generator.name}.py"
        made_by = f"{generator or f'PATH/{file}'}{made_by.removeprefix(file)}"
    words = ["autophagy", "run", "--task", _task_option(cell.task, task), "--generator", made_by]
    words += ["--loop", loop.kind, "--method", option, "--tier", cell.tier, "--seeds", numbers]
    words += ["--pool", loop.pool, "--sampling-bias", str(loop.sampling_bias)]
    words += ["--generations", str(loop.generations)]
    if loop.kind != "fully_synthetic":
        words += ["--n-real", str(loop.n_real)]
    words += ["--n-synthetic", str(loop.n_synthetic), "--n-initial", str(loop.n_initial), "--protocol", loop.protocol]
    if loop.contamination is not None:
        words += ["--contamination", str(loop.contamination)]
    if not record.data.pinned:
        words += ["--data", "PATH"]
    return shlex.join(words)


def _task_option(name: str, path: Path | None) -> str:
    return name if name in task_names() else str(path or f"PATH/{name}.toml")


def rescore_command(record: Record, features: str) -> str:
    """Return the command line that scores a finished cell in a feature space, for a shell."""
    return shlex.join(["autophagy", "rescore", f"runs/cells/{record.cell.slug}", "--features", features])


def verify_command(record: Record, method: str | None, generator: str | None = None) -> str:
    """Return the command line that runs a cell again and compares, for a shell; arguments as for `run_command`."""
    words = ["autophagy", "verify", f"leaderboard/results/{record.cell.slug}.json"]
    if method is None or method.endswith(".py"):
        words += ["--method", method or f"PATH/{record.cell.method.name}.py"]
    if record.cell.generator.from_file:
        words += ["--generator", generator or f"PATH/{record.cell.generator.name}.py"]
    if not record.data.pinned:
        words += ["--data", "PATH"]
    return shlex.join(words)
