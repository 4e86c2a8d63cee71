"""What is asked of cells that differ in the seed alone, and of the plain loop that they are compared with."""

import shlex
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from bench.board.command import run_command
from bench.board.seed_statistics import FEWEST_SEEDS
from bench.cells.cell import Cell, MethodIdentity
from bench.cells.record import Record
from bench.errors import BadInput
from bench.files.hashing import canonical_sha256
from bench.submission.cells import SubmittedCell
from bench.submission.folder import LeaderboardFolder
from bench.submission.rules import baseline_sha256, group_id, group_name, missing_seeds

PLAIN_LOOP = "none"


def groups_of(cells: Sequence[SubmittedCell]) -> list[list[SubmittedCell]]:
    """Return the cells in groups that differ in the seed alone, in the order of the seeds."""
    groups = defaultdict(list)
    for cell in sorted(cells, key=lambda each: each.record.cell.seed):
        groups[group_id(cell.record.cell)].append(cell)
    return list(groups.values())


def seed_notes(
    group: Sequence[SubmittedCell], folder: LeaderboardFolder, methods: Sequence[Path], generators: Sequence[Path] = ()
) -> list[str]:
    """Say of a group whether it has too few seeds to be ranked.

    Args:
        group: cells that differ in the seed alone.
        folder: the leaderboard folder, which may have other seeds of the group.
        methods: the method files that were given.
        generators: the generator files that were given.

    Raises:
        BadInput: seeds are left out.
    """
    cell = group[0].record.cell
    seeds = {each.record.cell.seed for each in group} | folder.seeds.get(group_id(cell), set())
    files = {path.stem: path for path in methods}
    option = str(files.get(cell.method.name) or _option(cell.method, folder))
    made_by = _generator(cell, folder, generators)
    if missing := missing_seeds(seeds):
        raise BadInput(
            f"{group[0].path}: {_seeds(missing)} of {group_name(cell)} missing beside {_seeds(sorted(seeds))}: all "
            "from 0 on are needed, so that nobody chooses among them: give them too, or run them: "
            f"{_command(group[0], cell, option, missing, made_by)}"
        )
    if len(seeds) >= FEWEST_SEEDS:
        return []
    more = range(len(seeds), FEWEST_SEEDS)
    return [
        f"{group_name(cell)}: {len(seeds)} seed{'s' * (len(seeds) > 1)} of the {FEWEST_SEEDS} that are needed: shown, "
        f"not ranked: {_command(group[0], cell, option, more, made_by)}"
    ]


def data_notes(group: Sequence[SubmittedCell]) -> list[str]:
    """Say of a group whether its real images are others than the task's."""
    record = group[0].record
    if record.data.pinned:
        return []
    reason = (
        "these are not the real images that the task pins"
        if group[0].task.data.pins_hashes
        else "the task pins no real images"
    )
    return [f"{group_name(record.cell)}: {reason}: it is shown apart"]


def plain_loop_notes(
    cells: Sequence[SubmittedCell], folder: LeaderboardFolder, generators: Sequence[Path] = ()
) -> list[str]:
    """Say which cells have no plain loop of their seed to be compared with, and how to run it."""
    records = [*folder.records.values(), *(cell.record for cell in cells)]
    with_plain = {
        (_setting(record), record.cell.seed)
        for record in records
        if record.cell.method.name == PLAIN_LOOP and record.cell.loop.pool == "previous"
    }
    without: dict[str, list[SubmittedCell]] = defaultdict(list)
    for cell in cells:
        if (_setting(cell.record), cell.record.cell.seed) not in with_plain:
            without[_setting(cell.record)].append(cell)
    notes = []
    for group in without.values():
        first = group[0].record.cell
        plain_loop = {
            "method": first.method.model_copy(update={"name": PLAIN_LOOP, "params": {}}),
            "loop": first.loop.model_copy(update={"pool": "previous"}),
        }
        plain = first.model_copy(update=plain_loop)
        seeds = sorted({each.record.cell.seed for each in group})
        names = ", ".join(sorted({group_name(each.record.cell) for each in group}))
        notes.append(
            f"{names}: no comparison without the plain loop of {_seeds(seeds)}: "
            f"{_command(group[0], plain, PLAIN_LOOP, seeds, _generator(first, folder, generators))}"
        )
    return notes


def _setting(record: Record) -> str:
    """Return what a cell and the plain loop that it is compared with share, besides the seed."""
    content = record.cell.model_dump(mode="json", exclude={"method": True, "seed": True, "loop": {"pool"}})
    return canonical_sha256([content, record.data.sha256])


def _option(method: MethodIdentity, folder: LeaderboardFolder) -> str:
    """Return what `--method` takes for a method of a submission, all of whose files were found."""
    return method.name if baseline_sha256(method) else str(folder.method_path(method.name))


def _generator(cell: Cell, folder: LeaderboardFolder, given: Sequence[Path]) -> str:
    """Return the path of the file of a cell's generator, where it is from one."""
    files = {path.stem: path for path in given}
    return str(files.get(cell.generator.name) or folder.generator_path(cell.generator.name))


def _command(beside: SubmittedCell, cell: Cell, method: str, seeds: Sequence[int], generator: str) -> str:
    """Return the command that runs a cell with these seeds, in the runs folder of the cell `beside`."""
    record = beside.record.model_copy(update={"cell": cell, "cell_id": cell.id})
    command = run_command(record, method, seeds, generator, beside.task.path)
    runs = beside.path.resolve().parent.parent
    return command if runs == Path("runs").resolve() else f"{command} --runs {shlex.quote(str(runs))}"


def _seeds(numbers: Sequence[int]) -> str:
    return f"seed{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"
