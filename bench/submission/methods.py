"""The files of a submission's methods and generators: held against the hashes in the records, never executed."""

from collections.abc import Callable, Sequence
from pathlib import Path

from bench.cells.cell import Cell, GeneratorIdentity, MethodIdentity
from bench.errors import BadInput
from bench.files.hashing import file_sha256
from bench.submission.cells import SubmittedCell
from bench.submission.folder import LeaderboardFolder
from bench.submission.rules import baseline_sha256, check_code_file, other_than_baseline


def find_method_files(
    cells: Sequence[SubmittedCell], given: Sequence[Path], folder: LeaderboardFolder
) -> tuple[dict[Path, bytes], list[Path]]:
    """Find the file of each cell's method; see `_find_files`.

    Raises:
        BadInput: a file is missing, is not the one that a cell was run with, is not allowed, or has the name of
            another method; or a given file is no cell's.
    """
    for cell in cells:
        method = cell.record.cell.method
        baseline = baseline_sha256(method)
        if baseline is not None and baseline != method.sha256:
            raise BadInput(f"{cell.path}: {other_than_baseline(method, baseline)}")

    def of(cell: Cell) -> MethodIdentity | None:
        return None if baseline_sha256(cell.method) else cell.method

    return _find_files("method", cells, given, folder.method_path, lambda cell: cell.method.name, of)


def find_generator_files(
    cells: Sequence[SubmittedCell], given: Sequence[Path], folder: LeaderboardFolder
) -> tuple[dict[Path, bytes], list[Path]]:
    """Find the file of each cell's generator, where it is from one; see `_find_files`.

    Raises:
        BadInput: as `find_method_files`.
    """

    def of(cell: Cell) -> GeneratorIdentity | None:
        return cell.generator if cell.generator.from_file else None

    return _find_files("generator", cells, given, folder.generator_path, lambda cell: cell.generator.name, of)


def _find_files(
    what: str,
    cells: Sequence[SubmittedCell],
    given: Sequence[Path],
    place: Callable[[str], Path],
    name_of: Callable[[Cell], str],
    from_file: Callable[[Cell], MethodIdentity | GeneratorIdentity | None],
) -> tuple[dict[Path, bytes], list[Path]]:
    """Find files of cells.

    Args:
        what: "method" or "generator".
        cells: the cells.
        given: files that were given.
        place: where the file of a name belongs in the leaderboard folder, which may have it already.
        name_of: the name of a cell's method or generator.
        from_file: its identity; None where the package has it.

    Returns:
        The files that have to be written with their content, and those that are there already.
    """
    by_name: dict[str, Path] = {}
    for path in given:
        check_code_file(path, what)
        if (other := by_name.setdefault(path.stem, path)) != path:
            raise BadInput(f"--{what} {path}: has the name of {other}: give one of them")
    used = sorted({name_of(cell.record.cell) for cell in cells})
    for path in given:
        if path.stem not in used:
            raise BadInput(f"--{what} {path}: no cell was run with it: their {what}s are {', '.join(used)}")
    files: dict[Path, bytes] = {}
    kept: dict[Path, None] = {}
    for cell in cells:
        if (identity := from_file(cell.record.cell)) is None:
            continue
        there, own, sha256 = place(identity.name), by_name.get(identity.name), identity.sha256 or ""
        if own is not None and file_sha256(own) != sha256:
            raise BadInput(
                f"--{what} {own}: not the file that {cell.path} was run with (sha256 {file_sha256(own)[:12]}..., in "
                f"the record {sha256[:12]}...): give the file as it was, or run the cell again"
            )
        if there.exists():
            if file_sha256(there) != sha256:
                raise BadInput(
                    f"{there}: is another {what} than the one that {cell.path} was run with: choose another name for "
                    f"yours, such as {identity.name}_2, and run the cell again with it"
                )
            kept[there] = None
        elif own is None:
            whose = "is no baseline" if what == "method" else "is from a file"
            raise BadInput(
                f"{cell.path}: its {what} '{identity.name}' {whose}: give its file: --{what} {identity.name}.py"
            )
        else:
            files[there] = own.read_bytes()
    return files, list(kept)
