"""Precision and recall beside what real images score."""

import pytest

from bench.cells.floor import beside_floor, score_line, share_of_floor, shares_of_floor
from bench.cells.record import Scores


def scores(precision: float, recall: float) -> Scores:
    return Scores(
        fid=8.126, kid=0, kid_standard_error=0, precision=precision, recall=recall, density=1, coverage=1
    )  # fmt: skip


def test_real_images_reach_all_of_their_floor():
    floor = scores(0.97, 0.85)
    assert shares_of_floor(floor, floor) == {"precision": 1, "recall": 1}


def test_a_share_is_of_the_scores_own_floor():
    assert shares_of_floor(scores(0.485, 0.17), scores(0.97, 0.85)) == pytest.approx({"precision": 0.5, "recall": 0.2})


def test_a_score_can_be_above_its_floor():
    assert share_of_floor(0.99, 0.9) == pytest.approx(1.1)


def test_a_floor_of_nothing_has_no_shares():
    assert share_of_floor(0.5, 0) is None
    assert beside_floor(0, 0.5, decimals=2) == ".50 of .00 (-)"


@pytest.mark.parametrize(
    ("floor", "values", "shown"),
    [
        (0.97, (0.81,), ".81 of .97 (84%)"),
        (0.85, (0.83, 0.25), ".83 -> .25 of .85 (98% -> 29%)"),
        (0.5, (1.0, 0.0), "1.00 -> .00 of .50 (200% -> 0%)"),
    ],
    ids=["one", "a change", "the ends"],
)
def test_scores_are_shown_beside_their_floor(floor: float, values: tuple[float, ...], shown: str):
    assert beside_floor(floor, *values, decimals=2) == shown


def test_the_line_of_a_generation():
    line = score_line(scores(0.485, 0.17), scores(0.97, 0.85))
    assert line == "FID 8.13, precision .485 of .970 (50%), recall .170 of .850 (20%)"
