"""What the source of a method may use, and what it may not."""

import re
from pathlib import Path

import pytest

from bench import paths
from bench.cells.source import check_source
from bench.errors import BadInput
from bench.public import FOR_SCRIPTS


def complaint(path: Path) -> str | None:
    """Return why a file is refused, None where it is not."""
    try:
        check_source(path, path.read_bytes())
    except BadInput as error:
        return str(error)
    return None


def refusal(tmp_path: Path, source: str) -> str:
    path = tmp_path / "mine.py"
    path.write_text(f'"""A method."""\n\n{source}\n')
    message = complaint(path)
    assert message is not None
    assert re.match(rf"{path}:[34]: ", message)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import bench.scoring.scorer", "imports bench.scoring.scorer: of `bench`, use the names in docs/int"),
        ("import torch, bench.runs.run_folder as s", "imports bench.runs.run_folder: of `bench`, use the names"),
        ("import bench.methods.pool", "imports bench.methods.pool: write `from bench import Pool`"),
        ("import bench", "imports bench: write `from bench import Context, Method`, with the names that it uses"),
        ("from bench.methods.method import Method", "imports bench.methods.method: write `from bench import Method`"),
        (
            "from bench.method import Method, Context",
            "imports bench.method: write `from bench import Method, Cont",
        ),
        ("from bench.data.real import load_real_data", "imports bench.data.real: `bench` has no 'load_real_data' for"),
        ("from bench.methods.method import Reads, Method", "imports bench.methods.method: `bench` has no 'Reads' for"),
        (
            "from bench.data import real",
            "imports bench.data: `bench` has no 'real' for methods and generators: use",
        ),
        (
            "from bench import scoring",
            "imports bench: `bench` has no 'scoring' for methods and generators: use",
        ),
        (
            "from bench import Mehtod",
            "imports bench: `bench` has no 'Mehtod' for methods and generators: use the",
        ),
        ("from bench import FOR_FILES", "imports bench: `bench` has no 'FOR_FILES' for methods"),
        ("from bench import *", "imports bench: `bench` has no '*' for methods and generators"),
        (
            "from bench import Method, score",
            "imports bench: 'score' is for scripts and notebooks: use the names",
        ),
        (
            "from bench.api import score",
            "imports bench.api: 'score' is for scripts and notebooks: use the names",
        ),
        ("from . import helper", "a method is one file"),
        ("from .helper import f", "a method is one file"),
        ("from sklearn.datasets import load_digits", "imports sklearn.datasets: real images come from the loop alone"),
        ("from sklearn import datasets", "imports sklearn.datasets"),
        ("import torchvision.datasets.mnist", "imports torchvision.datasets.mnist"),
        ("import importlib", "imports importlib: a method may not reach around the interface"),
        ("from sys import modules", "imports sys"),
        ("import gc", "imports gc"),
        ("import pickle", "imports pickle"),
        ("__import__('bench.scoring.scorer')", "calls __import__"),
        ("eval('1')", "calls eval"),
        ("f = lambda ctx: ctx._real", "uses ctx._real: names with _ are the private parts"),
        ("f = lambda g: g.settings.__class__", "uses g.settings.__class__"),
        ("f = lambda ctx: getattr(ctx, '_real')", "uses getattr(ctx, '_real'): names with _ are the private parts"),
        ("f = lambda ctx: getattr(ctx, '_' + 'real')", "the name of an attribute must be written out"),
        ("f = lambda ctx: getattr(*[ctx, '_real'])", "the name of an attribute must be written out"),
        ("f = lambda ctx: list(map(getattr, [ctx], ['_real']))", "uses getattr: a method may not reach around"),
        ("f = lambda self: self._real", "uses self._real: names with _ are the private parts"),
        ("from operator import attrgetter", "imports attrgetter: a method may not reach around the interface"),
        ("f = lambda operator: operator.attrgetter('_real')", "uses operator.attrgetter: a method may not reach"),
        ("match f:\n    case object(_real=real): ...", "uses _real: names with _ are the private parts"),
        ("f = eval", "uses eval: a method may not reach around the interface"),
        ("f = lambda: vars()", "calls vars: a method may not reach around the interface"),
        ("f = lambda torch: torch.sys.modules", "uses torch.sys: a method may not reach around the interface"),
    ],
)
def test_what_reaches_around_the_interface_is_refused_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, said: str
):
    monkeypatch.setitem(FOR_SCRIPTS, "score", "bench.api")
    assert said in refusal(tmp_path, source)


@pytest.mark.parametrize(
    "source",
    [
        "import math, numpy as np, torch",
        "from sklearn.cluster import KMeans",
        "from torchvision.transforms import functional",
        "from bench import Context, Method, Pool as P",
        "from bench import derive_seed, draw_weights, LinearProbe",
        "class A:\n    def __init__(self):\n        super().__init__()\n        self._a = [x for x in self._b]",
        "class A:\n    @classmethod\n    def new(cls):\n        cls._shared = setattr(cls, '_kept', 1)",
        "class A:\n    def get(self, name):\n        return getattr(self, name)",
        "spread = lambda m: m.trace() + getattr(m, 'diagonal')().sum()",
        "import re\npattern = re.compile('a')\ndef vars(x): ...\nfit = vars",
    ],
)
def test_what_a_method_needs_is_allowed(tmp_path: Path, source: str):
    path = tmp_path / "mine.py"
    path.write_text(source)
    assert complaint(path) is None


@pytest.mark.parametrize("path", sorted(paths.BASELINES.glob("*.py")), ids=lambda path: path.stem)
def test_the_baselines_keep_the_rules(path: Path):
    assert complaint(path) is None


def test_a_file_that_is_no_python_is_refused(tmp_path: Path):
    path = tmp_path / "mine.py"
    path.write_text("class Mine(:\n")
    with pytest.raises(BadInput, match=r"mine\.py: cannot be imported: SyntaxError"):
        check_source(path, path.read_bytes())


@pytest.mark.parametrize("source", ["-" * 100_000 + "1", "a" + ".a" * 1500 + "._x", "(" * 1000 + ")" * 1000])
def test_a_source_that_is_nested_too_deeply_is_refused(tmp_path: Path, source: str):
    path = tmp_path / "deep.py"
    path.write_text(source)
    assert str(path) in (complaint(path) or "")
