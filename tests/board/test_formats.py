"""How the pages write numbers."""

import pytest

from bench.board.formats import p_value, size


@pytest.mark.parametrize(
    ("value", "text"),
    [(8, "8 B"), (999.4, "999 B"), (999.6, "1 kB"), (999_600, "1 MB"), (999.7e6, "1 GB"), (2.5e9, "2.5 GB")],
)
def test_sizes_have_three_digits_and_no_exponent(value: float, text: str) -> None:
    assert size(value) == text


def test_no_p_value_is_0() -> None:
    assert [p_value(0.0), p_value(0.0004), p_value(0.0312)] == ["p < .001", "p < .001", "p = 0.031"]
