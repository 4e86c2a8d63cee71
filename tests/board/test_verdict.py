"""The words, marks and ranks of made-up tracks: what a fair reader would say of each."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.board.board import build_board
from bench.board.marks import Changes
from bench.board.ranking import rank_track
from bench.board.results import Result
from bench.board.row import Row
from bench.board.tables import Entry, build_tables
from bench.board.trust import Trust
from bench.board.verdict import compare_entries, verdict
from bench.cells.record import Record
from bench.cells.retraining import Kind

from .made_up import make_record

# What seeds differ by: of the log of FID, and of shares.
NOISE = (-0.03, 0.01, 0.02)
SHARES = ("precision", "recall")


def cells(
    method: str,
    *,
    fid: Sequence[float],
    precision: Sequence[float] = (0.8, 0.8, 0.8),
    recall: Sequence[float] = (0.8, 0.8, 0.8),
    authpct: Sequence[float] | None = None,
    retrained: Kind | None = "from scratch",
    drawn: float | None = 1.0,
    control: bool = False,
    seeds: int = 3,
    noise: float = 1.0,
    **options: Any,
) -> list[Record]:
    """Return a cell for each seed, with these scores in its generations but for a little noise after the first."""
    found = []
    for seed in range(seeds):
        random = np.random.default_rng([seed, *map(ord, method)])
        fids = tuple(v * float(np.exp(noise * NOISE[seed % 3] * (t > 0))) for t, v in enumerate(fid))
        record = make_record(method=method, seed=seed, fids=fids, **options)
        generations = []
        for t, result in enumerate(record.generations):
            shaken = {
                name: float(np.clip(values[t] + noise * random.normal(0, 0.004) * (t > 0), 0, 1))
                for name, values in (("precision", precision), ("recall", recall))
            }
            shaken["authpct"] = (authpct or [60.0] * len(fid))[t] + NOISE[seed % 3]
            change: dict[str, Any] = {"scores": result.scores.model_copy(update=shaken), "drawn": drawn}
            if t and retrained is None:
                change["retrained"] = None
            elif t:
                change["retrained"] = result.retrained.model_copy(update={"kind": retrained})
            generations.append(result.model_copy(update=change))
        cell = record.cell.model_copy(update={"method": record.cell.method.model_copy(update={"control": control})})
        found.append(record.model_copy(update={"generations": tuple(generations), "cell": cell, "cell_id": cell.id}))
    return found


def plain(**changes: Any) -> list[Record]:
    """Return a plain loop that declines: FID doubles twice, precision and recall fall."""
    declining = {"fid": (2.0, 4.0, 8.0), "precision": (0.8, 0.75, 0.7), "recall": (0.8, 0.5, 0.2)}
    return cells("none", **(declining | changes))


def rows_of(*records: list[Record], fine_tuned: list[Record] | None = None) -> dict[str, Row]:
    (table,) = build_tables(Result(Path("x"), record, None) for some in records for record in some)
    (track,) = table.tracks
    twin = fine_tuned and Entry(tuple(Result(Path("x"), record, None) for record in fine_tuned))
    rows = rank_track(track, {r.cell_id: Trust() for some in records for r in some}, track.plain, twin or None)
    return {row.entry.cell.method.name: row for row in rows}


def kinds(row: Row) -> list[str]:
    return [mark.kind for mark in row.marks]


def test_a_collapsed_copier_trades_is_marked_and_has_no_rank():
    copier = cells("copier", fid=(2.0, 1.5, 1.5), precision=(0.8, 1, 1), recall=(0.8, 0.2, 0.05), authpct=(60, 40, 20))
    row = rows_of(plain(), copier)["copier"]
    assert (row.word, row.trades) == ("trades", ("FID", "recall"))
    assert kinds(row) == ["loses diversity", "copies"]
    assert (row.rank, row.unranked_because) == (None, "copies")
    assert row.marks[0].reason == "recall -0.75 since generation 1"
    assert row.marks[1].reason == "AuthPct 20, of real images 60: closer to training images than real images are"


def test_a_cure_holds_what_the_plain_loop_loses():
    row = rows_of(plain(), cells("cure", fid=(2.0, 2.0, 2.0)))["cure"]
    assert (row.word, row.against, row.marks, row.rank) == ("cures", "the plain loop", (), 1)


def test_what_declines_more_slowly_helps_and_cures_nothing():
    slower = cells("slower", fid=(2.0, 3.0, 5.0), precision=(0.8, 0.78, 0.76), recall=(0.8, 0.7, 0.6))
    row = rows_of(plain(), slower)["slower"]
    assert (row.word, kinds(row), row.rank) == ("helps", ["loses diversity"], 1)


@pytest.mark.parametrize(
    ("gained", "curves"),
    [
        ("quality", {"fid": (2.0, 3.0, 6.0), "precision": (0.8, 0.8, 0.8), "recall": (0.8, 0.5, 0.2)}),
        ("diversity", {"fid": (2.0, 3.0, 6.0), "precision": (0.8, 0.75, 0.7), "recall": (0.8, 0.7, 0.6)}),
    ],
)
def test_a_pure_gain_of_quality_or_of_diversity_helps(gained, curves):
    row = rows_of(plain(), cells("gains", **curves))["gains"]
    assert row.word == "helps"
    assert row.rank == 1
    assert ("loses quality" in kinds(row)) is False


def test_diversity_alone_helps_where_fid_says_nothing():
    same_fid = cells("varied", fid=(2.0, 4.0, 8.0), precision=(0.8, 0.75, 0.7), recall=(0.8, 0.7, 0.6))
    row = rows_of(plain(), same_fid)["varied"]
    assert (row.comparison.fid_ratio[0], row.word) == (pytest.approx(1), "helps")


def test_quality_that_is_paid_for_with_diversity_trades_though_f1_stays():
    # Precision grows by what recall loses, beside a plain loop that keeps both: F1 is the same.
    kept = plain(fid=(2.0, 3.0, 4.0), precision=(0.7, 0.7, 0.7), recall=(0.7, 0.7, 0.7))
    bought = cells("narrow", fid=(2.0, 2.0, 2.0), precision=(0.7, 0.86, 0.9), recall=(0.7, 0.6, 0.575))
    row = rows_of(kept, bought)["narrow"]
    assert abs(row.comparison.f1_area.mean) < 0.02
    assert (row.word, row.trades) == ("trades", ("FID", "recall"))


def test_what_is_worse_and_better_in_nothing_hurts():
    row = rows_of(plain(), cells("bad", fid=(2, 8, 16), precision=(0.8, 0.5, 0.3), recall=(0.8, 0.3, 0.1)))["bad"]
    assert (row.word, row.trades, row.unranked_because) == ("hurts", None, "hurts")
    assert kinds(row) == ["loses quality", "loses diversity"]


def test_where_nothing_declines_there_is_nothing_to_cure():
    healthy = plain(fid=(2.0, 2.0, 2.0), precision=(0.8, 0.8, 0.8), recall=(0.8, 0.8, 0.8))
    assert rows_of(healthy, cells("better", fid=(2.0, 1.2, 1.0)))["better"].word == "helps"


def test_a_loss_is_held_against_generation_1_of_the_plain_loop_and_not_against_a_narrow_start_of_its_own():
    narrow = cells("narrow", fid=(2.0, 2.0, 2.0), precision=(1, 1, 1), recall=(0.3, 0.3, 0.3))
    row = rows_of(plain(), narrow)["narrow"]
    assert "loses diversity" in kinds(row)
    assert row.word != "cures"


def test_a_loss_that_the_plain_loop_shares_is_a_mark_all_the_same():
    lucky = cells("same", fid=(2.0, 3.0, 6.0), precision=(0.8, 0.8, 0.8), recall=(0.8, 0.5, 0.2))
    assert "loses diversity" in kinds(rows_of(plain(), lucky)["same"])


def test_a_narrow_generator_is_no_copier_by_itself():
    # Generation 1 already lies closer to training images than real images do, as Gaussians of few points.
    loop, entry = (
        cells(name, fid=(2.0, 3.0, last), authpct=(40, 40, 40)) for name, last in (("none", 4.0), ("entry", 3.0))
    )
    assert kinds(rows_of(loop, entry)["entry"]) == []


def test_ties_share_a_rank_and_their_range_says_so():
    best = cells("best", fid=(2.0, 2.0, 2.0))
    tied = [cells(name, fid=(2.0, 3.0, 5.0), noise=noise) for name, noise in (("tied_1", 1.0), ("tied_2", -1.0))]
    last = cells("last", fid=(2.0, 3.9, 7.5), precision=(0.8, 0.75, 0.7), recall=(0.8, 0.5, 0.25))
    rows = rows_of(plain(), best, *tied, last)
    assert {name: row.rank_range for name, row in rows.items() if row.rank_range} == {
        "best": (1, 1), "tied_1": (2, 3), "tied_2": (2, 3), "last": (4, 4),
    }  # fmt: skip


def test_where_fid_and_f1_disagree_neither_is_above_the_other():
    low_fid = cells("low_fid", fid=(2.0, 2.0, 2.0), precision=(0.8, 0.75, 0.7), recall=(0.8, 0.6, 0.4))
    high_f1 = cells("high_f1", fid=(2.0, 3.0, 5.0))
    rows = rows_of(plain(), low_fid, high_f1, cells("third", fid=(2.0, 3.9, 7.0), recall=(0.8, 0.5, 0.3)))
    assert (rows["low_fid"].rank, rows["high_f1"].rank, rows["third"].rank) == (1, 1, 3)
    assert list(rows)[:2] == ["high_f1", "low_fid"]  # of equal rank the higher F1 stands first


def test_what_is_not_better_has_no_rank_among_fewer_than_three():
    same = cells("same", fid=(2.0, 4.0, 8.0), precision=(0.8, 0.75, 0.7), recall=(0.8, 0.5, 0.2), noise=-1)
    rows = rows_of(plain(), same, cells("better", fid=(2.0, 3.0, 4.0)))
    assert (rows["same"].word, rows["same"].rank) == ("no difference shown", None)
    assert rows["same"].unranked_because == "no difference shown, among fewer than 3"
    assert (rows["better"].rank, rows["better"].rank_range) == (1, (1, 1))


@pytest.mark.parametrize("seeds", [1, 2])
def test_few_seeds_show_nothing_but_what_every_one_of_them_lost_twice_over(seeds):
    records = [
        plain(seeds=seeds),
        cells("copier", fid=(2.0, 1, 1), recall=(0.8, 0.3, 0.05), authpct=(60, 30, 20), seeds=seeds),
        cells("slight", fid=(2.0, 3, 4), recall=(0.8, 0.7, 0.65), authpct=(60, 50, 45), seeds=seeds),
    ]
    rows = rows_of(*records)
    assert {rows[name].word for name in ("copier", "slight")} == {"no difference shown"}
    assert kinds(rows["copier"]) == ["loses diversity", "copies"]
    assert rows["copier"].marks[0].reason.endswith(", one seed" if seeds == 1 else ", 2 seeds")
    assert kinds(rows["slight"]) == []
    assert rows["slight"].unranked_because == "fewer than 3 seeds"
    assert {direction.state for direction in rows["slight"].mad} == {"cannot be told"}


def test_without_the_plain_loop_there_are_marks_and_no_words():
    row = rows_of(cells("alone", fid=(2.0, 3.0, 4.0), recall=(0.8, 0.5, 0.2)))["alone"]
    assert (row.word, row.against, row.rank) == (None, None, None)
    assert row.unranked_because == "no plain loop with these seeds"
    assert kinds(row) == ["loses diversity"]


def test_a_method_that_trains_nothing_is_compared_with_the_frozen_line():
    frozen = cells("frozen", fid=(2.0, 2.0, 2.0), retrained="not", control=True)
    still = cells("still", fid=(2.0, 2.0, 2.0), retrained="not", noise=-1)
    rows = rows_of(plain(), frozen, still, cells("better", fid=(2.0, 3.0, 4.0)))
    assert (rows["still"].word, rows["still"].against) == ("no difference shown", "frozen")
    assert (rows["still"].rank, rows["still"].unranked_because) == (None, "reuses weights")
    assert rows["still"].marks[-1].reason == "trains nothing after generation 1"
    # The line itself stands beside the plain loop, and training nothing cures nothing.
    assert (rows["frozen"].word, rows["frozen"].against) == ("helps", "the plain loop")
    assert rows["better"].rank == 1


def test_a_method_that_fine_tunes_is_compared_with_the_plain_loop_that_is_fine_tuned():
    milder = {"fid": (2.0, 2.5, 3.0), "precision": (0.8, 0.8, 0.8), "recall": (0.8, 0.7, 0.6)}
    twin = cells("none", **milder, protocol="finetune")
    frozen = cells("frozen", fid=(2.0, 2.0, 2.0), retrained="not", control=True)
    same = cells("soup", **milder, retrained="gone on from", noise=-1)
    row = rows_of(plain(), frozen, same, fine_tuned=twin)["soup"]
    assert (row.word, row.against) == ("no difference shown", "the plain loop, fine-tuned")
    assert [(each.against, each.word) for each in row.verdicts[1:]] == [("frozen", "hurts")]
    assert kinds(row)[-1] == "reuses weights"
    assert row.retrained == "gone on from"


def test_what_beats_fine_tuning_by_hardly_moving_must_beat_the_frozen_line_too():
    twin = cells("none", fid=(2.0, 2.5, 3.0), recall=(0.8, 0.7, 0.6), protocol="finetune")
    frozen = cells("frozen", fid=(2.0, 2.0, 2.0), retrained="not", control=True)
    lazy = cells("lazy", fid=(2.0, 2.2, 2.4), recall=(0.8, 0.78, 0.76), retrained="gone on from")
    row = rows_of(plain(), frozen, lazy, fine_tuned=twin)["lazy"]
    assert {each.against: each.word for each in row.verdicts} == {
        "the plain loop, fine-tuned": "helps", "frozen": "hurts",
    }  # fmt: skip
    assert (row.word, row.against) == ("hurts", "frozen")


def test_what_reuses_weights_has_no_word_where_neither_line_has_been_run():
    row = rows_of(plain(), cells("soup", fid=(2.0, 2.0, 2.0), retrained="gone on from"))["soup"]
    assert (row.word, row.unranked_because) == (None, "reuses weights")


def test_another_generator_is_compared_with_nothing():
    # A model of the method's own; the benchmark's generator stands by, untrained.
    row = rows_of(plain(), cells("flow", fid=(1.0, 1.5, 2.0), drawn=0.0, retrained="not"))["flow"]
    assert (row.word, kinds(row), row.unranked_because) == (None, ["another generator"], "another generator")
    assert row.marks[0].reason == "the benchmark's generator drew 0% of the scored images"


def test_a_file_that_nobody_knows_is_not_ranked_where_its_records_do_not_say_what_was_trained():
    row = rows_of(plain(), cells("old", fid=(2.0, 2.0, 2.0), retrained=None))["old"]
    assert (row.retrained, row.unranked_because) == (None, "it is not known what it retrained")


def test_what_is_used_and_not_declared_takes_the_rank():
    used = [
        record.model_copy(
            update={"generations": tuple(g.model_copy(update={"used": ("real images",)}) for g in record.generations)}
        )
        for record in cells("hidden", fid=(2.0, 2.0, 2.0))
    ]
    row = rows_of(plain(), used)["hidden"]
    assert (row.uses, row.undeclared) == ((), ("real images",))
    assert row.unranked_because == "uses what it does not declare: real images"


def test_an_effect_that_is_sure_and_tiny_is_none():
    loop = plain(noise=0)
    barely = cells("barely", fid=(2.0, 3.95, 7.9), precision=(0.8, 0.75, 0.7), recall=(0.8, 0.5, 0.2), noise=0)
    row = rows_of(loop, barely)["barely"]
    assert (row.comparison.adjusted_p, row.word) == (0, "no difference shown")


TRACKS, METHODS, SEEDS = 2000, 4, 3


def test_of_tracks_of_noise_at_most_one_in_twenty_gets_another_word():
    """All methods do what the plain loop does: declining curves, seeds that differ, and noise of each run's own."""
    random = np.random.default_rng(0)
    template = make_record(fids=(2.0, 4.0))
    first = template.generations[0]

    def entries() -> list[Entry]:
        """Return the plain loop and the methods of a track, which share their first generation."""
        made: list[list[Result]] = [[] for _ in range(METHODS + 1)]
        for seed in range(SEEDS):
            common = random.normal(0, 0.1, 3)
            for results, own in zip(made, random.normal(0, 0.1, (METHODS + 1, 3)), strict=True):
                log_fid, *logits = np.array([2.0, 0.8, -0.5]) + common + own
                shares = 1 / (1 + np.exp(-np.array(logits)))
                update = {"fid": float(np.exp(log_fid)), "precision": float(shares[0]), "recall": float(shares[1])}
                last = first.model_copy(update={"generation": 2, "scores": first.scores.model_copy(update=update)})
                cell = template.cell.model_copy(update={"seed": seed})
                record = template.model_copy(update={"cell": cell, "generations": (first, last)})
                results.append(Result(Path("x"), record, None))
        return [Entry(tuple(results)) for results in made]

    others = 0
    for _ in range(TRACKS):
        loop, *methods = entries()
        comparisons = compare_entries([(method, loop) for method in methods])
        words = [
            verdict("", found, Changes.of(method.records, loop.records), (), may_cure=True).word
            for method, found in zip(methods, comparisons, strict=True)
        ]
        others += set(words) != {"no difference shown"}
    assert 0 < others <= 0.05 * TRACKS


