"""Curves over seeds."""

from pathlib import Path

from bench.board.curves import draw_curves
from bench.board.results import Result
from bench.board.tables import Entry

from .made_up import make_record


def entry(*fids: tuple[float, ...], **options: object) -> Entry:
    records = (make_record(seed=seed, fids=each, **options) for seed, each in enumerate(fids))
    return Entry(tuple(Result(Path("x"), record, None) for record in records))


def test_a_curve_is_the_mean_over_seeds_with_its_interval():
    (curves,) = draw_curves([entry((1, 10), (2, 20), (6, 60))])
    # With three seeds the bootstrap interval is their range.
    assert [(p.mean, p.low, p.high) for p in curves["fid"]] == [(3, 1, 6), (30, 10, 60)]
    assert [(p.mean, p.low, p.high) for p in curves["recall"]] == [(0.625,) * 3] * 2


def test_one_seed_is_drawn_as_it_was_measured():
    (curves,) = draw_curves([entry((1.1, 2.3, 1e-9))])
    assert [(p.mean, p.low, p.high) for p in curves["fid"]] == [(1.1,) * 3, (2.3,) * 3, (1e-9,) * 3]


def test_entries_with_other_numbers_of_seeds_and_generations_keep_their_own_curves():
    found = draw_curves([entry((1, 2)), entry((3,), (5,)), entry((7, 8, 9))])
    assert [[p.mean for p in curves["fid"]] for curves in found] == [[1, 2], [4], [7, 8, 9]]


def test_a_score_that_a_cell_lacks_has_no_curve():
    (curves,) = draw_curves([entry((1, 2), label_agreement=None)])
    assert set(curves) == {"fid", "precision", "recall"}
