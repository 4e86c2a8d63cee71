"""What messages offer in the place of a wrong word."""

import pytest

from bench.errors import choose, nearest

METHODS = ["neon", "none", "random_subset", "self_correction"]


@pytest.mark.parametrize(
    ("word", "meant"),
    [("nonee", "none"), ("Neon", "neon"), ("self-correction", "self_correction"), ("randomsubset", "random_subset"),
     ("xyz", None), ("", None)],
)  # fmt: skip
def test_the_nearest_name_is_found_and_none_where_none_is_near(word: str, meant: str | None):
    assert nearest(METHODS, word) == meant


def test_the_names_stand_behind_the_nearest_one():
    assert choose(METHODS, "neo") == f"did you mean neon? choose one of {', '.join(METHODS)}"
    assert choose(METHODS, "xyz") == choose(METHODS) == f"choose one of {', '.join(METHODS)}"


def test_a_single_name_is_no_choice():
    assert choose(["ddpm"], "ddmp") == "choose ddpm"
