"""What SECURITY.md promises and no other test holds: what is executed, what is unpickled, who is connected to."""

import ast
import shutil
import socket
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from builders import QUIET

import bench
from bench import paths
from bench.cells.record import read_record
from bench.cli.main import main
from bench.conformance.check import check_file

PACKAGE = Path(bench.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
GAUSSIAN = ["--task", "gaussian", "--generator", "gaussian", "--loop", "fully_synthetic", "--generations", "1"]
# It says that it was run, in each way that a file can be.
METHOD = """from pathlib import Path

from bench import Method

Path({trace!r}).touch()


class Mine(Method):
    '''Mine.'''
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A runs folder with a finished cell of the plain loop."""
    folder = tmp_path_factory.mktemp("runs")
    assert main(["run", *GAUSSIAN, "--runs", str(folder), "--device", "cpu"]) == 0
    return folder


@pytest.fixture
def place(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a finished cell and a leaderboard, and a stranger's method wherever one could be looked for."""
    shutil.copytree(runs, tmp_path / "runs")
    [cell] = (tmp_path / "runs" / "cells").iterdir()
    results = tmp_path / "leaderboard" / "results"
    results.mkdir(parents=True)
    shutil.copytree(paths.LEADERBOARD / "questions", tmp_path / "leaderboard" / "questions")
    record = read_record(cell / "record.json")
    method = record.cell.method.model_copy(update={"name": "mine"})
    changed = record.cell.model_copy(update={"method": method})
    (results / "mine.json").write_text(
        record.model_copy(update={"cell": changed, "cell_id": changed.id}).to_json(), encoding="utf-8"
    )
    text = METHOD.format(trace=str(tmp_path / "trace"))
    for folder in (tmp_path, tmp_path / "leaderboard" / "methods", results, cell, tmp_path / "runs"):
        folder.mkdir(exist_ok=True)
        for name in ("mine.py", "none.py", "conftest.py", "sitecustomize.py"):
            (folder / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, ""])
    return tmp_path


def cell_of(place: Path) -> str:
    [cell] = (place / "runs" / "cells").iterdir()
    return str(cell)


COMMANDS: dict[str, Callable[[Path], list[str]]] = {
    "board": lambda place: ["board", "--results", "leaderboard/results", "--out", "site"],
    "board of runs": lambda place: ["board", "--results", "runs", "--out", "site"],
    "submit": lambda place: ["submit", cell_of(place)],
    "submit with the method": lambda place: ["submit", cell_of(place), "--method", "mine.py"],
    "verify": lambda place: ["verify", "leaderboard/results/mine.json"],
    "verify samples": lambda place: ["verify", f"{cell_of(place)}/record.json", "--samples", cell_of(place)],
    "rescore": lambda place: ["rescore", cell_of(place), "--features", "identity"],
    "status": lambda place: ["status", "--runs", "runs"],
    "score": lambda place: ["score", "runs", "runs", "--features", "identity"],
    "data": lambda place: ["data", "gaussian"],
    "list": lambda place: ["list"],
    "a baseline of the package": lambda place: [
        "run",
        *GAUSSIAN,
        "--runs",
        "new",
        "--method",
        "none",
        "--device",
        "cpu",
    ],
}


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every attempt to connect, or to look up the address of a machine."""
    attempts: list[object] = []

    def refuse(*arguments: object) -> None:
        attempts.append(arguments)
        raise OSError("there is no network")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    for name in ("getaddrinfo", "gethostbyname", "create_connection"):
        monkeypatch.setattr(socket, name, refuse)
    return attempts


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_no_command_runs_a_method_unasked_or_connects_to_anything(
    command: Callable[[Path], list[str]], place: Path, no_network: list[object]
):
    assert main(command(place)) in (0, 2)
    assert not (place / "trace").exists()
    assert no_network == []


def test_the_method_would_have_left_a_trace(place: Path):
    """That the test above can fail."""
    assert main(["run", *GAUSSIAN, "--runs", "new", "--method", "mine.py", "--device", "cpu"]) == 0
    assert (place / "trace").exists()


def test_check_connects_to_nothing(tmp_path: Path, no_network: list[object]):
    (tmp_path / "mine.py").write_text(METHOD.format(trace=str(tmp_path / "trace")))
    check_file(
        str(tmp_path / "mine.py"), QUIET, choose=lambda cells: [each for each in cells if each.task == "gaussian"][:1]
    )
    assert no_network == []


@cache
def nodes() -> list[tuple[str, ast.AST]]:
    """The syntax of the package, with the module that it is from."""
    return [
        (str(path.relative_to(PACKAGE)), node)
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    ]


@cache
def calls() -> list[tuple[str, str, ast.Call]]:
    """Every call in the package: the module, what is called, and the call."""
    return [(module, ast.unparse(node.func), node) for module, node in nodes() if isinstance(node, ast.Call)]


def keywords(call: ast.Call) -> dict[str | None, str]:
    return {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}


def test_nothing_of_the_package_unpickles():
    """PyTorch's reader of weights alone, which builds tensors, and stand-ins that do nothing for CIFAR-10."""
    assert {module for module, name, _ in calls() if name == "torch.load"} == {
        "features/dinov2.py", "features/efficientnet_lite0.py",
    }  # fmt: skip
    assert all(keywords(call)["weights_only"] == "True" for _, name, call in calls() if name == "torch.load")
    assert all(keywords(call)["allow_pickle"] == "False" for _, name, call in calls() if name == "np.load")
    forbidden = ("pickle.load", "pickle.loads", "Unpickler", "joblib.load", "shelve.open", "marshal.load", "yaml.load")
    assert [(module, name) for module, name, _ in calls() if name in forbidden] == []
    modules = {"pickle", "marshal", "shelve", "dill", "joblib"}
    importing = {
        module
        for module, node in nodes()
        if isinstance(node, ast.Import) and modules & {alias.name for alias in node.names}
    }
    assert importing == {"data/published.py", "features/dinov2.py"}


def test_text_is_run_as_code_in_one_place():
    assert {(module, name) for module, name, _ in calls() if name in ("exec", "eval", "compile", "__import__")} == {
        ("cells/class_file.py", "exec"), ("cells/class_file.py", "compile"),
    }  # fmt: skip


def test_no_program_is_started_through_a_shell():
    assert [(module, name) for module, name, _ in calls() if name in ("os.system", "os.popen")] == []
    assert [name for _, name, call in calls() if "shell" in keywords(call)] == []


def test_files_are_fetched_from_two_places_alone():
    """The published weights, which have a hash; and torchvision's data sets, which have one, too."""
    assert {module for module, name, _ in calls() if "urlopen" in name or "urlretrieve" in name} == {
        "features/weights.py"
    }


@pytest.mark.parametrize("name", ["SECURITY.md"])
def test_every_test_that_is_named_is_there(name: str):
    text = (PACKAGE.parent / name).read_text(encoding="utf-8")
    named = [part for part in text.split("`") if part.startswith("tests/")]
    assert len(named) > 8
    for part in named:
        path, _, test = part.partition("::")
        assert (PACKAGE.parent / path).exists(), part
        assert not test or f"def {test}(" in (PACKAGE.parent / path).read_text(encoding="utf-8"), part
