"""Records of reproductions: written, read back, and refused where they were damaged, edited or misnamed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from board.made_up import add_scores, make_finding, make_record, make_scores

from bench.cells.agreement import compare
from bench.cells.record import Record
from bench.cells.reproduction import Reproduction, check_name, keep_reproduction, read_reproduction
from bench.errors import BadInput
from bench.files.hashing import canonical_sha256


def made_up(record: Record | None = None, by: str = "somebody", **changes: Any) -> Reproduction:
    """Return a rerun of a record whose last generation has these numbers."""
    record = record or make_record()
    finding = make_finding(record, **changes)
    return Reproduction.of(record, by, "rerun", finding, compare(record, finding))


def edited(folder: Path, edit: Callable[[dict[str, Any]], object], *, rehash: bool) -> Path:
    """Write a reproduction whose JSON was changed, with a hash that fits or with the old one."""
    path = keep_reproduction(made_up(), folder)
    content = json.loads(path.read_text())
    edit(content)
    if rehash:
        del content["sha256"]
        content["sha256"] = canonical_sha256(content)
    path.write_text(json.dumps(content))
    return path


def refusal(path: Path) -> str:
    with pytest.raises(BadInput) as caught:
        read_reproduction(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


def test_a_reproduction_read_back_equals_the_one_written(tmp_path: Path):
    reproduction = made_up(fid=1 / 3, samples_sha256="9" * 64)
    path = keep_reproduction(reproduction, tmp_path / "new" / "folder")
    assert path.name == f"{reproduction.cell_id[:16]}-somebody-rerun.json"
    assert read_reproduction(path) == reproduction


def test_it_says_what_was_verified_and_how_it_ended(tmp_path: Path):
    record = make_record()
    same, other = made_up(record), made_up(record, samples_sha256="9" * 64, fid=1000.0)
    assert (same.kind, same.agrees) == ("identical", True)
    assert (other.kind, other.agrees) == ("statistical", False)
    assert same.cell_id == record.cell_id
    assert same.record_sha256 == record.verified_sha256


def test_scores_added_in_another_space_leave_the_verified_record_what_it_was():
    record = make_record()
    assert add_scores(record, "inception", (1.0, 2.0, 3.0)).verified_sha256 == record.verified_sha256
    environment = record.environment.model_copy(update={"package_version": "99"})
    assert record.model_copy(update={"environment": environment}).verified_sha256 == record.verified_sha256


def test_another_score_or_cost_or_floor_is_another_record():
    record = make_record()
    floor = record.score.model_copy(update={"floor": make_scores(0.25)})
    costs = record.generations[0].cost.model_copy(update={"images_trained": 1})
    generations = (record.generations[0].model_copy(update={"cost": costs}), *record.generations[1:])
    others = [
        make_record(fids=(1.5, 2.25, 4.0)),
        record.model_copy(update={"score": floor}),
        record.model_copy(update={"generations": generations}),
    ]
    assert len({other.verified_sha256 for other in [record, *others]}) == 4


def test_an_edited_file_is_refused(tmp_path: Path):
    path = edited(tmp_path, lambda content: content.update(agrees=False), rehash=False)
    assert "edited" in refusal(path)


def test_a_truncated_file_is_refused(tmp_path: Path):
    path = keep_reproduction(made_up(), tmp_path)
    path.write_text(path.read_text()[:100])
    assert "not JSON" in refusal(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("by", "../../somebody"),
        ("by", ""),
        ("by", "Some Body"),
        ("mode", "guess"),
        ("agrees", "yes"),
        ("schema_version", 2),
        ("kind", "<b>identical</b>"),
        ("surprise", 1),
    ],
)
def test_a_value_that_is_not_allowed_is_named(tmp_path: Path, key, value):
    assert key in refusal(edited(tmp_path, lambda content: content.update({key: value}), rehash=True))


def test_a_rerun_without_costs_is_refused(tmp_path: Path):
    path = edited(tmp_path, lambda content: content["found"]["generations"][1].update(cost=None), rehash=True)
    assert "mode is rerun" in refusal(path)


def test_a_rescore_has_no_costs(tmp_path: Path):
    assert "mode is rescore" in refusal(edited(tmp_path, lambda content: content.update(mode="rescore"), rehash=True))


def test_generations_are_numbered(tmp_path: Path):
    path = edited(tmp_path, lambda content: content["found"]["generations"].reverse(), rehash=True)
    assert "numbered" in refusal(path)


def test_a_file_has_the_name_of_its_content(tmp_path: Path):
    path = keep_reproduction(made_up(), tmp_path)
    renamed = path.with_name("maintainers.json")
    path.rename(renamed)
    assert path.name in refusal(renamed)


@pytest.mark.parametrize("name", ["", "-", "Somebody", "some body", "../x", "a" * 40, "é", "a\n"])
def test_a_name_that_is_none_is_refused_before_anything_runs(name):
    with pytest.raises(BadInput, match="--by"):
        check_name(name)


@pytest.mark.parametrize("name", ["a", "some-body", "0x1f", "a" * 39])
def test_a_name_that_is_one_is_not(name):
    check_name(name)
