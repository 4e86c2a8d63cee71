"""Trust levels and warnings, from folders of reproductions and warnings."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench import paths
from bench.board.results import find_results
from bench.board.trust import Trust, read_trust
from bench.cells.agreement import compare
from bench.cells.record import Record
from bench.cells.reproduction import Mode, Reproduction, keep_reproduction
from bench.errors import BadInput
from bench.files.hashing import canonical_sha256
from board.made_up import add_scores, make_finding, make_record

RECORD = make_record()


@pytest.fixture
def leaderboard(tmp_path: Path) -> Path:
    for folder in ("reproductions", "warnings"):
        (tmp_path / folder).mkdir()
    (tmp_path / "maintainers.toml").write_text('names = ["anna", "ben"]\n')
    return tmp_path


@pytest.fixture
def reproduce(leaderboard: Path) -> Callable[..., Path]:
    """Write a reproduction of the record whose last generation was found with these numbers."""

    def write(by: str = "somebody", mode: Mode = "rerun", record: Record = RECORD, **changes: Any) -> Path:
        finding = make_finding(record, rescored=mode == "rescore", **changes)
        reproduction = Reproduction.of(record, by, mode, finding, compare(record, finding))
        return keep_reproduction(reproduction, leaderboard / "reproductions")

    return write


@pytest.fixture
def warn(leaderboard: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = leaderboard / "warnings" / "one.toml"
        path.write_text(text)
        return path

    return write


def trust(leaderboard: Path, record: Record = RECORD) -> Trust:
    return read_trust(leaderboard, [record])[record.cell_id]


def refusal(leaderboard: Path) -> str:
    with pytest.raises(BadInput) as caught:
        trust(leaderboard)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_without_anything_a_result_is_self_reported(tmp_path: Path):
    assert trust(tmp_path / "nothing here") == Trust("self-reported", (), (), ())


def test_a_rerun_by_somebody_makes_it_reproduced(leaderboard, reproduce):
    reproduce("somebody")
    found = trust(leaderboard)
    assert (found.level, [r.by for r in found.reproductions], found.warnings) == ("reproduced", ["somebody"], ())


def test_a_rerun_by_a_maintainer_makes_it_verified(leaderboard, reproduce):
    reproduce("anna")
    reproduce("somebody")
    found = trust(leaderboard)
    assert (found.level, sorted(r.by for r in found.reproductions)) == ("verified", ["anna", "somebody"])


def test_a_statistical_reproduction_counts_as_one(leaderboard, reproduce):
    reproduce("anna", samples_sha256="9" * 64)
    assert trust(leaderboard).level == "verified"


def test_scoring_the_samples_again_does_not_raise_the_level(leaderboard, reproduce):
    reproduce("anna", "rescore")
    found = trust(leaderboard)
    assert (found.level, [r.mode for r in found.reproductions]) == ("self-reported", ["rescore"])


def test_a_rerun_that_does_not_agree_is_a_warning_and_raises_nothing(leaderboard, reproduce):
    reproduce("anna", fid=1000.0)
    found = trust(leaderboard)
    [warning] = found.warnings
    assert found.level == "self-reported"
    assert (warning.by, warning.date) == ("anna", None)
    assert "does not agree" in warning.reason


def test_without_a_list_of_maintainers_nobody_is_one(leaderboard, reproduce):
    (leaderboard / "maintainers.toml").unlink()
    reproduce("anna")
    assert trust(leaderboard).level == "reproduced"


def test_a_reproduction_of_an_earlier_record_of_the_cell_does_not_count_and_is_told(leaderboard, reproduce):
    earlier = make_record(fids=(1.5, 2.25, 4.0))
    assert earlier.cell_id == RECORD.cell_id
    path = reproduce("anna", record=earlier)
    found = trust(leaderboard)
    assert (found.level, found.reproductions, found.warnings) == ("self-reported", (), ())
    [reason] = found.passed_over
    assert path.name in reason


def test_a_reproduction_and_a_warning_of_a_cell_that_is_not_there_are_left_alone(leaderboard, reproduce, warn):
    reproduce("anna", record=make_record(seed=1))
    warn(f'reason = "x"\ndate = 2025-01-31\nby = "anna"\ncells = ["{"0" * 64}"]')
    assert read_trust(leaderboard, [RECORD]) == {RECORD.cell_id: Trust()}


def test_scores_added_in_another_space_change_nothing(leaderboard, reproduce):
    reproduce("anna")
    rescored = add_scores(RECORD, "inception", (1.0, 2.0, 3.0))
    assert trust(leaderboard, rescored).level == trust(leaderboard, rescored.in_each_space()[0]).level == "verified"


@pytest.mark.parametrize(("key", "value"), [("agrees", True), ("kind", "identical")])
def test_a_verdict_that_does_not_follow_from_the_numbers_is_refused(leaderboard, reproduce, key, value):
    path = reproduce(samples_sha256="9" * 64, fid=1000.0)
    content = json.loads(path.read_text()) | {key: value}
    del content["sha256"]
    path.write_text(json.dumps(content | {"sha256": canonical_sha256(content)}))
    assert f"{path}: {key}" in refusal(leaderboard)


def test_a_damaged_reproduction_is_named(leaderboard, reproduce):
    path = reproduce()
    path.write_text("{")
    assert str(path) in refusal(leaderboard)


def test_a_warning_about_a_cell(leaderboard, warn):
    warn(f'reason = "seen the reference"\ndate = 2025-01-31\nby = "anna"\ncells = ["{RECORD.cell_id}"]')
    other = make_record(seed=1)
    found = read_trust(leaderboard, [RECORD, other])
    [warning] = found[RECORD.cell_id].warnings
    assert (warning.reason, str(warning.date), warning.by) == ("seen the reference", "2025-01-31", "anna")
    assert found[other.cell_id].warnings == ()


@pytest.mark.parametrize(("sha256", "warnings"), [("a" * 64, 1), ("b" * 64, 0)])
def test_a_warning_about_a_version_of_a_method(leaderboard, warn, sha256, warnings):
    warn(f'reason = "x"\ndate = 2025-01-31\nby = "anna"\nmethod = {{ name = "none", sha256 = "{sha256}" }}')
    found = read_trust(leaderboard, [RECORD, make_record(method="neon"), make_record(seed=1)])
    assert [len(t.warnings) for t in found.values()] == [warnings, 0, warnings]


def test_the_warning_that_the_document_shows_is_one(leaderboard, warn):
    [text] = re.findall(r"(?ms)^```toml\n(.*?)^```", (paths.ROOMS / "docs" / "verifying.md").read_text())
    warn(text.replace("<64 hex digits>", "a" * 64).replace("example", "none"))
    [warning] = trust(leaderboard).warnings
    assert warning.by == "maintainers"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("reason = ", "TOML"),
        ('date = 2025-01-31\nby = "anna"\ncells = []', "reason is missing"),
        ('reason = "x"\ndate = "lately"\nby = "anna"\ncells = []', "date"),
        ('reason = "x"\ndate = 2025-01-31\nby = "anna"\ncells = ["12"]', "cells.0"),
        ('reason = "x"\ndate = 2025-01-31\nby = "anna"', "cells = [ids]"),
        (f'reason = "{"x" * 501}"\ndate = 2025-01-31\nby = "anna"\ncells = []', "reason"),
        ('reason = "x"\ndate = 2025-01-31\nby = "Anna B"\ncells = []', "by"),
        ('reason = "x"\ndate = 2025-01-31\nby = "anna"\nmethod = { name = "none" }', "method.sha256 is missing"),
        ('reason = "x"\ndate = 2025-01-31\nby = "anna"\nsells = []', "sells"),
    ],
)
def test_a_malformed_warning_is_named_with_its_key(leaderboard, warn, text, word):
    path = warn(text)
    message = refusal(leaderboard)
    assert message.startswith(f"{path}: ")
    assert word in message


def test_a_malformed_list_of_maintainers_is_named(leaderboard):
    path = leaderboard / "maintainers.toml"
    path.write_text('names = "anna"')
    assert refusal(leaderboard).startswith(f"{path}: names")


def test_what_is_shipped_is_of_the_records_that_are_shipped():
    records = [result.record for result in find_results(paths.LEADERBOARD / "results") if result.own_space]
    found = read_trust(paths.LEADERBOARD, records)
    files = list((paths.LEADERBOARD / "reproductions").glob("*.json"))
    assert files
    assert sum(len(t.reproductions) for t in found.values()) == len(files)
    assert [t.passed_over for t in found.values() if t.passed_over] == []
    assert {t.level for t in found.values() if t.reproductions} == {"verified"}
