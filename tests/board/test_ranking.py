"""Ranks and comparisons, against SciPy's tests and cases that can be worked out by hand."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from bench.board.ranking import rank_track
from bench.board.results import Result
from bench.board.row import Row
from bench.board.tables import build_tables
from bench.board.trust import ResultWarning, Trust
from bench.cells.record import Record

from .made_up import make_record

PLAIN = (4.0, 5.0, 4.5)  # FID of the last generation by seed


def cells(method: str, lasts: Sequence[float], **options: Any) -> list[Record]:
    """Return a cell of two generations for each seed, with these FIDs in the second; in the first it is 2."""
    return [make_record(method=method, seed=seed, fids=(2.0, last), **options) for seed, last in enumerate(lasts)]


def scaled(*factors: float) -> list[float]:
    return [last * factor for last, factor in zip(PLAIN, factors, strict=True)]


def control(record: Record) -> Record:
    cell = record.cell.model_copy(update={"method": record.cell.method.model_copy(update={"control": True})})
    return record.model_copy(update={"cell": cell, "cell_id": cell.id})


def rank(records: list[Record], trust: dict[str, Trust] | None = None) -> dict[str, Row]:
    (table,) = build_tables(Result(Path("x"), record, None) for record in records)
    (track,) = table.tracks
    trusts = {record.cell_id: Trust() for record in records} | (trust or {})
    return {row.entry.cell.method.name: row for row in rank_track(track, trusts, track.plain)}


def test_the_ranking_figure_is_the_paired_difference_of_the_areas():
    rows = rank(cells("none", PLAIN) + cells("a", scaled(0.5, 0.6, 0.4)))
    # Two generations: the area is the mean of two logarithms, of which the first is common.
    differences = [math.log(factor) / 2 for factor in (0.5, 0.6, 0.4)]
    test = stats.ttest_1samp(differences, 0)
    interval = test.confidence_interval(0.95)
    found = rows["a"].comparison
    expected = (np.mean(differences), interval.low, interval.high)
    assert found.fid_ratio == pytest.approx(np.exp(expected))
    assert found.log_fid_area.p == pytest.approx(test.pvalue)
    # Adjusted for the other figure, F1, in which the made-up records are all alike: its p-value is 1.
    assert (found.adjusted_p, found.adjusted_f1_p) == (pytest.approx(2 * test.pvalue), 1)


def test_scores_of_the_last_generation_are_compared_by_seed():
    rows = rank(cells("none", PLAIN) + cells("a", (3.0, 3.5, 4.0)))
    interval = stats.ttest_rel((3.0, 3.5, 4.0), PLAIN).confidence_interval(0.95)
    found = rows["a"].comparison.last["fid"]
    assert (found.mean, found.low, found.high) == pytest.approx((-1, interval.low, interval.high))
    assert found.seeds == 3


def test_ranks_are_one_more_than_the_number_of_those_that_are_better():
    rows = rank(
        cells("none", PLAIN)
        + cells("best", scaled(0.10, 0.11, 0.10))
        + cells("tied_1", scaled(0.50, 0.60, 0.40))
        + cells("tied_2", scaled(0.55, 0.50, 0.45))
        + cells("worst", scaled(0.90, 0.99, 1.05))
    )
    assert {name: row.rank for name, row in rows.items()} == {
        "best": 1, "tied_1": 2, "tied_2": 2, "worst": 4, "none": None,
    }  # fmt: skip
    assert {name: row.rank_range for name, row in rows.items()} == {
        "best": (1, 1), "tied_1": (2, 3), "tied_2": (2, 3), "worst": (4, 4), "none": None,
    }  # fmt: skip
    assert list(rows) == ["best", "tied_1", "tied_2", "worst", "none"] or list(rows)[1:3] == ["tied_2", "tied_1"]


def test_ranks_agree_with_scipys_paired_t_tests():
    generator = np.random.default_rng(0)
    lasts = {f"m{i}": PLAIN * np.exp(generator.normal(-0.05 * i, 0.15, 3)) for i in range(12)}
    rows = rank(cells("none", PLAIN) + [record for name, last in lasts.items() for record in cells(name, last)])
    areas = {name: np.log(last) / 2 for name, last in lasts.items()}
    for name, own in areas.items():
        tests = [stats.ttest_rel(other, own) for key, other in areas.items() if key != name]
        assert rows[name].rank == 1 + sum(test.pvalue < 0.05 and test.statistic < 0 for test in tests)


def test_effects_are_adjusted_for_the_number_of_entries():
    generator = np.random.default_rng(0)
    factors = [np.exp(generator.normal(-0.1 * i, 0.08, 3)) for i in range(6)]
    rows = rank(
        cells("none", PLAIN) + [r for i, factor in enumerate(factors) for r in cells(f"m{i}", scaled(*factor))]
    )
    p = [stats.ttest_1samp(np.log(factor), 0).pvalue for factor in factors]
    adjusted = stats.false_discovery_control([*p, *[1.0] * 6])[:6]  # and for F1, in which nothing differs
    assert [rows[f"m{i}"].comparison.adjusted_p for i in range(6)] == pytest.approx(list(adjusted))
    effects = [rows[f"m{i}"].word for i in range(6)]
    assert effects == ["helps" if value < 0.05 else "no difference shown" for value in adjusted]
    assert {"helps", "no difference shown"} == set(effects)
    assert any(raw < 0.05 <= value for raw, value in zip(p, adjusted, strict=True))  # the adjustment decides one


def test_a_method_that_makes_it_worse_hurts():
    rows = rank(cells("none", PLAIN) + cells("a", scaled(2.0, 2.1, 2.2)))
    assert rows["a"].word == "hurts"


def test_two_seeds_are_shown_and_not_ranked():
    rows = rank(cells("none", PLAIN) + cells("a", PLAIN[:2]))
    assert (rows["a"].rank, rows["a"].unranked_because) == (None, "fewer than 3 seeds")
    assert rows["a"].word == "no difference shown"


def test_seeds_that_the_plain_loop_lacks_do_not_count():
    rows = rank(cells("none", PLAIN[:2]) + cells("a", scaled(0.1, 0.1, 0.1)))
    assert rows["a"].unranked_because == "fewer than 3 seeds"
    assert rows["a"].comparison.log_fid_area.seeds == 2


def test_controls_are_never_ranked():
    rows = rank(cells("none", PLAIN) + [control(record) for record in cells("oracle", scaled(0.1, 0.1, 0.1))])
    assert (rows["oracle"].rank, rows["oracle"].unranked_because) == (None, "control")


def test_the_plain_method_with_another_pool_is_ranked():
    records = cells("none", PLAIN) + cells("none", scaled(0.5, 0.6, 0.5), pool="accumulated")
    (table,) = build_tables(Result(Path("x"), control(record), None) for record in records)
    trusts = {control(record).cell_id: Trust() for record in records}
    rows = rank_track(table.tracks[0], trusts, table.tracks[0].plain)
    assert [(row.entry.cell.loop.pool, row.rank) for row in rows] == [("accumulated", 1), ("previous", None)]


def test_without_the_plain_loop_nothing_is_ranked():
    rows = rank(cells("a", PLAIN))
    assert (rows["a"].rank, rows["a"].unranked_because) == (None, "no plain loop with these seeds")
    assert rows["a"].comparison is None


def test_a_warning_takes_the_rank_and_does_not_push_others_down():
    records = cells("none", PLAIN) + cells("a", scaled(0.1, 0.11, 0.1)) + cells("b", scaled(0.5, 0.5, 0.55))
    suspicious = next(record.cell_id for record in records if record.cell.method.name == "a")
    rows = rank(
        records, {suspicious: Trust(warnings=(ResultWarning("its numbers could not be reproduced", "somebody"),))}
    )
    assert (rows["a"].rank, rows["a"].unranked_because) == (None, "warning")
    assert rows["b"].rank == 1


def test_of_several_seeds_the_least_trust_counts():
    records = cells("none", PLAIN)
    levels = ("verified", "reproduced", "self-reported")
    for known in range(1, 4):
        trust = {r.cell_id: Trust(level=level) for r, level in zip(records[:known], levels, strict=False)}
        trust |= {r.cell_id: Trust(level="verified") for r in records[known:]}
        assert rank(records, trust)["none"].trust.level == levels[known - 1]


def test_costs_are_multiples_of_the_plain_loops():
    double = [
        record.model_copy(
            update={
                "generations": tuple(
                    g.model_copy(
                        update={"cost": g.cost.model_copy(update={"images_trained": 3000, "network_evaluations": 25})}
                    )
                    for g in record.generations
                )
            }
        )
        for record in cells("a", PLAIN)
    ]
    found = rank(cells("none", PLAIN) + double)["a"]
    assert (found.comparison.training, found.comparison.evaluations) == (3, 0.5)
    assert (found.cost.images_trained, found.cost.network_evaluations, found.cost.seconds) == (6000, 50, 7)


def test_one_generation_is_compared_with_nothing():
    rows = rank([make_record(method=m, seed=s, fids=(2.0,)) for m in ("none", "a") for s in range(3)])
    assert (rows["a"].comparison, rows["a"].word, rows["a"].f1_area) == (None, None, None)
    assert rows["a"].unranked_because == "one generation"
