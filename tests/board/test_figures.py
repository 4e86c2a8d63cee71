"""The two figures of a verdict, by hand."""

import math

import pytest

from bench.board.figures import f1, f1_area, log_fid_area

from .made_up import make_record, make_scores


def test_the_area_is_that_of_the_trapezoidal_rule_for_each_step():
    # log FID: 0, 1, 3: trapezoids of 0.5 and 2 over two steps.
    assert log_fid_area(make_record(fids=(1, math.e, math.e**3))) == pytest.approx(1.25)


def test_twice_the_fid_is_log_two_more():
    once, twice = (log_fid_area(make_record(fids=fids)) for fids in ((2, 3, 5), (4, 6, 10)))
    assert twice - once == pytest.approx(math.log(2))


def test_what_is_better_than_real_images_counts_as_real_images():
    # The floor of made-up records is 0.5.
    assert log_fid_area(make_record(fids=(0.5, 0.001, 0))) == pytest.approx(math.log(0.5))


@pytest.mark.parametrize(
    ("precision", "recall", "expected"),
    [(1, 1, 1), (1, 0, 0), (0, 1, 0), (0, 0, 0), (0.5, 1, 2 / 3), (1, 0.06, 2 * 0.06 / 1.06)],
)
def test_f1_is_the_harmonic_mean_and_0_where_either_is(precision, recall, expected):
    assert f1(make_scores(1.0, precision=precision, recall=recall)) == pytest.approx(expected)


def test_the_area_of_f1_counts_the_ends_half():
    record = make_record(fids=(1.0, 1.0, 1.0))
    recalls = (1.0, 0.5, 0.0)
    generations = tuple(
        g.model_copy(update={"scores": make_scores(1.0, precision=1.0, recall=recall)})
        for g, recall in zip(record.generations, recalls, strict=True)
    )
    # F1 of precision 1: 1, 2/3, 0.
    expected = (1 / 2 + 2 / 3 + 0 / 2) / 2
    assert f1_area(record.model_copy(update={"generations": generations})) == pytest.approx(expected)
