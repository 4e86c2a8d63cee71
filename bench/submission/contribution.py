"""Check what a branch adds to the leaderboard: `python -m bench.submission.contribution BASE`, in a clone.

Results, methods, generators, reproductions and submissions are only ever added. Nothing of what is added is executed.
Exit status: 0 nothing is wrong, 1 something is, 2 the check could not be made.
"""

import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from bench.board.results import SHEET, read_picture, read_sheet
from bench.cells.generator_settings import GENERATOR_SETTINGS
from bench.cells.record import Record, read_record
from bench.cells.reproduction import read_reproduction
from bench.cells.submitted import read_submitted
from bench.errors import BadInput
from bench.files.hashing import file_sha256
from bench.files.validation import in_one_line
from bench.paths import baseline_names
from bench.submission.folder import LeaderboardFolder
from bench.submission.rules import (
    STRIP_SEED,
    baseline_sha256,
    check_code_file,
    check_record,
    group_id,
    group_name,
    missing_seeds,
    other_than_baseline,
    seeds_of_groups,
)

LEADERBOARD = Path("leaderboard")
ONLY_ADDED = {
    "results": (".json", ".png"),
    "methods": (".py",),
    "generators": (".py",),
    "reproductions": (".json",),
    "submissions": (".json",),
}
CHANGES = {"M": "changed", "D": "deleted", "T": "replaced by something else"}
PLAIN_FILE = "100644"


@dataclass(frozen=True)
class Change:
    """What a branch does to a file.

    Attributes:
        path: of the file, from the root of the repository.
        kind: git's letter: A added, M changed, D deleted, T of another type.
        mode: git's mode of the file afterwards.
    """

    path: Path
    kind: str
    mode: str

    @property
    def room(self) -> str | None:
        """The folder of leaderboard/ in which files are only added that this one is in, None where it is in none."""
        parts = self.path.parts
        return parts[1] if len(parts) > 1 and parts[0] == LEADERBOARD.name and parts[1] in ONLY_ADDED else None


def main(arguments: Sequence[str]) -> int:
    """Print what a branch adds and what is wrong with it; return the exit status."""
    try:
        if len(arguments) != 1:
            raise BadInput("give the commit that the branch is to be merged into: origin/main")
        root = Path(_git("rev-parse", "--show-toplevel").strip())
        changes = changed_files(arguments[0], root)
        problems = check_contribution(changes, root)
    except BadInput as error:
        print(f"contribution: error: {in_one_line(error)}", file=sys.stderr)
        return 2
    for room in ONLY_ADDED:
        n = sum(change.room == room and change.kind == "A" for change in changes)
        print(f"added     {n} file{'s' * (n != 1)} to {LEADERBOARD / room}")
    for change in changes:
        if change.room is None:
            print(f"besides   {in_one_line(change.path)}")
    for problem in problems:
        print(f"refused   {in_one_line(problem)}")
    return 1 if problems else 0


def changed_files(base: str, root: Path) -> list[Change]:
    """Return how the working tree differs from the commit in which its branch left `base`; renames are two changes.

    Raises:
        BadInput: there is no such commit, or no git repository.
    """
    fields = _git("-C", str(root), "diff", "--raw", "-z", "--no-renames", "--merge-base", base, "--").split("\0")
    # ":OLD_MODE NEW_MODE OLD_HASH NEW_HASH KIND", then the path.
    changes = []
    for description, path in zip(fields[:-1:2], fields[1::2], strict=True):
        _, mode, _, _, kind = description.split()
        changes.append(Change(Path(path), kind, mode))
    return changes


def check_contribution(changes: Sequence[Change], root: Path) -> list[str]:
    """Return what is wrong with changes, one line each.

    Args:
        changes: of a branch.
        root: of the repository.

    Raises:
        BadInput: a result that was there before is damaged, or there is no leaderboard.
    """
    problems = []
    folder = LeaderboardFolder(root / LEADERBOARD)
    changed = {root / change.path for change in changes}
    # What was there before and what is added are kept apart: nothing but plain files of the branch is opened.
    before = [path for path in (root / LEADERBOARD / "results").rglob("*.json") if path not in changed]
    records = {path: read_record(path) for path in before}
    added = {}
    # Results first: they say which methods and pictures belong to them.
    for change in sorted(changes, key=lambda each: each.path.suffix != ".json"):
        path = root / change.path
        try:
            match change.room and _checked_change(change, change.room), path.suffix:
                case "results", ".json":
                    added[path] = records[path] = _check_result(path, folder)
                case "results", _:
                    _check_added_picture(path, added)
                case "methods", _:
                    _check_added_method(path, records.values())
                case "generators", _:
                    _check_added_generator(path, records.values())
                case "reproductions", _:
                    read_reproduction(path)
                case "submissions", _:
                    _check_added_submission(path, {record.cell_id for record in added.values()})
        except BadInput as error:
            problems.append(str(error))
    seeds = seeds_of_groups(records.values())
    for cell in {group_id(record.cell): record.cell for record in added.values()}.values():
        if missing := missing_seeds(seeds[group_id(cell)]):
            numbers = ", ".join(map(str, missing))
            problems.append(f"{group_name(cell)}: without the seeds {numbers}: all from 0 on are needed")
    return [problem.replace(f"{root}/", "") for problem in problems]


