"""The files of methods and generators, read as text: nothing of them is executed to build the board."""

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bench import paths
from bench.board.papers import Paper, papers_in
from bench.cells.cell import MethodIdentity
from bench.cells.earlier_files import earlier_file
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

    def is_for(self, loop: str, generator: str) -> bool:
        """Return whether its class says that it is for a loop and a generator; True where it says nothing of them."""
        said = _said(self.source)
        return loop in said.get("loops", (loop,)) and generator in said.get("generators", (generator,))

    @property
    def papers(self) -> tuple[Paper, ...]:
        """The papers that its description names, in its order."""
        return papers_in(self.description)


def file_that_tells(files: Mapping[tuple[str, str], MethodFile], method: MethodIdentity) -> MethodFile | None:
    """Return the file that says what a method is: its own, or the present one where an earlier one did the same.

    Args:
        files: by name and hash.
        method: what was run.
    """
    if (own := files.get((method.name, method.sha256))) is not None or earlier_file(method) is None:
        return own
    return next((file for file in files.values() if file.option == method.name), None)


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
    for path in sorted((leaderboard / room).glob("[!.]*.py")):
        # A submitted link could lead to any file of the machine that builds the board.
        if path.is_file() and not path.is_symlink():
            yield path, f"leaderboard/{room}/{path.name}"


def _baselines() -> list[Path]:
    return sorted(paths.BASELINES.glob("[!.]*.py"))


def _docstring(source: str) -> str:
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    described: list[ast.Module | ast.ClassDef] = [module]
    described += [node for node in module.body if isinstance(node, ast.ClassDef)]
    return next(filter(None, (ast.get_docstring(node) for node in described)), "")


@cache  # asked for every gap of every table
def _said(source: str) -> dict[str, tuple[str, ...]]:
    """Return the loops and generators that a class names in its body, as far as they are written out."""
    found: dict[str, tuple[str, ...]] = {}
    try:
        nodes = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return found
    for statement in (statement for node in nodes for statement in node.body):
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        for target in targets:
            if not isinstance(target, ast.Name) or target.id not in ("loops", "generators"):
                continue
            value = getattr(statement, "value", None)
            if isinstance(value, ast.Tuple | ast.List | ast.Set):
                words = [part.value for part in value.elts if isinstance(part, ast.Constant)]
                if len(words) == len(value.elts):
                    found[target.id] = tuple(word for word in words if isinstance(word, str))
    return found
