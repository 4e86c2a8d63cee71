"""The method files of a submission: found and held against the hashes in the records, never executed."""

from collections.abc import Sequence
from pathlib import Path

from bench.errors import BadInput
from bench.files.hashing import file_sha256
from bench.submission.cells import SubmittedCell
from bench.submission.folder import LeaderboardFolder
from bench.submission.rules import baseline_sha256, check_method_file


def find_method_files(
    cells: Sequence[SubmittedCell], given: Sequence[Path], folder: LeaderboardFolder
) -> tuple[dict[Path, bytes], list[Path]]:
    """Find the file of each cell's method.

    Args:
        cells: the cells.
        given: files of methods.
        folder: the leaderboard folder, which may have the files already.

    Returns:
        The files that have to be written with their content, and those that are there already.

    Raises:
        BadInput: a file is missing, is not the one that a cell was run with, is not allowed, or has the name of
            another method; or a given file is no cell's.
    """
    by_name: dict[str, Path] = {}
    for path in given:
        check_method_file(path)
        if (other := by_name.setdefault(path.stem, path)) != path:
            raise BadInput(f"--method {path}: has the name of {other}: give one of them")
    used = sorted({cell.record.cell.method.name for cell in cells})
    for path in given:
        if path.stem not in used:
            raise BadInput(f"--method {path}: no cell was run with it: their methods are {', '.join(used)}")
    files: dict[Path, bytes] = {}
    kept: dict[Path, None] = {}
    for cell in cells:
        method = cell.record.cell.method
        if (baseline := baseline_sha256(method)) is not None:
            if baseline != method.sha256:
                raise BadInput(
                    f"{cell.path}: method '{method.name}' is not the baseline of this name (sha256 "
                    f"{method.sha256[:12]}..., the baseline's is {baseline[:12]}...): choose another name for yours, "
                    "or run the cell again with the baseline"
                )
            continue
        there, own = folder.method_path(method.name), by_name.get(method.name)
        if own is not None and file_sha256(own) != method.sha256:
            raise BadInput(
                f"--method {own}: not the file that {cell.path} was run with (sha256 {file_sha256(own)[:12]}..., in "
                f"the record {method.sha256[:12]}...): give the file as it was, or run the cell again"
            )
        if there.exists():
            if file_sha256(there) != method.sha256:
                raise BadInput(
                    f"{there}: is another method than the one that {cell.path} was run with: choose another name for "
                    f"yours, such as {method.name}_2, and run the cell again with it"
                )
            kept[there] = None
        elif own is None:
            raise BadInput(
                f"{cell.path}: its method '{method.name}' is no baseline: give its file: --method {method.name}.py"
            )
        else:
            files[there] = own.read_bytes()
    return files, list(kept)
