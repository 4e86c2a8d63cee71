"""Where n_e / n_r falls below 1, and how it is said."""

import math

import numpy as np
import pytest

from bench.threshold.crossing import Threshold, crossing_point, in_words


@pytest.mark.parametrize(
    ("ratios", "up_to"),
    [
        ([4.0, 2.0, 0.5], 80),  # from 40 to 160 it falls by 4 for 4 times as many: as far below 1 as above
        ([2.0, 0.5, 0.25], 20),
        ([0.5, 2.0, 1.0 / 8], 40 * 4 ** (1 / 4)),  # below 1 for good
        ([0.9, 0.8, 0.7], 0),
        ([0.9, 0.8, 1.0], math.inf),
        ([2.0, 1.0, 0.5], 40),
    ],
)
def test_synthetic_images_are_admissible_up_to_where_the_ratio_falls_below_one_for_good(ratios, up_to):
    assert crossing_point(np.array([10.0, 40, 160]), np.array(ratios)) == pytest.approx(up_to)


@pytest.mark.parametrize(
    ("interval", "said"),
    [
        (None, ""),
        ((32.4, 95.2), " (95%: 32 to 95)"),
        ((0, 95.2), " (95%: below 10 to 95)"),
        ((32.4, None), " (95%: 32 to above 160)"),
        ((0, None), " (95%: below 10 to above 160)"),
        ((0, 0), " (95%: below 10)"),
        ((None, None), " (95%: above 160)"),
    ],
)
def test_a_limit_is_said_with_its_interval(interval, said):
    threshold = Threshold(100, 0.5, 40, 80.2, interval)
    limit = "admissible up to n_synthetic 40, the limit is near 80"
    assert in_words(threshold, [10, 40, 160]) == f"n_real 100, sampling bias 0.5: {limit}{said}"


@pytest.mark.parametrize(
    ("largest", "said"),
    [
        (None, "no n_synthetic of the sweep is admissible"),
        (160, "admissible up to n_synthetic 160, the largest of the sweep"),
    ],
)
def test_where_nothing_crosses_it_is_said_on_which_side_all_are(largest, said):
    threshold = Threshold(100, 1.0, largest, None, (0, None))
    words = f"n_real 100, sampling bias 1: {said} (95%: below 10 to above 160)"
    assert in_words(threshold, [10, 40, 160]) == words
