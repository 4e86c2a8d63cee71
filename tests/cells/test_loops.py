"""The loops' parameters and what follows from them."""

import pytest
from builders import make_loop
from pydantic import ValidationError

from bench.cells.loops import LOOP_KINDS


@pytest.mark.parametrize("kind", LOOP_KINDS)
def test_each_kind_of_loop_is_valid(kind: str):
    assert make_loop(kind).kind == kind


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("kind", "synthetic"),
        ("n_synthetic", 0),
        ("n_initial", 0),
        ("generations", 0),
        ("sampling_bias", 0.0),
        ("sampling_bias", 1.01),
        ("sampling_bias", float("nan")),
        ("pool", "last"),
        ("pool", "last:0"),
        ("pool", "last:-1"),
        ("pool", "last:2 "),
        ("pool", "all"),
        ("protocol", "continue"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_by_its_key(key: str, value: object):
    with pytest.raises(ValidationError) as caught:
        make_loop(**{key: value})
    assert [error["loc"] for error in caught.value.errors()] == [(key,)]


def test_a_negative_number_of_real_images_is_refused():
    with pytest.raises(ValidationError, match="n_real"):
        make_loop("fresh_data", n_real=-1)


def test_fully_synthetic_loop_refuses_real_images():
    with pytest.raises(ValidationError, match="n_real is 5: the fully_synthetic loop uses no real images"):
        make_loop("fully_synthetic", n_real=5)


@pytest.mark.parametrize("kind", ["synthetic_augmentation", "fresh_data"])
def test_loops_with_real_data_need_a_real_image_per_generation(kind: str):
    with pytest.raises(ValidationError, match=f"n_real is 0: the {kind} loop needs at least 1"):
        make_loop(kind, n_real=0)


def test_an_unknown_parameter_is_refused():
    with pytest.raises(ValidationError, match="n_fake"):
        make_loop(n_fake=3)


@pytest.mark.parametrize(
    ("pool", "t", "kept"),
    [
        ("previous", 2, [1]),
        ("previous", 5, [4]),
        ("accumulated", 2, [1]),
        ("accumulated", 5, [1, 2, 3, 4]),
        ("last:1", 5, [4]),
        ("last:3", 5, [2, 3, 4]),
        ("last:3", 3, [1, 2]),
        ("last:12", 14, list(range(2, 14))),
        ("accumulated", 1, []),
    ],
)
def test_pool_policy_keeps_these_generations(pool: str, t: int, kept: list[int]):
    assert list(make_loop(pool=pool).kept_generations(t)) == kept


@pytest.mark.parametrize(
    ("kind", "sizes", "needed"),
    [
        ("fully_synthetic", {"n_initial": 40}, 40),
        ("synthetic_augmentation", {"n_initial": 40, "n_real": 20}, 40),
        ("synthetic_augmentation", {"n_initial": 40, "n_real": 70}, 70),
        ("fresh_data", {"n_initial": 40, "n_real": 20, "generations": 5}, 40 + 4 * 20),
        ("fresh_data", {"n_initial": 40, "n_real": 20, "generations": 1}, 40),
    ],
)
def test_real_images_needed_over_the_whole_loop(kind: str, sizes: dict[str, int], needed: int):
    assert make_loop(kind, **sizes).real_images_needed() == needed


def test_a_contaminated_loop_has_a_share_of_synthetic_images():
    assert make_loop("fresh_data", contamination=0.6, n_real=20, n_synthetic=30).contamination == 0.6


@pytest.mark.parametrize(
    ("kind", "changes", "said"),
    [
        ("fully_synthetic", {"contamination": 0.5}, "the fully_synthetic loop has no real images"),
        ("fresh_data", {"contamination": 0.6, "pool": "accumulated"}, "choose pool previous"),
        ("fresh_data", {"contamination": 0.5}, "n_synthetic 30 of a pool of 50: must be 25"),
        ("fresh_data", {"contamination": 1.0}, "less than 1"),
        ("fresh_data", {"contamination": 0.0}, "greater than 0"),
    ],
)
def test_contamination_that_does_not_fit_is_refused(kind: str, changes: dict, said: str):
    with pytest.raises(ValidationError, match=said):
        make_loop(kind, **changes)
