"""Files that baselines had before."""

import datetime
from pathlib import Path

import pytest

from bench import paths
from bench.cells import earlier_files
from bench.cells.cell import Cell, MethodIdentity
from bench.cells.earlier_files import EarlierFile, earlier_cells, earlier_file, read_earlier_files
from bench.cells.loops import Loop
from bench.errors import BadInput
from bench.files.hashing import file_sha256
from bench.paths import baseline_names

DAY = datetime.date(2026, 1, 2)
LISTED = f"""
[[changes]]
date = 2026-01-02
what = "first"
files = {{ none = "{"a" * 64}", neon = "{"b" * 64}" }}

[[changes]]
date = 2026-02-03
what = "second"
files = {{ none = "{"c" * 64}" }}
"""


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "list.toml").write_text(LISTED)
    found = read_earlier_files(tmp_path / "list.toml")
    monkeypatch.setattr(earlier_files, "_of_the_package", lambda: found)


def method(name: str, letter: str) -> MethodIdentity:
    return MethodIdentity(name=name, sha256=letter * 64)


@pytest.mark.usefixtures("listed")
def test_a_method_is_of_an_earlier_file_where_name_and_hash_are_listed():
    assert earlier_file(method("none", "a")) == EarlierFile(DAY, "first")
    assert earlier_file(method("none", "b")) is None
    assert earlier_file(method("mine", "a")) is None


@pytest.mark.usefixtures("listed")
def test_the_cells_of_earlier_files_differ_in_the_hash_alone_the_latest_first():
    loop = Loop(
        kind="fully_synthetic", n_real=0, n_synthetic=2, n_initial=2, pool="previous", sampling_bias=1, generations=2,
        protocol="scratch",
    )  # fmt: skip
    fields = {"task": "digits", "task_version": 1, "generator": "ddpm", "loop": loop, "tier": "smoke", "seed": 1}
    present, latest, first = (Cell(**fields, method=method("none", letter)) for letter in "dca")
    assert earlier_cells(present) == [latest, first]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("changes", "not a readable TOML file"),
        ("", "changes"),
        (LISTED.replace("2026-01-02", '"today"'), "changes.0.date"),
        (LISTED.replace("a" * 64, "a" * 63), "changes.0.files.none"),
        (LISTED.replace('"second"', '""'), "changes.1.what"),
    ],
)
def test_a_malformed_list_is_refused_in_one_line(tmp_path: Path, text: str, said: str):
    path = tmp_path / "list.toml"
    path.write_text(text)
    with pytest.raises(BadInput) as caught:
        read_earlier_files(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_files_that_are_listed_are_of_baselines_and_none_is_the_present_one():
    found = read_earlier_files(paths.BASELINES / earlier_files.FILE)
    assert {name for name, _ in found} <= set(baseline_names())
    present = {(name, file_sha256(paths.BASELINES / f"{name}.py")) for name in baseline_names()}
    assert not present & found.keys()
