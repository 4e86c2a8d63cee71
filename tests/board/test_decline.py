"""The three ways of going MAD, against SciPy and by hand."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from bench.board.decline import directions, fid_trend
from bench.cells.record import Record

from .made_up import make_record


def with_curve(key: str, values: Sequence[float], seed: int = 0) -> Record:
    """Return a record in which one score takes these values and FID stays."""
    record = make_record(seed=seed, fids=(2.0,) * len(values))
    return record.model_copy(
        update={
            "generations": tuple(
                g.model_copy(update={"scores": g.scores.model_copy(update={key: value})})
                for g, value in zip(record.generations, values, strict=True)
            )
        }
    )


def test_the_trend_is_a_straight_line_through_the_logarithm_with_students_interval():
    fids = (3.0, 5.0, 4.0, 8.0, 9.0)
    found = fid_trend(make_record(fids=fids))
    line = stats.linregress(range(5), np.log(fids))
    half = stats.t.ppf(0.975, 3) * line.stderr
    assert (found.slope, found.low, found.high) == pytest.approx((line.slope, line.slope - half, line.slope + half))
    assert found.per_generation == pytest.approx(tuple(np.exp((line.slope, line.slope - half, line.slope + half))))


@pytest.mark.parametrize(
    ("fids", "mad"), [((1, 2, 3.1, 6, 9), True), ((1, 5, 2, 4, 3), False), ((5, 4, 3, 2, 1), False)]
)
def test_a_cell_is_mad_where_its_fid_surely_rises(fids, mad):
    assert fid_trend(make_record(fids=fids)).is_mad == mad


def test_two_generations_have_a_slope_but_are_not_sure_of_it():
    found = fid_trend(make_record(fids=(1.0, math.e)))
    assert (found.slope, found.low, found.high) == (pytest.approx(1), -math.inf, math.inf)
    assert not found.is_mad


def test_one_generation_has_no_trend():
    assert fid_trend(make_record(fids=(1.0,))) is None
    assert {each.state for each in directions([make_record(fids=(1.0,))])} == {"cannot be told"}


def test_fid_that_doubles_with_every_generation_doubles():
    (rises, *others) = directions([make_record(seed=seed, fids=(k, 2 * k, 4 * k)) for seed, k in enumerate((1, 2, 3))])
    assert (rises.state, rises.per_generation[0]) == ("shown", pytest.approx(2))
    assert {each.state for each in others} == {"not shown"}


@pytest.mark.parametrize(("key", "place"), [("precision", 1), ("recall", 2)])
def test_a_falling_score_is_said_by_its_name_alone(key, place):
    curves = [(0.9, 0.7, 0.5), (0.8, 0.7, 0.5), (0.9, 0.8, 0.4)]
    found = directions([with_curve(key, curve, seed) for seed, curve in enumerate(curves)])
    assert [each.state for each in found] == ["shown" if each is found[place] else "not shown" for each in found]
    slopes = [stats.linregress(range(3), curve).slope for curve in curves]
    interval = stats.ttest_1samp(slopes, 0).confidence_interval(0.95)
    assert found[place].per_generation == pytest.approx((np.mean(slopes), interval.low, interval.high))
    assert f"{key} falls" == found[place].name


def test_a_rising_score_is_no_decline():
    found = directions([with_curve("recall", (0.2, 0.5 + seed / 10, 0.9), seed) for seed in range(3)])
    assert {each.state for each in found} == {"not shown"}


def test_two_seeds_cannot_tell():
    found = directions([with_curve("recall", (0.9, 0.5, 0.1), seed) for seed in range(2)])
    assert {each.state for each in found} == {"cannot be told"}


def test_what_is_below_the_fid_of_real_images_does_not_move():
    # The floor of made-up records is 0.5.
    assert fid_trend(make_record(fids=(0.1, 0.2, 0.4))).slope == 0
