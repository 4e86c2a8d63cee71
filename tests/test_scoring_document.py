"""The worked example of docs/scoring.md: its numbers follow from its table, and the board says the same."""

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


def fids(method: str) -> np.ndarray:
    """Return the example's FID, (seeds, generations)."""
    rows = re.findall(rf"^\| \d \| {method} \|(.*)\|$", EXAMPLE, re.MULTILINE)
    return np.array([[float(value) for value in row.split("|")] for row in rows])


def areas(method: str) -> np.ndarray:
    logs = np.log(fids(method))
    return (logs[:, :-1] + logs[:, 1:]).sum(1) / 2 / (logs.shape[1] - 1)


@pytest.fixture(scope="module")
def rows() -> list[Row]:
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
    return rank_track(track, defaultdict(Trust), track.plain)


@pytest.fixture(scope="module")
def neon(rows: list[Row]) -> Row:
    return next(row for row in rows if row.entry.cell.method.name == "neon")


def test_its_areas_follow_from_its_fid():
    rows = re.findall(r"^\| \d \| (\d\.\d{4}) \| (\d\.\d{4}) \| (-\d\.\d{4}) \|$", EXAMPLE, re.MULTILINE)
    found = np.array(rows, dtype=float).T
    expected = [areas("none"), areas("neon"), areas("neon") - areas("none")]
    assert found == pytest.approx(np.array(expected), abs=6e-5)


def test_its_ratio_follows_from_its_areas():
    test = stats.ttest_1samp(areas("neon") - areas("none"), 0)
    low, high = test.confidence_interval(0.95)
    mean = (areas("neon") - areas("none")).mean()
    for said in (f"is {mean:.4f};", f"{low:.4f} to {high:.4f}", f"p = {test.pvalue:.4f}"):
        assert said in " ".join(EXAMPLE.split())
    assert f"**{np.exp(mean):.2f}×**" in EXAMPLE
    assert f"{np.exp(low):.2f} to {np.exp(high):.2f}" in EXAMPLE


def test_its_trend_follows_from_its_fid():
    slopes = [stats.linregress(range(5), own).slope for own in fids("neon")]
    low, high = stats.ttest_1samp(slopes, 0).confidence_interval(0.95)
    text = " ".join(EXAMPLE.split())
    assert (
        "rise by {:.3f}, {:.3f} and {:.3f} per generation, {:.3f} on average".format(*slopes, np.mean(slopes)) in text
    )
    assert f"interval {low:.3f} to {high:.3f}" in text


def test_the_board_has_the_same_fid(rows: list[Row], neon: Row):
    plain = next(row for row in rows if row.entry.is_plain)
    for row, method in ((plain, "none"), (neon, "neon")):
        found = [[g.scores.fid for g in record.generations] for record in row.entry.records.values()]
        assert np.array(found) == pytest.approx(fids(method), abs=6e-4)


def test_the_board_draws_the_same_conclusions(rows: list[Row], neon: Row):
    text = " ".join(EXAMPLE.split())
    assert [f"{value:.2f}" for value in neon.comparison.fid_ratio] == ["0.76", "0.65", "0.87"]
    assert f"p becomes {neon.comparison.adjusted_p:.3f}, below 0.05: Neon helps" in text
    assert neon.comparison.effect == "helps"
    assert f"for the {sum(row.comparison is not None for row in rows)} entries beside the plain loop" in text
    assert f"Neon's rank is **{neon.rank}**" in text
    assert (neon.is_mad, [trend.is_mad for trend in neon.trends.values()]) == (True, [True, True, False])


def test_the_methods_that_it_says_are_better_are(rows: list[Row], neon: Row):
    logs = {
        row.entry.cell.method.name: np.log([[g.scores.fid for g in r.generations] for r in row.entry.records.values()])
        for row in rows
        if row.rank
    }
    area = {name: ((log[:, :-1] + log[:, 1:]) / 2).mean(1) for name, log in logs.items()}
    tests = {name: stats.ttest_rel(own, area["neon"]) for name, own in area.items() if name != "neon"}
    better = {name for name, test in tests.items() if test.pvalue < 0.05 and test.statistic < 0}
    said = " ".join(EXAMPLE.split()).partition("are counted: ")[2].partition(".")[0]
    assert better == set(re.findall(r"`(\w+)`", said))