def test_the_fine_tuned_plain_loop_is_found_in_its_own_table():
    milder = {"fid": (2.0, 2.5, 3.0), "recall": (0.8, 0.7, 0.6)}
    records = [
        *plain(),
        *cells("soup", **milder, retrained="gone on from", noise=-1),
        *cells("none", **milder, protocol="finetune"),
        *cells("none", **milder, protocol="finetune", sampling_bias=0.5),
    ]
    results = [Result(Path("x"), record, None) for record in records]
    tables = build_board(results, {record.cell_id: Trust() for record in records})
    rows = {row.entry.cell.method.name: row for table in tables for row in table.rows}
    assert [(each.against, each.word) for each in rows["soup"].verdicts] == [
        ("the plain loop, fine-tuned", "no difference shown")
    ]


def test_under_the_protocol_that_fine_tunes_going_on_is_what_the_plain_loop_does_too():
    declining = {"fid": (2.0, 4.0, 8.0), "recall": (0.8, 0.5, 0.2)}
    loop = cells("none", **declining, protocol="finetune", retrained="gone on from")
    row = rows_of(loop, cells("tuned", fid=(2.0, 2.0, 2.0), protocol="finetune", retrained="gone on from"))["tuned"]
    assert (row.word, row.against, row.marks, row.rank) == ("cures", "the plain loop", (), 1)


def test_another_reference_is_the_line_of_all():
    records = [plain(), cells("still", fid=(2.0, 2.0, 2.0), retrained="not"), cells("a", fid=(2.0, 3.0, 4.0))]
    (table,) = build_tables(Result(Path("x"), record, None) for some in records for record in some)
    (track,) = table.tracks
    (reference,) = [entry for entry in track.entries if entry.cell.method.name == "a"]
    rows = rank_track(track, {r.cell_id: Trust() for some in records for r in some}, reference)
    against = {row.entry.cell.method.name: row.against for row in rows}
    assert against == {"none": "a", "still": "a", "a": None}
