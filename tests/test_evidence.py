"""docs/evidence.md: how many seeds its numbers ask for, and what a second look costs, computed again."""

import math
import re
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

TEXT = (Path(__file__).parents[1] / "docs" / "evidence.md").read_text()
NUMBER = r"-?\d*\.?\d+"


def needed(effect: float, deviation: float) -> int:
    """Return the fewest seeds whose two-sided t test at 95% shows an effect with probability .8."""
    for n in count(3):
        noncentral = stats.nct(n - 1, abs(effect) / (deviation / math.sqrt(n)))
        if noncentral.sf(stats.t.ppf(0.975, n - 1)) >= 0.8:
            return n
    raise AssertionError


def upper_end(n: int) -> float:
    """Return how many times a deviation of n seeds the upper end of its one-sided 80% interval is."""
    return math.sqrt((n - 1) / stats.chi2.ppf(0.2, n - 1))


def rows(header: str) -> list[list[str]]:
    """Return the cells of the table that begins so."""
    table = TEXT.split(header)[1].split("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


FIRST = rows("| question | number | three seeds |")
OF_QUESTION_1 = rows("| number | so far |")


@pytest.mark.parametrize("row", FIRST, ids=lambda row: f"{row[0]}: {row[1]}")
def test_the_seeds_of_the_first_table_follow_from_its_deviations(row: list[str]):
    """The table's figures are rounded: a seed more or less."""
    bound = float(re.findall(rf"(?:below|above) ({NUMBER})", row[1])[0])
    mean = float(row[2].split()[0])
    deviation, upper = (float(value) for value in row[3].split(", "))
    effect = math.log(mean / bound) if row[1].startswith("FID") else mean - bound
    assert upper / deviation == pytest.approx(upper_end(3), rel=0.02)
    assert abs(needed(effect, deviation) - int(row[4])) <= 1
    assert abs(needed(effect, upper) - int(row[5])) <= 1
    assert int(row[6]) >= int(row[5])


def test_the_seeds_of_the_second_look_follow_from_its_deviation():
    [(mean, deviation, upper, few, many)] = re.findall(
        rf"With ten it was open, ({NUMBER}) .*?"
        rf"deviation ({NUMBER}), upper\s+end ({NUMBER})\) gives (\d+) and (\d+) seeds",
        TEXT,
        re.DOTALL,
    )
    effect = float(mean) + 0.05
    assert float(upper) / float(deviation) == pytest.approx(upper_end(10), rel=0.02)
    assert abs(needed(effect, float(deviation)) - int(few)) <= 1
    assert abs(needed(effect, float(upper)) - int(many)) <= 1


@pytest.mark.parametrize("row", OF_QUESTION_1, ids=lambda row: row[0])
def test_the_seeds_of_question_1_follow_from_their_deviations(row: list[str]):
    mean = float(row[1].split()[0])
    deviation, upper = (float(value) for value in row[2].split(", "))
    effect = math.log(mean) if row[0].endswith("FID") else mean
    assert upper / deviation == pytest.approx(upper_end({"three": 3, "five": 5}[row[1].split()[-2]]), rel=0.05)
    assert abs(needed(effect, deviation) - int(row[3])) <= 1
    assert abs(needed(effect, upper) - int(row[4])) <= 1


def test_of_question_1_the_number_that_takes_fewest_is_run():
    (last,) = re.findall(r"seeds 3 to (\d+) of", TEXT)
    assert int(last) + 1 == min(int(row[4]) for row in OF_QUESTION_1) == int(OF_QUESTION_1[0][4])


@pytest.mark.parametrize(("looks", "sentence"), [((10, 35), "called kept"), ((3, 10), "called against the claim")])
def test_a_second_look_errs_as_often_as_it_says(looks: tuple[int, int], sentence: str):
    [(twice, once)] = re.findall(rf"{sentence} with probability ({NUMBER}) in place of ({NUMBER})", TEXT)
    values = np.random.default_rng(1).standard_normal((100_000, max(looks)))
    found = [values[:, :n].mean(1) / (values[:, :n].std(1, ddof=1) / math.sqrt(n)) for n in looks]
    first, second = (statistic > stats.t.ppf(0.975, n - 1) for statistic, n in zip(found, looks, strict=True))
    closed = first | (found[0] < -stats.t.ppf(0.975, looks[0] - 1))
    assert first.mean() == pytest.approx(float(once), abs=0.002)
    assert (first | (~closed & second)).mean() == pytest.approx(float(twice), abs=0.003)
