"""The trend of FID and the area under its logarithm, against SciPy and by hand."""

import math

import pytest
from scipy import stats

from bench.board.trend import fid_trend, log_fid_area

from .made_up import make_record


def test_the_trend_is_a_straight_line_with_students_interval():
    fids = (3.0, 5.0, 4.0, 8.0, 9.0)
    found = fid_trend(make_record(fids=fids))
    line = stats.linregress(range(5), fids)
    half = stats.t.ppf(0.975, 3) * line.stderr
    assert (found.slope, found.low, found.high) == pytest.approx((line.slope, line.slope - half, line.slope + half))
    assert found.slope == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("fids", "mad"), [((1, 2, 3.1, 4, 5), True), ((1, 5, 2, 4, 3), False), ((5, 4, 3, 2, 1), False)]
)
def test_a_cell_is_mad_where_its_fid_surely_rises(fids, mad):
    assert fid_trend(make_record(fids=fids)).is_mad == mad


def test_two_generations_have_a_slope_but_are_not_sure_of_it():
    found = fid_trend(make_record(fids=(1.0, 3.0)))
    assert (found.slope, found.low, found.high) == (2, -math.inf, math.inf)
    assert not found.is_mad


def test_one_generation_has_no_trend():
    assert fid_trend(make_record(fids=(1.0,))) is None


def test_the_area_is_that_of_the_trapezoidal_rule_for_each_step():
    # log FID: 0, 1, 3: trapezoids of 0.5 and 2 over two steps.
    assert log_fid_area(make_record(fids=(1, math.e, math.e**3))) == pytest.approx(1.25)


def test_twice_the_fid_is_log_two_more():
    once, twice = (log_fid_area(make_record(fids=fids)) for fids in ((2, 3, 5), (4, 6, 10)))
    assert twice - once == pytest.approx(math.log(2))


def test_what_is_better_than_real_images_counts_as_real_images():
    # The floor of made-up records is 0.5.
    assert log_fid_area(make_record(fids=(0.5, 0.001, 0))) == pytest.approx(math.log(0.5))
