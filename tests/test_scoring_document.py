"""The worked example of docs/scoring.md: its numbers follow from its tables, and the board says the same."""

import re
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from bench.board.ranking import rank_track
from bench.board.results import find_results
from bench.board.row import Row
from bench.board.tables import build_tables
from bench.board.trust import Trust
from bench.methods.file import load_method
from bench.paths import LEADERBOARD, ROOMS

DOCUMENT = Path(ROOMS / "docs" / "scoring.md")
EXAMPLE = DOCUMENT.read_text().partition("## One row, by hand")[2].partition("## The downloads")[0]
TEXT = " ".join(EXAMPLE.split())
FIGURES, SHARES = EXAMPLE.split("Precision and recall, of which real images reach .974 and .850:")


def fids(method: str) -> np.ndarray:
    """Return the example's FID, (seeds, generations)."""
    rows = re.findall(rf"^\| \d \| {method} \|(.*)\|$", FIGURES, re.MULTILINE)
    return np.array([[float(value) for value in row.split("|")] for row in rows])


def shares(method: str) -> np.ndarray:
    """Return the example's precision and recall, (seeds, generations, 2)."""
    rows = re.findall(rf"^\| \d \| {method} \|(.*)\|$", SHARES, re.MULTILINE)
    return np.array([[[float(v) for v in pair.split(",")] for pair in row.split("|")] for row in rows])


def f1(method: str) -> np.ndarray:
    both = shares(method)
    return 2 * both.prod(2) / both.sum(2)


def areas(curves: np.ndarray) -> np.ndarray:
    return (curves[:, :-1] + curves[:, 1:]).sum(1) / 2 / (curves.shape[1] - 1)


def t_interval(values: np.ndarray) -> tuple[float, float, float, float]:
    """Return mean, ends of the 95% interval, and p."""
    test = stats.ttest_1samp(values, 0)
    low, high = test.confidence_interval(0.95)
    return values.mean(), low, high, test.pvalue


LOG_FID = areas(np.log(fids("neon"))) - areas(np.log(fids("none")))
F1 = areas(f1("neon")) - areas(f1("none"))


@pytest.fixture(scope="module")
def rows() -> dict[str, Row]:
    """The rows of the example's track, as if it had the example's entries alone: others may come at any time."""
    named = set(re.findall(r"`(\w+)`", EXAMPLE.partition("these entries: ")[2].partition(".")[0]))
    assert len(named) == 8
    results = [
        result
        for result in find_results(LEADERBOARD / "results")
        if result.record.cell.method.name in named
        and result.record.cell.method.params == load_method(result.record.cell.method.name).identity.params
        and result.record.cell.loop.pool == "previous"
        and result.record.cell.seed < 3
    ]
    table = next(t for t in build_tables(results) if t.conditions.task == "digits")
    track = next(t for t in table.tracks if t.cell.generator.name == "ddpm" and t.cell.loop.kind == "fully_synthetic"
                 and t.cell.loop.sampling_bias == 1)  # fmt: skip
    return {row.entry.cell.method.name: row for row in rank_track(track, defaultdict(Trust), track.plain)}


def test_its_areas_follow_from_its_scores():
    number = r"(-?\d\.\d{4})"
    found = np.array(re.findall(rf"^\| \d \| {' . '.join([number] * 6)} \|$", EXAMPLE, re.MULTILINE), dtype=float).T
    expected = [areas(np.log(fids("none"))), areas(np.log(fids("neon"))), LOG_FID]
    expected += [areas(f1("none")), areas(f1("neon")), F1]
    assert found == pytest.approx(np.array(expected), abs=6e-5)
    first = ", ".join(f"{value:.3f}".removeprefix("0") for value in f1("none")[0])
    assert f"F1 is {first}, and its area .6014" in TEXT


def test_its_ratio_and_its_gain_in_f1_follow_from_its_areas():
    mean, low, high, p = t_interval(LOG_FID)
    for said in (f"is {mean:.4f};", f"{low:.4f} to {high:.4f}", f"p = {p:.4f}"):
        assert said in TEXT
    assert f"**{np.exp(mean):.2f}×**" in EXAMPLE
    assert f"{np.exp(low):.2f} to {np.exp(high):.2f}" in EXAMPLE
    mean, low, high, p = t_interval(F1)
    assert f"**+{mean:.3f}**, {low:.3f} to {high:.3f}, p = {p:.4f}" in TEXT


def test_its_marks_follow_from_its_scores():
    precision, recall = np.moveaxis(shares("neon")[:, 0] - shares("neon")[:, -1], 1, 0)
    at_least = recall.mean() - stats.t.ppf(0.95, 2) * recall.std(ddof=1) / np.sqrt(3)
    said = "{:.3f}, {:.3f} and {:.3f} below that of generation 1, {:.3f} on average".format(*recall, recall.mean())
    assert said.replace("0.", ".") in TEXT
    assert f"by more than {at_least:.3f}".replace("0.", ".") in TEXT
    assert at_least > 0.1 > precision.mean()
    assert f"Precision falls by {precision.mean():.3f}".replace("0.", ".") in TEXT
    assert f"{np.exp(np.log(fids('neon')[:, -1] / fids('neon')[:, 0]).mean()):.2f} times that of generation 1" in TEXT


