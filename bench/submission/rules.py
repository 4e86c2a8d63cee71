"""What must hold of every result and every method file under leaderboard/. Nothing of a submission is executed."""

import io
import tokenize
from collections import defaultdict
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from bench.cells.cell import Cell, MethodIdentity
from bench.cells.earlier_files import earlier_file
from bench.cells.generator_settings import GENERATOR_SETTINGS
from bench.cells.outside import outside_uses
from bench.cells.record import Record
from bench.cells.source import check_source
from bench.cells.task_files import KnownTasks
from bench.errors import BadInput
from bench.files.hashing import canonical_sha256, file_sha256
from bench.files.limits import MOST_METHOD_BYTES, is_method_name
from bench.files.untrusted import read_untrusted
from bench.files.validation import shown
from bench.paths import BASELINES, baseline_names

STRIP_SEED = 0  # the others would make the repository large and show the same
LISTED_SEEDS = 20


def check_record(path: Path, record: Record, tasks: KnownTasks) -> None:
    """Hold a record against its task, one of `tasks`, and against what is asked of every result.

    Raises:
        BadInput: it was not made under the conditions of the task's tier, or by a changed benchmark.
    """
    cell, score = record.cell, record.score
    task = tasks.of_record(path, cell)
    tier = task.tiers[cell.tier]
    if cell.generator.from_file and cell.generator.name in GENERATOR_SETTINGS:
        raise BadInput(f"{path}: generator '{cell.generator.name}' is one of the benchmark: choose another name")
    if not cell.generator.from_file and cell.generator.name not in tier.generators:
        raise BadInput(
            f"{path}: generator = {cell.generator.name!r}: task '{task.name}' has {', '.join(tier.generators)} in the "
            f"tier {cell.tier}"
        )
    if record.task_sha256 not in (None, task.sha256):
        raise BadInput(
            f"{path}: task_sha256 = {record.task_sha256}: {task.path.name} of this version has {task.sha256}: run the "
            "cell again with it"
        )
    expected: dict[str, object] = {"features": task.space_name(cell.tier), "n": tier.n_score, "k": task.score.k}
    if task.features is not None:
        expected["features_sha256"] = task.features.sha256
    # A tier that shrinks the images has other hashes than those that the task pins.
    whole = tier.size in (None, task.data.size)
    if record.data.pinned and whole and tier.n_score == task.data.reference:
        expected["reference_sha256"] = task.data.reference_sha256
    for key, value in expected.items():
        if (found := getattr(score, key)) != value:
            raise BadInput(f"{path}: score.{key} = {found}: the tier {cell.tier} of task '{task.name}' has {value}")
    if record.data.pinned and not task.data.pins_hashes:
        raise BadInput(f"{path}: data.pinned = true: task '{task.name}' pins no hashes: must be false")
    if record.data.pinned and whole and record.data.sha256 != task.data.training_sha256:
        raise BadInput(
            f"{path}: data.sha256 = {record.data.sha256} and data.pinned = true: task '{task.name}' pins "
            f"{task.data.training_sha256}"
        )
    if record.undeclared:
        found = ", ".join(f'"{use}"' for use in record.undeclared)
        raise BadInput(
            f"{path}: the method was seen to use {found}, which its class does not declare: `autophagy check` says "
            "what to write into its `uses`; then run the cell again"
        )
    if record.environment.dirty:
        raise BadInput(
            f"{path}: environment.dirty = true: files of the benchmark itself were changed and not committed when the "
            "cell was run, so nobody can run it again: undo or commit the changes (git status shows them), and run "
            "the cell again with another --runs folder"
        )


def check_code_file(path: Path, what: str) -> None:
    """Check the file of a method or a generator of a submission, without executing it.

    Args:
        path: of the file.
        what: "method" or "generator".

    Raises:
        BadInput: its name, size or encoding is not allowed, or its source uses what no such file may use.
    """
    if path.suffix != ".py" or not path.exists():
        raise BadInput(f"{path}: no such .py file: a {what} is one Python file")
    if not is_method_name(path.stem):
        raise BadInput(f"{path}: a {what}'s file is named in lower case, digits and _, found {shown(path.stem)}")
    content = read_untrusted(path, MOST_METHOD_BYTES)
    try:
        content.decode("utf-8")
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
    except (UnicodeDecodeError, SyntaxError) as error:
        raise BadInput(f"{path}: cannot be read as UTF-8 text") from error
    if encoding not in ("utf-8", "utf-8-sig"):
        raise BadInput(f"{path}: says that its encoding is {encoding}: must be utf-8")
    check_source(path, content)
    if uses := outside_uses(path, content):
        raise BadInput(f"{path.with_name(uses[0])}: a method sees what the loop hands it, and no files")


def baseline_sha256(method: MethodIdentity) -> str | None:
    """Return the hash of the baseline of this method's name, None where there is no such baseline."""
    return file_sha256(BASELINES / f"{method.name}.py") if method.name in baseline_names() else None


def other_than_baseline(method: MethodIdentity, baseline: str) -> str:
    """Say what a cell's method is that has a baseline's name and another file than its present one, of this hash."""
    hashes = f"sha256 {method.sha256[:12]}..., the baseline's is {baseline[:12]}..."
    if earlier := earlier_file(method):
        return (
            f"method '{method.name}' is the baseline as it was before {earlier.date} ({hashes}): run the cell again "
            "with the present one"
        )
    return (
        f"method '{method.name}' is not the baseline of this name ({hashes}): choose another name for yours, or run "
        "the cell again with the baseline"
    )


def group_id(cell: Cell) -> str:
    """Return what the cells share that differ in nothing but the seed."""
    return canonical_sha256(cell.model_dump(mode="json", exclude={"seed"}))


def group_name(cell: Cell) -> str:
    """Return a readable name of the group: the cell's without its seed."""
    return cell.slug.rpartition("-seed")[0]


def seeds_of_groups(records: Iterable[Record]) -> dict[str, set[int]]:
    """Return the seeds of each group."""
    groups = defaultdict(set)
    for record in records:
        groups[group_id(record.cell)].add(record.cell.seed)
    return dict(groups)


def missing_seeds(seeds: Iterable[int]) -> list[int]:
    """Return the seeds that a group must have besides these: all from 0 on, so that nobody chooses the best ones.

    Of more than LISTED_SEEDS the first are returned: a record can have any seed.
    """
    found = set(seeds)
    return list(islice((seed for seed in range(max(found)) if seed not in found), LISTED_SEEDS))
