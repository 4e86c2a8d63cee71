"""Result files: written, read back, and refused where they were damaged or edited."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from board.made_up import add_scores, make_record, make_scores

from bench.cells.record import Record, read_record
from bench.errors import BadInput
from bench.files.hashing import canonical_sha256

Edit = Callable[[dict[str, Any]], object]


def refusal(path: Path) -> str:
    """Return why a file is refused, in one line that starts with its path."""
    with pytest.raises(BadInput) as caught:
        read_record(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


def written(tmp_path: Path, record: Record) -> Path:
    path = tmp_path / "record.json"
    path.write_text(record.to_json(), encoding="utf-8")
    return path


def edited(tmp_path: Path, edit: Edit, *, signed: bool = False) -> Path:
    """Write a record after `edit` has changed its JSON; `signed` with the hash of what it says then."""
    content = json.loads(add_scores(make_record(), "inception", (1.0, 2.0, 3.0)).to_json())
    edit(content)
    if signed:
        del content["sha256"]
        content["sha256"] = canonical_sha256(content)
    path = tmp_path / "record.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize("label_agreement", [0.1, None])
def test_a_record_read_back_equals_the_one_written(tmp_path: Path, label_agreement: float | None):
    record = make_record(fids=(0.1, 1 / 3, 2e-17), label_agreement=label_agreement)
    assert read_record(written(tmp_path, record)) == record


def test_the_parameters_of_a_method_keep_their_order(tmp_path: Path):
    record = make_record(method="mine", params={"b": 1, "a": 2})
    assert read_record(written(tmp_path, record)).cell.method.option == "mine:b=1:a=2"


def rescored(**floor: float) -> Record:
    """Return a record with scores in three feature spaces."""
    return add_scores(add_scores(make_record(), "inception", (10.0, 20.0, 40.0), **floor), "pixels", (3.0, 2.0, 1.0))


def test_a_record_with_further_scores_read_back_equals_the_one_written(tmp_path: Path):
    assert read_record(written(tmp_path, rescored())) == rescored()


def test_what_cannot_be_told_may_be_missing(tmp_path: Path):
    scores = make_scores(1.0, None, authpct=None, training_distance_ratio=None, class_imbalance=None)
    record = make_record(fids=(1.0,))
    record = record.model_copy(update={"generations": (record.generations[0].model_copy(update={"scores": scores}),)})
    assert read_record(written(tmp_path, record)) == record


def test_a_record_without_further_scores_has_one_space():
    assert make_record().in_each_space() == [make_record()]


def test_each_space_has_its_own_scores_and_floor():
    own, inception, pixels = rescored(precision=0.5).in_each_space()
    assert [view.score.features for view in (own, inception, pixels)] == ["digits_cnn", "inception", "pixels"]
    assert [[g.scores.fid for g in view.generations] for view in (own, inception, pixels)] == [
        [1.5, 2.25, 4.125],
        [10, 20, 40],
        [3, 2, 1],
    ]
    assert [view.score.floor.precision for view in (own, inception, pixels)] == [0.9375, 0.5, 0.75]


def test_each_space_has_the_cell_and_its_costs_and_no_further_scores():
    record = make_record()
    for view in rescored().in_each_space():
        assert (view.cell_id, view.cell, view.data) == (record.cell_id, record.cell, record.data)
        assert [g.cost for g in view.generations] == [g.cost for g in record.generations]
        assert [g.samples_sha256 for g in view.generations] == [g.samples_sha256 for g in record.generations]
        assert view.further_scores == ()


def test_each_space_is_a_record_that_can_be_written(tmp_path: Path):
    for view in rescored().in_each_space():
        assert read_record(written(tmp_path, view)) == view


@pytest.mark.parametrize(
    "record",
    [
        add_scores(make_record(), "digits_cnn", (1.0, 2.0, 3.0)),
        add_scores(rescored(), "pixels", (1.0, 2.0, 3.0)),
    ],
    ids=["own", "further"],
)
def test_two_scores_in_one_space_are_refused(tmp_path: Path, record: Record):
    assert "must be of feature spaces of their own" in refusal(written(tmp_path, record))


@pytest.mark.parametrize("fids", [(), (1.0, 2.0), (1.0, 2.0, 3.0, 4.0)])
def test_further_scores_of_another_number_of_generations_are_refused(tmp_path: Path, fids: tuple[float, ...]):
    record = add_scores(make_record(), "inception", fids)
    assert "further_scores must have 3 generations" in refusal(written(tmp_path, record))


def test_a_record_says_its_schema_and_its_cell():
    content = json.loads(make_record().to_json())
    assert content["schema_version"] == 3
    assert content["task_sha256"] == "9" * 64
    assert content["cell"]["loop"]["kind"] == "fully_synthetic"
    assert [generation["generation"] for generation in content["generations"]] == [1, 2, 3]


def test_a_file_with_its_keys_in_another_order_is_the_same_record(tmp_path: Path):
    path = tmp_path / "record.json"
    path.write_text(json.dumps(json.loads(make_record().to_json()), sort_keys=True), encoding="utf-8")
    assert read_record(path) == make_record()


def test_a_truncated_file_is_refused(tmp_path: Path):
    path = tmp_path / "record.json"
    text = make_record().to_json()
    path.write_text(text[: len(text) // 2], encoding="utf-8")
    assert "truncated" in refusal(path)


def set_fid(content: dict[str, Any]) -> None:
    content["generations"][2]["scores"]["fid"] = 4.0


def set_device(content: dict[str, Any]) -> None:
    content["environment"]["device"] = "a faster one"


def set_seed_and_id(content: dict[str, Any]) -> None:
    other = make_record(seed=1)
    content["cell"]["seed"] = 1
    content["cell_id"] = other.cell_id


def remove_hash(content: dict[str, Any]) -> None:
    del content["sha256"]


def set_further_fid(content: dict[str, Any]) -> None:
    content["further_scores"][0]["generations"][2]["fid"] = 4.0


def remove_further_scores(content: dict[str, Any]) -> None:
    content["further_scores"] = []


@pytest.mark.parametrize(
    "edit", [set_fid, set_device, set_seed_and_id, remove_hash, set_further_fid, remove_further_scores]
)
def test_an_edited_file_is_refused(tmp_path: Path, edit: Edit):
    assert "edited" in refusal(edited(tmp_path, edit))


def test_a_cell_that_its_id_does_not_fit_is_refused(tmp_path: Path):
    path = edited(tmp_path, lambda content: content["cell"].update(seed=1), signed=True)
    assert "not a valid record: cell_id is" in refusal(path)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda content: content.update(extra=1), "extra is not a known key"),
        (lambda content: content["cell"].update(extra=1), "cell.extra is not a known key"),
        (lambda content: content["generations"][0]["scores"].update(best=1), "scores.best is not a known key"),
        (lambda content: content["generations"][1]["scores"].update(recall=1.5), "generations.1.scores.recall = 1.5"),
        (lambda content: content["generations"][1]["scores"].update(authpct=101.0), "1.scores.authpct = 101.0"),
        (lambda content: content["generations"][1]["scores"].update(density=-0.5), "1.scores.density = -0.5"),
        (lambda content: content["generations"][1]["scores"].pop("coverage"), "1.scores.coverage is missing"),
        (lambda content: content["further_scores"][0]["generations"][2].update(kid="0.5"), "2.kid = '0.5'"),
        (lambda content: content["generations"].pop(), "generations must be 1 to 3"),
        (lambda content: content["generations"].pop(0), "generations must be 1 to 3"),
        (lambda content: content["generations"].reverse(), "generations must be 1 to 3"),
        (lambda content: content.pop("generations"), "generations is missing"),
        (lambda content: content.pop("task_sha256"), "task_sha256 is missing"),
        (lambda content: content["cell"]["loop"].update(n_real=3), "n_real is 3"),
    ],
    ids=["key", "cell key", "score key", "share", "percentage", "negative", "no score", "further",
         "last", "first", "order", "all", "task hash", "loop"],
)  # fmt: skip
def test_a_file_that_breaks_the_schema_is_refused_with_the_key(tmp_path: Path, edit: Edit, said: str):
    assert said in refusal(edited(tmp_path, edit, signed=True))


@pytest.mark.parametrize(
    "edit",
    [
        lambda content: content.update(generations=[0] * 100_000),
        lambda content: content.update(further_scores=[{}] * 100_000),
        lambda content: content["further_scores"][0].update(generations=[{}] * 100_000),
    ],
    ids=["generations", "further scores", "generations of further scores"],
)
def test_of_many_that_are_wrong_the_first_is_named_and_no_other_looked_at(tmp_path: Path, edit: Edit):
    found = re.fullmatch(r".*\.0.* \(and (\d+) more\)|.*\.0.*", refusal(edited(tmp_path, edit, signed=True)))
    assert found is not None
    assert int(found[1] or 0) < 20


@pytest.mark.parametrize(
    "text", ["[]", "3", '"record"', "", "[" * 100_000], ids=["list", "number", "text", "empty", "deep"]
)
def test_json_that_is_no_record_is_refused(tmp_path: Path, text: str):
    path = tmp_path / "record.json"
    path.write_text(text, encoding="utf-8")
    assert refusal(path)


def test_bytes_that_are_not_text_are_refused(tmp_path: Path):
    path = tmp_path / "record.json"
    path.write_bytes(b'{"schema_version": "\xff"}')
    assert refusal(path)


def test_a_missing_file_is_refused(tmp_path: Path):
    assert "cannot be read" in refusal(tmp_path / "record.json")
