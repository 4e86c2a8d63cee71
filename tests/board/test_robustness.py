"""Other looks at the order of the methods, against SciPy's rank correlation."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from bench.board.results import Result
from bench.board.robustness import Look, robustness
from bench.board.tables import build_tables
from bench.cells.record import Record

from .made_up import add_scores, make_record

FIDS = {"a": 2.0, "b": 3.0, "c": 4.0, "d": 5.0, "e": 6.0}  # of the last of two generations
KIDS = {"a": 0.3, "b": 0.1, "c": 0.2, "d": 0.5, "e": 0.4}
COVERAGES = {"a": 0.1, "b": 0.2, "c": 0.3, "d": 0.4, "e": 0.5}
RECALLS = {"a": 0.9, "b": 0.8, "c": 0.5, "d": 0.6, "e": 0.1}
ELSEWHERE = {"a": 9.0, "b": 7.0, "c": 8.0, "d": 6.0, "e": 5.0}


def records(*, names: str = "abcde", elsewhere: bool = False, seeds: int = 3) -> list[Record]:
    found = []
    for name in names:
        for seed in range(seeds):
            record = make_record(method=name, seed=seed, fids=(2.0, FIDS[name] + 1.5 * seed * (name in "ad")))
            scores = {"kid": KIDS[name], "coverage": COVERAGES[name], "recall": RECALLS[name], "precision": 0.8}
            last = record.generations[1]
            last = last.model_copy(update={"scores": last.scores.model_copy(update=scores)})
            record = record.model_copy(update={"generations": (record.generations[0], last)})
            found.append(add_scores(record, "other", (2.0, ELSEWHERE[name])) if elsewhere else record)
    return found


def looks(made: list[Record]) -> dict[tuple[str, str], Look]:
    results = [
        Result(Path("x"), own, None, own_space=not place) for r in made for place, own in enumerate(r.in_each_space())
    ]
    tables = build_tables(results)
    (found,) = robustness(tables)[0].values()
    return {(look.figure.key, look.what): look for look in found}


def test_the_order_by_kid_is_held_against_that_by_fid():
    found = looks(records())["fid", "KID for FID"]
    fid = [np.mean([np.log(FIDS[name] + 1.5 * seed * (name in "ad")) for seed in range(3)]) for name in FIDS]
    assert found.correlation == pytest.approx(stats.spearmanr(fid, list(KIDS.values())).statistic)
    assert found.methods == 5


def test_coverage_stands_in_for_recall():
    found = looks(records())["f1", "coverage for recall"]
    expected = stats.spearmanr(list(RECALLS.values()), list(COVERAGES.values())).statistic
    assert found.correlation == pytest.approx(expected)
    assert found.correlation < 0


def test_without_a_seed_the_lowest_correlation_counts():
    logs = np.log([[FIDS[name] + 1.5 * seed * (name in "ad") for seed in range(3)] for name in FIDS])
    without = [stats.spearmanr(logs.mean(1), np.delete(logs, seed, 1).mean(1)).statistic for seed in range(3)]
    found = looks(records())
    assert found["fid", "without a seed"].correlation == pytest.approx(min(without))
    assert min(without) < 1
    assert found["f1", "without a seed"].correlation == pytest.approx(1)


def test_another_feature_space_is_another_look():
    found = looks(records(elsewhere=True))
    fid = [np.mean([np.log(FIDS[name] + 1.5 * seed * (name in "ad")) for seed in range(3)]) for name in FIDS]
    expected = stats.spearmanr(fid, list(ELSEWHERE.values())).statistic
    assert found["fid", "in other"].correlation == pytest.approx(expected)
    assert found["f1", "in other"].correlation is None  # there all methods have the same precision and recall


def test_fewer_than_four_methods_have_no_order_to_speak_of():
    assert looks(records(names="abc")) == {}


def test_one_seed_cannot_be_left_out():
    found = looks(records(seeds=1))
    assert (found["fid", "without a seed"].correlation, found["fid", "without a seed"].methods) == (None, 0)
    assert found["fid", "KID for FID"].correlation is not None
