"""Paired differences, against SciPy's paired t-test."""

import math

import pytest
from board.made_up import make_record
from scipy import stats

from bench.paired import paired_difference
from bench.record import Record


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
