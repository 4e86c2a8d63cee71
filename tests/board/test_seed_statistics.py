"""Paired differences, against SciPy's paired t-test."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from bench.board.seed_statistics import bootstrap_intervals, estimate, paired_difference, seeds_to_exclude
from bench.cells.record import Record
from board.made_up import make_record


def records(*fids: float, first: int = 0) -> dict[int, Record]:
    return {seed: make_record(seed=seed, fids=(1.0, fid)) for seed, fid in enumerate(fids, start=first)}


def last_fid(record: Record) -> float:
    return record.generations[-1].scores.fid


def test_the_interval_is_that_of_a_paired_t_test():
    a, b = (5.0, 7.0, 6.0, 9.0), (3.0, 6.0, 7.0, 5.0)
    found = paired_difference(records(*a), records(*b), last_fid)
    expected = stats.ttest_rel(a, b).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert (found.mean, found.seeds) == (1.5, 4)
    assert str(found) == f"+1.50 ({found.low:+.2f} to {found.high:+.2f})"


def test_only_seeds_that_both_have_are_compared():
    found = paired_difference(records(1, 2, 3), records(20, 30, first=1), last_fid)
    assert (found.mean, found.seeds) == (-22.5, 2)


def test_a_single_seed_says_nothing_of_its_error():
    found = paired_difference(records(5), records(3), last_fid)
    assert (found.mean, found.low, found.high) == (2, -math.inf, math.inf)


def test_methods_without_a_common_seed_cannot_be_compared():
    with pytest.raises(ValueError, match="no seed in common"):
        paired_difference(records(5), records(3, first=1), last_fid)


def test_the_p_value_is_that_of_a_t_test():
    values = (0.5, 1.5, 0.25, 1.0)
    assert estimate(values).p == pytest.approx(stats.ttest_1samp(values, 0).pvalue)


@pytest.mark.parametrize(("value", "p"), [(0.0, 1.0), (2.0, 0.0)])
def test_seeds_that_agree_leave_no_doubt(value, p):
    found = estimate([value] * 3)
    assert (found.mean, found.low, found.high, found.p) == (value, value, value, p)


@pytest.mark.parametrize(
    ("values", "bound"), [((1.0, 2.5, -1.0), 0.0), ((0.1, 0.3, 0.2), 0.25), ((4.0, -1.0, 1.0, 3.0, -2.0), -2.0)]
)
def test_the_seeds_that_it_takes_are_the_fewest_whose_interval_leaves_the_value_out(values, bound):
    def includes(seeds: int) -> bool:
        low, high = stats.t.interval(0.95, seeds - 1, np.mean(values), np.std(values, ddof=1) / math.sqrt(seeds))
        return low <= bound <= high

    found = seeds_to_exclude(estimate(values), bound)
    assert found is not None
    assert [includes(seeds) for seeds in range(len(values), found + 1)] == [True] * (found - len(values)) + [False]


def test_many_experiments_with_the_seeds_that_it_takes_exclude_the_value_half_of_the_time():
    # With that many seeds the end of the interval lies at the value on average.
    seeds = seeds_to_exclude(estimate((-0.5, 0.5, 1.5)), 0.0)
    assert seeds == 18
    drawn = np.random.default_rng(0).normal(0.5, 1.0, (20_000, seeds))
    assert np.mean(stats.ttest_1samp(drawn, 0, axis=1).pvalue < 0.05) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("values", [(1.0, -1.0, 0.0), (0.1, -1.0, 1.0), (0.0, 0.0, 0.0)])
def test_more_seeds_than_anybody_runs_are_not_counted(values):
    assert seeds_to_exclude(estimate(values), 0.0) is None


def test_no_seeds_have_no_mean():
    with pytest.raises(ValueError, match="no seeds"):
        estimate([])


def test_the_bootstrap_interval_of_three_seeds_goes_from_the_lowest_to_the_highest():
    # One of 27 resamples has the lowest value three times: 3.7%, more than the 2.5% below the interval.
    values = np.array([[3.0, 1.0, 8.0], [0.1, 0.3, 0.2]])
    assert bootstrap_intervals(values).tolist() == [[1.0, 8.0], pytest.approx([0.1, 0.3])]


def test_the_bootstrap_interval_is_near_that_of_all_resamples():
    values = [1.0, 2.0, 4.0, 8.0]
    means = [np.mean(drawn) for drawn in itertools.product(values, repeat=4)]
    [[low, high]] = bootstrap_intervals(np.array([values]))
    # Each end is one of the neighbouring means: 999 resamples place a quantile of 2.5% within 1% or so.
    assert np.quantile(means, 0.01) <= low <= np.quantile(means, 0.04)
    assert np.quantile(means, 0.96) <= high <= np.quantile(means, 0.99)


def test_the_bootstrap_is_the_same_each_time_and_for_a_row_alone():
    values = np.random.default_rng(1).normal(size=(7, 5))
    together = bootstrap_intervals(values)
    assert np.array_equal(together, bootstrap_intervals(values))
    assert np.array_equal(together[3:4], bootstrap_intervals(values[3:4]))


def test_one_seed_is_its_own_interval():
    assert bootstrap_intervals(np.array([[2.5]])).tolist() == [[2.5, 2.5]]
