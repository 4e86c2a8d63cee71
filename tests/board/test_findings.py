"""The findings of the literature: a number in every setting that can have it, and a word by the stated rule."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bench.board.answers import by_series
from bench.board.findings import Finding, FoundNumber, load_findings, look_up
from bench.errors import BadInput
from bench.executors.grid import plan_cells
from bench.paths import LEADERBOARD
from board.test_questions import records_of

SETTINGS = """
since = { date = 2026-01-02, commit = "0123abc" }

[[settings]]
name = "digits"
kind = "images"
cells = { task = "digits", tier = "smoke", generator = "ddpm" }

[[settings]]
name = "points"
kind = "points"
cells = { task = "gaussian", tier = "smoke", generator = "gaussian", generations = 5 }
"""
FINDING = """
[[findings]]
part = "methods"
name = "{name}"
claim = "it helps"
source = "somebody"
differs = "everything"
numbers = [
    {{ label = "recall", cells = {{ loop = "fully_synthetic", method = "{method}" }}, statistic = "last", {rest} }},
]
"""


@pytest.fixture
def load(tmp_path: Path) -> Callable[[str], list[Finding]]:
    """Return the findings of a file that has this text."""

    def write(text: str) -> list[Finding]:
        path = tmp_path / "findings.toml"
        path.write_text(text)
        return load_findings(path, plan_cells)

    return write


def finding(name: str = "a", method: str = "none") -> str:
    return FINDING.format(name=name, method=method, rest='metric = "recall", above = 0.5, margin = "so"')


def found(one: Finding, *ends: Sequence[float]) -> list[FoundNumber]:
    """Return what is found where recall ends at these values, by setting and seed."""
    sides = [evidence.cells for evidence in one.question.evidence]
    records = [
        record
        for side, values in zip(sides, ends, strict=True)
        for record in records_of(side, "recall", {seed: (0.5,) * 4 + (end,) for seed, end in enumerate(values)})
    ]
    return look_up(one, by_series(records))


def test_a_number_is_asked_in_every_setting(load):
    [one] = load(SETTINGS + finding())
    assert one.settings == ("digits", "points")
    assert [evidence.cells.cell.task for evidence in one.question.evidence] == ["digits", "gaussian"]
    assert [evidence.cells.cell.loop.generations for evidence in one.question.evidence] == [5, 5]


def test_a_number_is_not_asked_where_its_method_cannot_be_run(load):
    [one] = load(SETTINGS + finding(method="verifier"))  # needs labels
    assert one.settings == ("digits",)


def test_a_number_of_one_kind_is_asked_of_that_kind(load):
    [one] = load(SETTINGS + finding().replace("{ label", '{ of = ["points"], label'))
    assert one.settings == ("points",)


def test_what_a_number_says_of_its_cells_comes_before_the_setting(load):
    [one] = load(SETTINGS + finding().replace("cells = { loop", "cells = { generations = 3, loop"))
    assert [evidence.cells.cell.loop.generations for evidence in one.question.evidence] == [3, 3]


@pytest.mark.parametrize(
    ("ends", "word"),
    [
        ((0.8, 0.81, 0.82), "agrees"),
        ((0.1, 0.11, 0.12), "disagrees"),
        ((0.4, 0.5, 0.7), "not shown"),
        ((0.8, 0.81), "not tested"),
    ],
)
def test_the_word_follows_from_the_interval(load, ends: Sequence[float], word: str):
    [one] = load(SETTINGS + finding())
    [number] = found(one, ends, ())
    assert (number.setting, number.word, number.item.seeds) == ("digits", word, tuple(range(len(ends))))


def test_a_number_without_any_record_comes_once(load):
    [one] = load(SETTINGS + finding())
    [number] = found(one, (), ())
    assert number == FoundNumber("", "recall", None)
    assert number.word == "not tested"


def test_what_the_source_does_not_claim_has_no_verdict(load):
    [one] = load(SETTINGS + finding().replace('margin = "so"', 'margin = "so", decides = false'))
    [number] = found(one, (0.8, 0.81, 0.82), ())
    assert number.word == "beside the claim"


def test_what_was_not_run_is_not_planned(tmp_path: Path):
    def plan(choices):
        asked.append(choices.tasks)
        return plan_cells(choices)

    path, asked = tmp_path / "findings.toml", []
    path.write_text(SETTINGS + finding())
    [one] = load_findings(path, plan, {("gaussian", "smoke", "gaussian", "fully_synthetic", "none")})
    assert (one.settings, asked) == (("points",), [["gaussian"]])


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('part = "methods"', 'part = "others"', "findings.0.part = 'others'"),
        ('"it helps"', '" "', "a text is missing"),
        ('method = "none"', 'method = "magic"', "a: numbers.0: cells.method"),
        ('loop = "fully_synthetic"', 'loop = "circle"', "a: numbers.0: cells.loop = 'circle'"),
        ('method = "none"', 'method = "none", sampling_bias = 2.0', "no setting can have it: --sampling-bias 2.0"),
        ("{ label", '{ of = ["sounds"], label', "of is 'sounds': choose one of digits, images, points"),
        ('margin = "so"', "colour = 1", "a: numbers.0: colour is not a known key"),
        ('name = "points"', 'name = "digits"', "the name 'digits' is there twice"),
    ],
)
def test_a_wrong_file_is_refused_with_one_line_that_names_it(load, old: str, new: str, line: str):
    text = SETTINGS + finding()
    assert old in text
    with pytest.raises(BadInput) as refused:
        load(text.replace(old, new, 1))
    assert line in str(refused.value)
    assert "findings.toml: " in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.slow  # plans the cells of every finding in every setting, 400 of them
def test_the_shipped_findings_can_be_asked():
    shipped = load_findings(LEADERBOARD / "findings.toml", plan_cells)
    assert {one.part for one in shipped} == {"paper", "methods"}
    assert all("digits, DDPM" in one.settings or one.settings[0] == "digits, StyleGAN-lite" or
               set(one.settings) == {"Gaussians"} for one in shipped)  # fmt: skip
