"""The files of methods, read as text: nothing of a method is executed to build the board."""

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench import paths
from bench.files.hashing import bytes_sha256
from bench.files.limits import MOST_METHOD_BYTES


@dataclass(frozen=True)
class MethodFile:
    """The file of a method.

    Attributes:
        option: what `--method` takes for it, from the root of the repository.
        source: its text.
        description: its docstring, or else that of its class; empty where it has neither.
    """

    option: str
    source: str
    description: str


def find_method_files(leaderboard: Path) -> dict[tuple[str, str], MethodFile]:
    """Return the methods' files of the package and of a leaderboard, by their names and hashes.

    Args:
        leaderboard: the folder whose methods/ has the files of submissions.
    """
    found = {}
    for path, option in _paths(leaderboard):
        if path.stat().st_size <= MOST_METHOD_BYTES:
            content = path.read_bytes()
            source = content.decode("utf-8", errors="replace")
            found[path.stem, bytes_sha256(content)] = MethodFile(option, source, _docstring(source))
    return found


def _paths(leaderboard: Path) -> Iterable[tuple[Path, str]]:
    for path in sorted((leaderboard / "methods").glob("*.py")):
        # A submitted link could lead to any file of the machine that builds the board.
        if path.is_file() and not path.is_symlink():
            yield path, f"leaderboard/methods/{path.name}"
    for path in sorted(paths.BASELINES.glob("*.py")):
        yield path, path.stem


def _docstring(source: str) -> str:
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    described: list[ast.Module | ast.ClassDef] = [module]
    described += [node for node in module.body if isinstance(node, ast.ClassDef)]
    return next(filter(None, (ast.get_docstring(node) for node in described)), "")
