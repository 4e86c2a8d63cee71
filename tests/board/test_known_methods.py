"""What is known of the baselines' files, where records of before do not say."""

import hashlib
from pathlib import Path

import pytest

from bench import paths
from bench.board.known_methods import declared_uses, is_known, uses_in
from bench.board.results import Result
from bench.board.retraining import retraining, uses
from bench.board.tables import Entry
from bench.cells.cell import MethodIdentity
from bench.methods.file import load_method

from .made_up import make_record

NEON = hashlib.sha256((paths.BASELINES / "neon.py").read_bytes()).hexdigest()
OLD_NEON = "b2636a284e6aad5551dac15d0ebc9cbf4459c13ec7a1142010ff0153563cbebf"  # listed in earlier_files.toml


@pytest.mark.parametrize(
    ("name", "sha256", "known"),
    [("neon", NEON, True), ("neon", OLD_NEON, True), ("neon", "f" * 64, False), ("mine", NEON, False)],
)
def test_a_baseline_is_known_by_the_hash_of_its_file(name, sha256, known):
    method = MethodIdentity(name=name, sha256=sha256)
    assert is_known(method) == known
    assert (declared_uses(method) is not None) == known


@pytest.mark.parametrize("name", paths.baseline_names())
def test_what_is_read_from_the_text_is_what_the_class_declares(name):
    loaded = load_method(name)
    assert declared_uses(loaded.identity) == tuple(loaded.definition.uses)


def test_a_class_that_declares_nothing_uses_nothing():
    assert uses_in("class Mine:\n    x = 1\n") == ()
    assert uses_in('class Mine:\n    uses = ("labels", "real images")\n') == ("real images", "labels")
    assert uses_in('class Mine:\n    uses: ClassVar = ("labels",)\n') == ("labels",)


def entry(method: str, sha256: str) -> Entry:
    record = make_record(method=method)
    identity = record.cell.method.model_copy(update={"sha256": sha256})
    cell = record.cell.model_copy(update={"method": identity})
    generations = tuple(g.model_copy(update={"retrained": None, "drawn": None}) for g in record.generations)
    made = record.model_copy(update={"cell": cell, "generations": generations, "uses": None})
    return Entry((Result(Path("x"), made, None),))


def test_of_records_that_say_nothing_the_file_of_a_baseline_does():
    assert (retraining(entry("neon", NEON)), uses(entry("neon", NEON))) == ("from scratch", ())
    assert (retraining(entry("neon", "f" * 64)), uses(entry("neon", "f" * 64))) == (None, None)
