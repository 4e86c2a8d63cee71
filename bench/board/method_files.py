"""The files of methods and generators, read as text: nothing of them is executed to build the board."""

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench import paths
from bench.board.papers import Paper, papers_in
from bench.files.hashing import bytes_sha256
from bench.files.limits import MOST_METHOD_BYTES


@dataclass(frozen=True)
class MethodFile:
    """The file of a method, or of a generator.

    Attributes:
        option: what `--method` or `--generator` takes for it, from the root of the repository.
        source: its text.
        description: its docstring, or else that of its class; empty where it has neither.
    """

    option: str
    source: str
    description: str

    @property
    def papers(self) -> tuple[Paper, ...]:
        """The papers that its description names, in its order."""
        return papers_in(self.description)


def find_method_files(leaderboard: Path) -> dict[tuple[str, str], MethodFile]:
    """Return the methods' files of the package and of a leaderboard, by their names and hashes.

    Args:
        leaderboard: the folder whose methods/ has the files of submissions.
    """
    return _read([*_submitted(leaderboard, "methods"), *((path, path.stem) for path in _baselines())])


def find_generator_files(leaderboard: Path) -> dict[tuple[str, str], MethodFile]:
    """Return the generators' files of a leaderboard, by their names and hashes; `leaderboard` as above."""
    return _read(_submitted(leaderboard, "generators"))


def _read(paths_and_options: Iterable[tuple[Path, str]]) -> dict[tuple[str, str], MethodFile]:
    found = {}
    for path, option in paths_and_options:
        if path.stat().st_size <= MOST_METHOD_BYTES:
            content = path.read_bytes()
            source = content.decode("utf-8", errors="replace")
            found[path.stem, bytes_sha256(content)] = MethodFile(option, source, _docstring(source))
    return found


def _submitted(leaderboard: Path, room: str) -> Iterable[tuple[Path, str]]:
    for path in sorted((leaderboard / room).glob("*.py")):
        # A submitted link could lead to any file of the machine that builds the board.
        if path.is_file() and not path.is_symlink():
            yield path, f"leaderboard/{room}/{path.name}"


def _baselines() -> list[Path]:
    return sorted(paths.BASELINES.glob("*.py"))


def _docstring(source: str) -> str:
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    described: list[ast.Module | ast.ClassDef] = [module]
    described += [node for node in module.body if isinstance(node, ast.ClassDef)]
    return next(filter(None, (ast.get_docstring(node) for node in described)), "")
