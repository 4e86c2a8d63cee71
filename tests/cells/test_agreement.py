"""The stated tolerance: what agrees and what does not, on made-up records."""

from typing import Any

import pytest
from board.made_up import make_finding, make_record

from bench.cells.agreement import FLOOR, Agreement, compare, tolerance

OTHER_SAMPLES = "9" * 64


def compared(n: int = 500, **changes: Any) -> Agreement:
    """Compare a record whose last FID is 10, precision .75 and recall .625 with what `make_finding` makes of it."""
    record = make_record(fids=(4.0, 8.0, 10.0), n=n)
    return compare(record, make_finding(record, **changes))


def statistical(n: int = 500, **changes: Any) -> Agreement:
    """The same where the samples of the last generation are other bits."""
    return compared(n, samples_sha256=OTHER_SAMPLES, **changes)


def test_the_same_again_is_identical_and_agrees():
    agreement = compared()
    assert (agreement.agrees, agreement.identical, agreement.differing) == (True, True, ())


def test_same_samples_have_the_same_scores_to_rounding():
    assert compared(fid=10 * (1 + 1e-7)).agrees
    agreement = compared(fid=10.001)
    assert [(c.generation, c.name, c.reported, c.found) for c in agreement.differing] == [(3, "fid", 10.0, 10.001)]


def test_same_samples_on_another_device_may_have_two_images_on_another_side():
    other = {"environment": {"device": "NVIDIA H100"}}
    assert compared(**other, precision=0.754, fid=10.005).agrees
    assert [c.name for c in compared(**other, precision=0.756, fid=10.02).differing] == ["fid", "precision"]


def test_other_samples_may_have_other_scores():
    agreement = statistical(fid=10.5, precision=0.78, recall=0.59, kid=0.105, coverage=0.85)
    assert (agreement.agrees, agreement.identical) == (True, False)
    assert agreement.same_samples == (True, True, False)


@pytest.mark.parametrize(("score", "value"), [("fid", 10 / 0.7), ("recall", 0.625 - 0.15), ("precision", 0.75 - 0.15)])
def test_scores_that_were_reported_too_good_do_not_agree(score, value):
    # FID reported 30% lower than it is, a share reported .15 higher.
    assert [c.name for c in statistical(**{score: value}).differing] == [score]


def test_more_images_leave_less_to_chance():
    assert statistical(500, recall=0.625 - 0.1).agrees
    assert not statistical(50_000, recall=0.625 - 0.1).agrees
    shares = [tolerance(n, True).other_samples["recall"].absolute for n in (100, 500, 10_000, 50_000)]
    assert shares == sorted(shares, reverse=True)


def test_a_score_that_only_one_side_has_does_not_agree():
    assert [c.name for c in statistical(label_agreement=None).differing] == ["label_agreement"]


def test_every_score_has_a_bound():
    assert set(tolerance(500, True).other_samples) == set(make_record().generations[0].scores.model_dump())


@pytest.mark.parametrize("count", ["images_trained", "network_evaluations", "real_images", "method_state_bytes"])
def test_counted_costs_of_same_samples_must_be_equal(count):
    value = getattr(make_record().generations[0].cost, count) + 1
    assert [c.name for c in compared(**{count: value}).differing] == [count]


def test_a_method_that_chooses_may_count_differently_with_other_samples():
    assert statistical(images_trained=1050).agrees
    assert [c.name for c in statistical(images_trained=2000).differing] == ["images_trained"]


def test_whether_the_scores_space_was_read_must_be_told_truly():
    assert [c.name for c in statistical(score_features_read=True).differing] == ["score_features_read"]


def test_seconds_and_memory_are_nobodys_promise():
    assert compared(seconds={"fit": 99.0, "sample": 99.0, "score": 99.0}, peak_memory_bytes=1).agrees


def test_the_floor_is_held_against_the_record_too():
    record = make_record()
    finding = make_finding(record).model_copy(update={"floor": record.score.floor.model_copy(update={"fid": 0.9})})
    assert [(c.generation, c.name) for c in compare(record, finding).differing] == [(FLOOR, "fid")]


def test_samples_that_were_only_scored_again_must_be_those_of_the_record():
    assert compared(rescored=True).agrees
    agreement = compared(rescored=True, samples_sha256=OTHER_SAMPLES)
    assert (agreement.differing, agreement.agrees) == ((), False)


@pytest.mark.parametrize(
    ("environment", "same"),
    [({}, True), ({"git_commit": "0" * 40}, True), ({"threads": 2}, False), ({"device": "NVIDIA H100"}, False)],
)
def test_an_environment_is_the_machine_and_the_versions(environment, same):
    assert compared(environment=environment).same_environment is same