def _checked_change(change: Change, room: str) -> str:
    """Return the room of a change that adds a plain file with a plain name where it belongs."""
    if change.kind != "A":
        raise BadInput(f"{change.path}: was {CHANGES.get(change.kind, change.kind)}: files here are only added")
    if change.mode != PLAIN_FILE:
        raise BadInput(f"{change.path}: is no plain file (mode {change.mode}): must be {PLAIN_FILE}")
    allowed = ONLY_ADDED[room]
    plain = re.fullmatch(r"[a-z0-9][A-Za-z0-9_.+-]*", change.path.name)
    if len(change.path.parts) != 3 or change.path.suffix not in allowed or not plain:
        names = " and ".join(f"{LEADERBOARD / room}/NAME{suffix}" for suffix in allowed)
        raise BadInput(f"{change.path}: does not belong here: choose one of {names}")
    return room


def _check_result(path: Path, folder: LeaderboardFolder) -> Record:
    record = read_record(path)
    check_record(path, record, folder.tasks)
    if path != folder.result_path(record.cell):
        raise BadInput(f"{path}: is the record of another cell than its name says: it belongs to {record.cell.slug}")
    method, generator = record.cell.method, record.cell.generator
    if (baseline := baseline_sha256(method)) is None:
        _check_is_there(path, "method", folder.method_path(method.name), method.sha256)
    elif baseline != method.sha256:
        raise BadInput(f"{path}: {other_than_baseline(method, baseline)}")
    if generator.sha256 is not None:
        _check_is_there(path, "generator", folder.generator_path(generator.name), generator.sha256)
    return record


def _check_is_there(path: Path, what: str, file: Path, sha256: str) -> None:
    """Raise where the file that a record was run with is not in the leaderboard folder, or is another one."""
    if file.is_symlink() or not file.is_file():
        raise BadInput(f"{path}: the file of its {what} is missing: {file}")
    if file_sha256(file) != sha256:
        raise BadInput(f"{path}: was run with another file than {file}: their sha256 differ")


def _check_added_picture(path: Path, added: Mapping[Path, Record]) -> None:
    is_sheet = path.name.endswith(SHEET)
    if (record := added.get(path.with_name(f"{path.name.removesuffix(SHEET if is_sheet else '.png')}.json"))) is None:
        raise BadInput(f"{path}: is not a picture of a result that is added with it")
    if record.cell.seed != STRIP_SEED:
        raise BadInput(f"{path}: pictures are kept of seed {STRIP_SEED} alone")
    (read_sheet if is_sheet else read_picture)(path)


def _check_added_method(path: Path, records: Iterable[Record]) -> None:
    check_code_file(path, "method")
    if path.stem in baseline_names():
        raise BadInput(f"{path}: has the name of a baseline: choose another name")
    sha256 = file_sha256(path)
    if all((record.cell.method.name, record.cell.method.sha256) != (path.stem, sha256) for record in records):
        raise BadInput(f"{path}: no result was run with this file")


def _check_added_generator(path: Path, records: Iterable[Record]) -> None:
    check_code_file(path, "generator")
    if path.stem in GENERATOR_SETTINGS:
        raise BadInput(f"{path}: has the name of a generator of the benchmark: choose another name")
    sha256 = file_sha256(path)
    if all((record.cell.generator.name, record.cell.generator.sha256) != (path.stem, sha256) for record in records):
        raise BadInput(f"{path}: no result was run with this file")


def _check_added_submission(path: Path, added: Set[str]) -> None:
    """Raise where somebody would be named for results that are not added with it."""
    if others := [cell for cell in read_submitted(path).cells if cell not in added]:
        raise BadInput(f"{path}: names cell {others[0][:12]}..., whose result is not added with it")


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, errors="replace")
    except OSError as error:
        raise BadInput(f"git: {error.strerror}") from error
    if done.returncode:
        raise BadInput(f"git {' '.join(arguments)}: {done.stderr.strip().partition(chr(10))[0]}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
