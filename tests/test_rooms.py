"""The rooms of `bench/`: which may import which, that no imports run in circles, and that tests mirror them."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# From the top floor down: what each room may import. "room.file" is that file alone.
HALL = {"errors", "paths", "public", "seeds"}
TABLE: dict[str, set[str]] = {
    "api": {"board", "executors", "scoring", "runs", "features", "data", "cells", "process"},
    "cli": {
        "submission", "threshold", "board", "executors", "conformance", "scoring", "methods", "runs", "features",
        "generators", "logs", "data", "cells", "files", "process",
    },
    "submission": {
        "board", "executors", "conformance", "scoring", "methods", "runs", "features", "generators", "data", "cells",
        "files", "process",
    },
    "threshold": {"executors", "scoring", "cells", "files", "process"},
    "board": {"cells", "files"},
    "executors": {
        "loop", "scoring", "methods", "runs", "features", "generators", "logs", "data", "cells", "files", "process",
    },
    "conformance": {
        "loop", "scoring", "methods", "runs", "features", "generators", "logs", "data", "cells", "files", "process",
    },
    "loop": {
        "scoring.scorer", "methods", "runs.journal", "runs.meter", "runs.strip", "generators", "data", "cells",
        "process.progress",
    },
    "scoring": {"runs", "features", "data", "cells", "files", "process", "metrics"},
    "methods": {
        "runs.strip", "features", "generators", "data.draws", "data.image_set", "cells", "files", "process",
    },
    "runs": {"generators", "logs", "data", "cells", "files", "process"},
    "features": {"data", "cells", "files", "process", "metrics"},
    "generators": {"data.image_set", "cells", "files", "process"},
    "logs": {"cells", "process"},
    "data": {"cells", "files", "process"},
    "cells": {"files"},
    "files": {"process"},
    "process": set(),
    "metrics": set(),
    "paths": {"errors"},
    "seeds": set(),
    "public": set(),
    "errors": set(),
}  # fmt: skip
# What a room may not import though the table or no table allows it.
NEVER: dict[str, set[str]] = {
    "board": {"torch"},
    "cells": {"torch"},
    "cli": {"numpy", "scipy"},
    "features": {"bench.cells.loops"},
    "generators": {"bench.cells.loops"},
    "logs.tensorboard": {"bench.logs.wandb"},
    "logs.wandb": {"bench.logs.tensorboard"},
}
# The door leads in from outside; the templates are files of those who stand there.
TEMPLATES = {"bench/methods/template.py", "bench/generators/template.py"}

MOST_LINES = 300
REASON = re.compile(r"^Longer than 300 lines because \S", re.MULTILINE)

# Folders of tests that mirror no room, and tests in a room that mirror no file of it.
OTHER_TESTS = {
    "benchmarks": "the scripts beside bench/",
    "end_to_end": "whole commands and whole cells",
    "faults": "kills, full disks and torn files",
    "fuzz": "made-up input of every kind",
    "parallel": "several processes at once",
}
WITHOUT_A_FILE = {
    "board/test_earlier_files.py": "records of files that have changed since, through the whole board",
    "board/test_accessibility.py": "the page in a browser, read by a machine",
    "board/test_browser.py": "the page in a browser",
    "board/test_palette.py": "the colours of the stylesheet",
    "board/test_hostile_records.py": "what strangers write, through the whole board",
    "board/test_links.py": "the links of the page",
    "board/test_recompute.py": "the page against an independent computation",
    "board/test_since.py": "since when the rule of a question stands, against the history of the repository",
    "generators/test_waits.py": "that no step of a training waits for the device",
    "board/test_trials.py": "methods that win without a cure, run for real",
    "conformance/test_baselines.py": "all baselines through the whole check",
    "conformance/test_rules.py": "ten ways around each rule, in the source and when they happen",
    "executors/test_worker_processes.py": "workers.py with real processes",
    "generators/test_abilities.py": "what methods may ask of a DDPM beyond training and sampling",
    "logs/test_logged_losses.py": "what generators hand to any log",
    "submission/test_generators.py": "a generator's file on its way to the leaderboard and back",
    "runs/test_earlier_folders.py": "runs folders of versions before",
    "metrics/test_processes.py": "all metrics on several processes",
}


@dataclass(frozen=True)
class Import:
    """One import of something in `bench`, or of a package."""

    file: str
    line: int
    module: str  # "bench.runs.stored", "bench" for the door, "torch"
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        names = f": {', '.join(self.names)}" if self.names else ""
        return f"{self.file}:{self.line} imports {self.module}{names}"


def imports_of(root: Path) -> Iterator[Import]:
    """Yield all imports of a package `bench`, those in functions and for type checkers too."""
    for path in sorted((root / "bench").rglob("*.py")):
        file = path.relative_to(root).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Import(names=names):
                    yield from (Import(file, node.lineno, alias.name) for alias in names)
                case ast.ImportFrom(module=module, names=names, level=level):
                    if level or module is None:
                        yield Import(file, node.lineno, f"{'.' * level}{module or ''}")
                        continue
                    whole = tuple(alias.name for alias in names)
                    inside = {name for name in whole if _is_module(root, f"{module}.{name}")}
                    yield from (Import(file, node.lineno, f"{module}.{name}") for name in sorted(inside))
                    if rest := tuple(name for name in whole if name not in inside):
                        yield Import(file, node.lineno, module, rest)


def _is_module(root: Path, name: str) -> bool:
    path = root.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def forbidden(root: Path) -> list[str]:
    """Return what breaks the table, with file, line and import."""
    found = []
    for each in imports_of(root):
        file = each.file.removeprefix("bench/").removesuffix(".py").replace("/", ".")
        room = file.partition(".")[0]
        if file == "__init__" or each.file in TEMPLATES:
            continue
        if each.module == "bench":
            wrong = True
        elif each.module.startswith("bench."):
            target = each.module.removeprefix("bench.")
            owner = target.partition(".")[0]
            allowed = {room, *HALL, *TABLE[room]} if room not in HALL else HALL
            wrong = owner not in allowed and target not in allowed
        else:
            wrong = each.module.startswith(".")  # all say in full where they lead
        banned = NEVER.get(room, set()) | NEVER.get(file, set())
        if wrong or any(each.module == name or each.module.startswith(f"{name}.") for name in banned):
            found.append(str(each))
    return found


def circle(root: Path) -> list[str]:
    """Return files that import each other in a circle, an empty list where there is none."""
    below: dict[str, set[str]] = {}
    for each in imports_of(root):
        path = root.joinpath(*each.module.split("."))
        target = path.with_suffix(".py") if path.with_suffix(".py").is_file() else path / "__init__.py"
        if each.file != "bench/__init__.py" and each.module != "bench" and target.is_file():
            below.setdefault(each.file, set()).add(target.relative_to(root).as_posix())
    done: set[str] = set()

    def visit(file: str, above: list[str]) -> list[str]:
        if file in above:
            return [*above[above.index(file) :], file]
        if file not in done:
            for target in sorted(below.get(file, ())):
                if found := visit(target, [*above, file]):
                    return found
            done.add(file)
        return []

    return next(filter(None, (visit(file, []) for file in sorted(below))), [])


def too_long(root: Path) -> list[str]:
    """Return the files with more lines than MOST_LINES whose docstring does not say why."""
    found = []
    for path in sorted((root / "bench").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        n = len(text.splitlines())
        if n > MOST_LINES and not REASON.search(ast.get_docstring(ast.parse(text)) or ""):
            found.append(f"{path.relative_to(root).as_posix()}: {n} lines")
    return found


def astray(root: Path) -> list[str]:
    """Return the tests that stand in no room, or mirror no file of theirs, or are excused in vain."""
    found = []
    for path in sorted((root / "tests").glob("*/test_*.py")):
        folder, name = path.parent.name, f"{path.parent.name}/{path.name}"
        rooms = root if folder == "baselines" else root / "bench"
        mirrored = (rooms / folder / path.name.removeprefix("test_")).is_file()
        if folder not in OTHER_TESTS and mirrored == (name in WITHOUT_A_FILE):
            found.append(f"tests/{name}")
    return found + [f"tests/{name}" for name in WITHOUT_A_FILE if not (root / "tests" / name).is_file()]


def test_every_room_imports_what_the_table_allows():
    assert forbidden(ROOT) == []


def test_the_table_has_every_room_and_leads_down():
    files = {path.stem for path in (ROOT / "bench").glob("*.py")} - {"__init__"}
    assert files | {path.parent.name for path in (ROOT / "bench").glob("*/__init__.py")} == set(TABLE)
    order = list(TABLE)
    for room, allowed in TABLE.items():
        assert all(order.index(target.partition(".")[0]) > order.index(room) for target in allowed), room


def test_no_files_import_each_other_in_a_circle():
    assert circle(ROOT) == []


def test_a_long_file_says_why_it_is_long():
    assert too_long(ROOT) == []


def test_tests_stand_where_the_code_does_that_they_test():
    assert astray(ROOT) == []


def test_the_rooms_are_explained_in_their_order():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    explained = [
        name for row in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE) for name in re.findall(r"`(\w+)", row)
    ]
    assert explained == list(TABLE)


def test_every_room_says_in_one_line_what_lives_there():
    for room in TABLE:
        init = ROOT / "bench" / room / "__init__.py"
        if init.exists():
            [statement] = ast.parse(init.read_text(encoding="utf-8")).body
            assert isinstance(statement, ast.Expr), room
            assert len(init.read_text(encoding="utf-8").splitlines()) == 1, room


def make(root: Path, files: dict[str, str]) -> Path:
    """Write a made-up tree."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.startswith("bench/"):
            (root / "bench" / "__init__.py").touch()
            (path.parent / "__init__.py").touch()
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("file", "text", "line", "module"),
    [
        ("board/a.py", "import bench.methods.method\n", 1, "bench.methods.method"),
        ("board/a.py", "from bench.methods.method import Method\n", 1, "bench.methods.method: Method"),
        ("board/a.py", "from bench.methods import method\n", 1, "bench.methods.method"),
        ("board/a.py", "from bench import methods\n", 1, "bench.methods"),
        ("board/a.py", "\ndef f():\n    from bench.executors.b import x\n", 3, "bench.executors.b: x"),
        ("board/a.py", "import torch.nn as nn\n", 1, "torch.nn"),
        ("cells/a.py", "from torch import Tensor\n", 1, "torch: Tensor"),
        (
            "cells/a.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from bench.data.b import x\n",
            3,
            "bench.data.b: x",
        ),
        ("cells/a.py", "from bench import Method\n", 1, "bench: Method"),
        ("metrics/a.py", "from bench.process.b import x\n", 1, "bench.process.b: x"),
        ("logs/wandb.py", "from bench.logs.tensorboard import x\n", 1, "bench.logs.tensorboard: x"),
        ("loop.py", "from bench.process.processes import x\n", 1, "bench.process.processes: x"),
        ("methods/a.py", "from bench.data.real import x\n", 1, "bench.data.real: x"),
        ("generators/a.py", "from bench.cells.loops import x\n", 1, "bench.cells.loops: x"),
        ("errors.py", "from bench.files.b import x\n", 1, "bench.files.b: x"),
        ("cli/a.py", "from ..loop import x\n", 1, "..loop"),
    ],
)
def test_what_the_table_does_not_allow_is_named(tmp_path: Path, file: str, text: str, line: int, module: str):
    tree = make(tmp_path, {f"bench/{file}": text, "bench/methods/method.py": ""})
    assert forbidden(tree) == [f"bench/{file}:{line} imports {module}"]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("board/a.py", "import json\nfrom bench import paths\nfrom bench.cells.b import x\n"),
        ("board/a.py", "from bench.board.b import x\nfrom bench.errors import BadInput\n"),
        ("loop.py", "from bench.process.progress import Progress\n"),
        ("methods/template.py", "from bench import Method\n"),
        ("__init__.py", "from bench.methods.method import Method\n"),
    ],
)
def test_what_the_table_allows_is_not_named(tmp_path: Path, file: str, text: str):
    assert forbidden(make(tmp_path, {f"bench/{file}": text, "bench/paths.py": ""})) == []


