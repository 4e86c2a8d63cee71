"""What a record says of how its weights came about, and what follows from it."""

from typing import Any

import pytest
from board.made_up import make_record
from pydantic import ValidationError

from bench.cells.record import GenerationResult, Record
from bench.cells.retraining import Retrained, in_order, undeclared

SCRATCH = {"kind": "from scratch", "share": 1.0}
ON = {"real": 0, "synthetic": 20}


def record_of(later: dict[str, Any], *, protocol: str = "scratch", drawn: float | None = 1.0) -> Record:
    """Return a record whose last generation came about as `later` says, and those before from scratch."""
    record = make_record(protocol=protocol)
    results = [
        GenerationResult.model_validate(
            result.model_dump() | {"retrained": SCRATCH | {"on": ON} | (later if last else {}), "drawn": drawn}
        )
        for result, last in zip(record.generations, (False, False, True), strict=True)
    ]
    return record.model_copy(update={"generations": tuple(results)})


@pytest.mark.parametrize(
    ("later", "reuses"),
    [
        ({}, False),
        ({"share": 0.01}, False),
        ({"kind": "gone on from"}, True),
        ({"kind": "not", "share": 0.0}, True),
    ],
)
def test_what_is_not_from_scratch_reuses_weights(later: dict[str, Any], reuses: bool):
    assert record_of(later).reuses_weights is reuses


@pytest.mark.parametrize(
    ("later", "reuses"),
    [
        ({"kind": "gone on from"}, False),
        ({"kind": "gone on from", "share": 0.25}, True),
        ({"kind": "not", "share": 0.0}, True),
    ],
)
def test_in_the_finetune_protocol_little_training_is_reuse(later: dict[str, Any], reuses: bool):
    assert record_of(later, protocol="finetune").reuses_weights is reuses


def test_what_another_generator_drew_reuses_no_weights_of_this_one():
    assert record_of({"kind": "not", "share": 0.0}, drawn=0.0).reuses_weights is False


def test_generation_1_is_not_asked():
    record = record_of({})
    first = record.generations[0].model_copy(
        update={"retrained": Retrained.model_validate(SCRATCH | {"kind": "gone on from", "on": ON})}
    )
    assert record.model_copy(update={"generations": (first, *record.generations[1:])}).reuses_weights is False


@pytest.mark.parametrize(("drawn", "another"), [(1.0, False), (0.5, False), (0.49, True), (None, None)])
def test_samples_that_the_generator_did_not_draw_are_anothers(drawn: float | None, another: bool | None):
    assert record_of({}, drawn=drawn).another_generator is another


def of_before() -> Record:
    """Return a record that was written before records said all this."""
    record = make_record()
    results = [result.model_copy(update={"retrained": None, "drawn": None}) for result in record.generations]
    return record.model_copy(update={"generations": tuple(results), "uses": None})


def test_a_record_of_before_says_nothing():
    record = of_before()
    assert (record.reuses_weights, record.another_generator, record.uses, record.undeclared) == (None, None, None, ())


def test_what_was_seen_and_not_declared_is_named():
    record = record_of({})
    used = record.generations[0].model_copy(update={"used": ("real statistics", "stronger model")})
    record = record.model_copy(update={"generations": (used, *record.generations[1:]), "uses": ("labels",)})
    assert record.undeclared == ("real statistics", "stronger model")


def test_who_may_keep_real_images_may_know_their_statistics():
    assert undeclared({"real statistics"}, ("real images",)) == ()
    assert undeclared({"real images"}, ("real statistics",)) == ("real images",)


def test_uses_have_one_order():
    assert in_order(["labels", "real images", "labels"]) == ("real images", "labels")
    with pytest.raises(ValueError, match="'magic': choose one of real statistics, real images, stronger model, la"):
        in_order(["magic"])
    with pytest.raises(ValidationError, match="each once and in this order"):
        GenerationResult.model_validate(
            make_record().generations[0].model_dump() | {"used": ("labels", "real images")}
        )
