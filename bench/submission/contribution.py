"""Check what a branch adds to the leaderboard: `python -m bench.submission.contribution BASE`, in a clone.

Results, methods and reproductions are only ever added. Nothing of what is added is executed. Exit status: 0 nothing
is wrong, 1 something is, 2 the check could not be made.
"""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BadInput
from bench.hashing import file_sha256
from bench.record import Record, read_record
from bench.submission.folder import LeaderboardFolder
from bench.submission.rules import (
    RECORD_BYTES,
    STRIP_SEED,
    baseline_sha256,
    check_method_file,
    check_record,
    check_strip,
    group_id,
    group_name,
    missing_seeds,
)

LEADERBOARD = Path("leaderboard")
ONLY_ADDED = {"results": (".json", ".png"), "methods": (".py",), "reproductions": (".json",)}
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
        return parts[1] if len(parts) > 2 and parts[0] == LEADERBOARD.name and parts[1] in ONLY_ADDED else None


def main(arguments: Sequence[str]) -> int:
    """Print what a branch adds and what is wrong with it; return the exit status."""
    try:
        if len(arguments) != 1:
            raise BadInput("give the commit that the branch is to be merged into: origin/main")
        root = Path(_git("rev-parse", "--show-toplevel").strip())
        changes = changed_files(arguments[0], root)
        problems = check_contribution(changes, root)
    except BadInput as error:
        print(f"contribution: error: {error}", file=sys.stderr)
        return 2
    for room in ONLY_ADDED:
        print(f"added     {sum(change.room == room for change in changes)} files to {LEADERBOARD / room}")
    for change in changes:
        if change.room is None:
            print(f"besides   {change.path!s}")
    for problem in problems:
        print(f"refused   {problem}")
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
    """Return what is wrong with changes, one line each."""
    problems = []
    plain = []
    for change in changes:
        if change.room is None:
            continue
        try:
            _check_change(change, change.room)
        except BadInput as error:
            problems.append(str(error))
        else:
            plain.append(change)
    folder = LeaderboardFolder(root / LEADERBOARD)
    records: dict[Path, Record] = {}
    # Results first: they say which methods and strips belong to them.
    for change in sorted(plain, key=lambda each: each.path.suffix != ".json"):
        try:
            if change.room == "results" and change.path.suffix == ".json":
                records[change.path] = _check_result(root / change.path, folder)
            elif change.room == "results":
                _check_added_strip(root / change.path)
            elif change.room == "methods":
                _check_added_method(root / change.path, folder)
        except BadInput as error:
            problems.append(str(error))
    for path, missing in _left_out(records, folder).items():
        problems.append(f"{path}: seeds {', '.join(map(str, missing))} are missing: all from 0 on are needed")
    return [" ".join(problem.replace(f"{root}/", "").split()) for problem in problems]


def _check_change(change: Change, room: str) -> None:
    if change.kind != "A":
        raise BadInput(f"{change.path}: was {CHANGES.get(change.kind, change.kind)}: files here are only added")
    if change.mode != PLAIN_FILE:
        raise BadInput(f"{change.path}: is no plain file (mode {change.mode}): allowed is {PLAIN_FILE}")
    if len(change.path.parts) != 3 or change.path.suffix not in ONLY_ADDED[room]:
        allowed = " and ".join(f"{LEADERBOARD / room}/NAME{suffix}" for suffix in ONLY_ADDED[room])
        raise BadInput(f"{change.path}: does not belong here: allowed are {allowed}")


def _check_result(path: Path, folder: LeaderboardFolder) -> Record:
    if (size := path.stat().st_size) > RECORD_BYTES:
        raise BadInput(f"{path}: {size:,} bytes: allowed are {RECORD_BYTES:,}")
    record = read_record(path)
    check_record(path, record)
    if path != folder.result_path(record.cell):
        raise BadInput(f"{path}: is the record of another cell than its name says: it belongs to {record.cell.slug}")
    method = record.cell.method
    if (baseline := baseline_sha256(method)) is not None:
        if baseline != method.sha256:
            raise BadInput(f"{path}: method '{method.name}' is not the baseline of this name: choose another name")
        return record
    file = folder.method_path(method.name)
    if not file.is_file():
        raise BadInput(f"{path}: the file of its method is missing: {file}")
    if file_sha256(file) != method.sha256:
        raise BadInput(f"{path}: was run with another file than {file}: their sha256 differ")
    return record


def _check_added_strip(path: Path) -> None:
    if not path.with_suffix(".json").is_file():
        raise BadInput(f"{path}: is the strip of no result: {path.stem}.json is not there")
    if f"-seed{STRIP_SEED}-" not in path.name:
        raise BadInput(f"{path}: strips are kept of seed {STRIP_SEED} alone")
    check_strip(path)


def _check_added_method(path: Path, folder: LeaderboardFolder) -> None:
    check_method_file(path)
    methods = {(record.cell.method.name, record.cell.method.sha256) for record in folder.records.values()}
    if (path.stem, file_sha256(path)) not in methods:
        raise BadInput(f"{path}: no result was run with this file")


def _left_out(added: dict[Path, Record], folder: LeaderboardFolder) -> dict[str, list[int]]:
    """Return the seeds that are missing in the groups of the added records, by the names of the groups."""
    groups = {group_id(record.cell): record.cell for record in added.values()}
    missing = {group_name(cell): missing_seeds(folder.groups[group]) for group, cell in groups.items()}
    return {name: seeds for name, seeds in missing.items() if seeds}


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