def test_a_circle_is_named_with_all_its_files(tmp_path: Path):
    files = {
        "bench/cells/a.py": "from bench.cells import b\n",
        "bench/cells/b.py": "def f():\n    import bench.cells.c\n",
        "bench/cells/c.py": "from bench.cells.a import x\n",
        "bench/cells/d.py": "from bench.cells.a import x\n",
    }
    names = ["bench/cells/a.py", "bench/cells/b.py", "bench/cells/c.py", "bench/cells/a.py"]
    assert circle(make(tmp_path, files)) == names
    assert circle(make(tmp_path, {"bench/cells/c.py": ""})) == []


def test_a_long_file_needs_its_reason_in_the_head(tmp_path: Path):
    lines = "x = 1\n" * 300
    files = {
        "bench/a.py": lines,
        "bench/b.py": f'"""Much."""\n{lines}',
        "bench/c.py": f'"""Much.\n\nLonger than 300 lines because it is one table.\n"""\n{lines}',
        "bench/d.py": f'"""Much."""\n# Longer than 300 lines because\n{lines}',
    }
    assert too_long(make(tmp_path, files)) == ["bench/b.py: 301 lines", "bench/d.py: 302 lines"]


def test_a_test_without_its_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("test_rooms.WITHOUT_A_FILE", {"cells/test_c.py": "all", "cells/test_d.py": "gone"})
    files = {
        "bench/cells/a.py": "",
        "tests/cells/test_a.py": "",
        "tests/cells/test_b.py": "",
        "tests/cells/test_c.py": "",
        "tests/attic/test_a.py": "",
        "tests/end_to_end/test_all.py": "",
    }
    assert astray(make(tmp_path, files)) == ["tests/attic/test_a.py", "tests/cells/test_b.py", "tests/cells/test_d.py"]