def test_its_trends_follow_from_its_scores():
    slopes = np.array([stats.linregress(range(5), np.log(own)).slope for own in fids("neon")])
    mean, low, high, _ = t_interval(slopes)
    assert "rise by {:.3f}, {:.3f} and {:.3f} per generation, {:.3f} on average".format(*slopes, mean) in TEXT
    assert f"interval {low:.3f} to {high:.3f}: FID grows by a factor of {np.exp(mean):.2f}" in TEXT
    precision, recall = (
        t_interval(np.array([stats.linregress(range(5), own).slope for own in shares("neon")[..., place]]))
        for place in (0, 1)
    )
    assert f"by {-recall[0]:.3f} ({-recall[2]:.3f} to {-recall[1]:.3f})".replace("0.", ".") in TEXT
    assert f"({precision[1]:.3f} to {precision[2]:+.3f})".replace("0.", ".") in TEXT
    for own in fids("neon"):
        line = stats.linregress(range(5), np.log(own))
        half = stats.t.ppf(0.975, 3) * line.stderr
        assert f"{line.slope - half:.3f} to {line.slope + half:.3f}" in TEXT


def test_the_board_has_the_same_scores(rows: dict[str, Row]):
    for method in ("none", "neon"):
        records = rows[method].entry.records.values()
        found = [[g.scores.fid for g in record.generations] for record in records]
        assert np.array(found) == pytest.approx(fids(method), abs=6e-4)
        both = [[(g.scores.precision, g.scores.recall) for g in record.generations] for record in records]
        assert np.array(both) == pytest.approx(shares(method), abs=6e-4)


def test_the_board_draws_the_same_conclusions(rows: dict[str, Row]):
    neon = rows["neon"]
    assert [f"{value:.2f}" for value in neon.comparison.fid_ratio] == ["0.76", "0.65", "0.87"]
    adjusted = f"the p-values become {neon.comparison.adjusted_p:.3f} and {neon.comparison.adjusted_f1_p:.3f}"
    assert f"{adjusted}: Neon is better in both, and **{neon.word}**" in TEXT
    assert f"of the {sum(row.comparison is not None for row in rows.values())} entries beside the plain loop" in TEXT
    assert [mark.kind for mark in neon.marks] == ["loses diversity"]
    assert [direction.state for direction in neon.mad] == ["shown", "not shown", "shown"]
    assert [trend.is_mad for trend in neon.trends.values()] == [True, True, False]


def test_the_board_has_the_same_ranks(rows: dict[str, Row]):
    assert {name for name, row in rows.items() if row.word == "trades"} == {"self_correction", "more_samples"}
    ranks = {name: row.rank_range for name, row in rows.items() if row.rank}
    assert ranks == {"teacher": (1, 1), "neon": (2, 3), "moment_matching": (2, 3), "curation": (4, 4)}
    assert "its rank is **2**, its range 2 to 3 of 4" in TEXT


def test_the_methods_that_it_says_are_above_are(rows: dict[str, Row]):
    figures = {
        name: {
            "fid": -areas(np.log([[g.scores.fid for g in r.generations] for r in row.entry.records.values()])),
            "f1": areas(np.array([[2 * g.scores.precision * g.scores.recall / (g.scores.precision + g.scores.recall)
                                   for g in r.generations] for r in row.entry.records.values()])),
        }
        for name, row in rows.items()
        if row.rank
    }  # fmt: skip

    def above(one: str, other: str) -> bool:
        tests = [stats.ttest_rel(figures[one][name], figures[other][name]) for name in ("fid", "f1")]
        signs = [np.sign(test.statistic) if test.pvalue < 0.05 else 0 for test in tests]
        return 1 in signs and -1 not in signs

    assert [name for name in figures if name != "neon" and above(name, "neon")] == ["teacher"]
    assert [name for name in figures if name != "neon" and above("neon", name)] == ["curation"]


def test_the_rule_in_five_lines_is_the_same_on_the_page():
    def words(text: str) -> str:
        return " ".join(re.sub(r"<[^>]*>|[*`]", "", text).split())

    page = (ROOMS / "leaderboard" / "site" / "rules.html.jinja").read_text()
    shown = [words(item) for item in re.findall(r"<li>(.*?)</li>", page.partition("</ol>")[0], re.DOTALL)]
    document = DOCUMENT.read_text().partition("## The rule in five lines")[2].partition("## The figures")[0]
    assert shown == [words(item) for item in re.split(r"^\d\. ", document, flags=re.MULTILINE)[1:]]
    assert len(shown) == 5


def test_the_guide_works_out_the_same_row():
    page = (ROOMS / "leaderboard" / "site" / "guide.html.jinja").read_text(encoding="utf-8")
    html = page.partition('<div class="example">')[2].partition("docs/scoring.md")[0]
    said = " ".join(re.sub(r"<[^>]*>", " ", html).replace("\N{MINUS SIGN}", "-").split())
    fid, gain = t_interval(LOG_FID), t_interval(F1)
    recall = shares("neon")[:, 0, 1] - shares("neon")[:, -1, 1]
    expected = [
        *fids("none")[0], *fids("neon")[0], *(areas(np.log(fids(method)))[0] for method in ("none", "neon")),
        *LOG_FID, *fid[:3], *np.exp(fid[:3]), *(areas(f1(method))[0] for method in ("none", "neon")), *gain[:3],
        np.exp(np.log(fids("neon")[:, -1] / fids("neon")[:, 0]).mean()), recall.mean(),
    ]  # fmt: skip
    found = re.findall(r"-?\d*\.\d{2,}", said)
    assert len(found) == len(expected)
    for each, value in zip(found, expected, strict=True):
        assert float(each) == pytest.approx(value, abs=0.6 * 10 ** -len(each.partition(".")[2])), each
        assert each.lstrip("-") in EXAMPLE
    for words in ("Neon helps", "does not cure", "Neon loses diversity"):
        assert words in said
