"""What shares a table, a track and an entry, and what they are called."""

import itertools
from pathlib import Path
from typing import Any

import pytest

from bench.board.results import Result
from bench.board.tables import Table, build_tables, describe_params
from bench.cells.cell import GeneratorIdentity
from bench.cells.record import Record

from .made_up import add_scores, make_record


def tables(*records: Record) -> list[Table]:
    results = []
    for record in records:
        own, *further = record.in_each_space()
        results += [Result(Path("x"), own, None), *(Result(Path("x"), r, None, own_space=False) for r in further)]
    return build_tables(results)


@pytest.mark.parametrize(
    "different",
    [{"tier": "standard"}, {"features": "other"}, {"n": 400}, {"protocol": "finetune"}, {"pinned": False}],
    ids=lambda different: next(iter(different)),
)
def test_what_may_not_be_compared_is_in_tables_of_its_own(different: dict[str, Any]) -> None:
    found = tables(make_record(), make_record(**{"seed": 1, **different}))
    assert [len(table.results) for table in found] == [1, 1]
    assert len({table.conditions.key for table in found}) == 2


def test_another_feature_space_is_another_table() -> None:
    own, further = tables(add_scores(make_record(), "inception", (10.0, 20.0, 40.0)))
    assert [table.conditions.features for table in (own, further)] == ["digits_cnn", "inception"]
    assert [metric.key for metric in further.metrics] == ["fid", "precision", "recall"]
    assert own.metrics[-1].key == "label_agreement"
    assert (own.floor["fid"], further.floor["fid"]) == (0.5, 0.25)


@pytest.mark.parametrize(
    "different",
    [{"kind": "fresh_data"}, {"sampling_bias": 0.5}, {"n_synthetic": 40}, {"n_initial": 31}, {"fids": (1.0, 2.0)}],
    ids=lambda different: next(iter(different)),
)
def test_another_loop_is_another_track_of_the_same_table(different: dict[str, Any]) -> None:
    (table,) = tables(make_record(), make_record(**different))
    assert len(table.tracks) == 2
    assert len({track.key for track in table.tracks}) == len({track.label for track in table.tracks}) == 2


def test_seeds_of_one_method_are_one_entry_in_the_order_of_seeds() -> None:
    ((track,),) = (table.tracks for table in tables(*(make_record(seed=seed) for seed in (2, 0, 10))))
    ((entry,),) = (track.entries,)
    assert list(entry.records) == [0, 2, 10]


@pytest.mark.parametrize(
    "different",
    [{"method": "other"}, {"params": {"keep": 0.5}}, {"pool": "accumulated"}],
    ids=lambda different: next(iter(different)),
)
def test_another_method_parameter_or_pool_is_another_entry_of_the_same_track(different: dict[str, Any]) -> None:
    ((track,),) = (table.tracks for table in tables(make_record(), make_record(**different)))
    assert [entry.is_plain for entry in track.entries] == [True, False]
    assert track.plain is track.entries[0]
    assert len({entry.key for entry in track.entries}) == 2


def test_a_track_without_the_plain_loop_has_none() -> None:
    ((track,),) = (table.tracks for table in tables(make_record(method="other")))
    assert track.plain is None


def test_tracks_are_called_after_their_loop_and_what_sets_them_apart() -> None:
    (table,) = tables(
        make_record(),
        make_record(method="other", sampling_bias=0.5),
        make_record(kind="fresh_data"),
        make_record(kind="fresh_data", n_real=10),
        make_record(kind="synthetic_augmentation", n_real=15, n_synthetic=5, contamination=0.25),
    )
    assert [track.label for track in table.tracks] == [
        "fully synthetic",
        "fully synthetic, sampling bias 0.5",
        "synthetic augmentation, contaminated 0.25",
        "fresh data, n real 10",
        "fresh data, n real 20",
    ]


def test_the_order_does_not_depend_on_that_of_the_files() -> None:
    records = [make_record(method=m, seed=s, kind=k) for m in ("none", "b", "a") for s in (0, 1) for k in
               ("fresh_data", "fully_synthetic")]  # fmt: skip
    orders = [[r.record.cell_id for t in tables(*order) for r in t.results] for order in (records, records[::-1])]
    assert orders[0] == orders[1]


def test_parameters_in_words() -> None:
    cell = make_record(params={"rule": "greedy", "keep": 0.5}).cell
    assert describe_params(cell) == 'keep=0.5, rule="greedy"'


def test_every_result_is_in_one_table() -> None:
    records = [make_record(method=m, tier=t) for m, t in itertools.product(("none", "a"), ("smoke", "paper"))]
    assert sorted(r.record.cell_id for t in tables(*records) for r in t.results) == sorted(r.cell_id for r in records)


def of_generator(name: str, sha256: str | None, seed: int = 0, **params: Any) -> Record:
    record = make_record(seed=seed)
    generator = GeneratorIdentity(name=name, params=params, sha256=sha256)
    cell = record.cell.model_copy(update={"generator": generator})
    return record.model_copy(update={"cell": cell, "cell_id": cell.id})


def test_a_generator_is_a_track_by_its_file_and_parameters_and_not_by_its_name() -> None:
    records = [
        of_generator("ddpm", None),
        of_generator("flow", "a" * 64, width=16),
        of_generator("flow", "a" * 64, width=32, seed=1),
        of_generator("flow", "b" * 64, width=16),
    ]
    (table,) = tables(*records)
    assert len({track.key for track in table.tracks}) == 4
    assert [track.generator for track in table.tracks] == [
        "ddpm", "flow.py (aaaaaaaa):width=16", "flow.py (bbbbbbbb):width=16", "flow.py (aaaaaaaa):width=32",
    ]  # fmt: skip
    assert [track.label for track in table.tracks] == [f"fully synthetic, {track.generator}" for track in table.tracks]


def test_a_generator_from_a_file_is_called_by_its_file_where_there_is_no_other() -> None:
    (table,) = tables(of_generator("ddpm", None), of_generator("flow", "a" * 64, seed=3, width=16))
    assert [track.label for track in table.tracks] == ["fully synthetic, ddpm", "fully synthetic, flow.py"]


def test_seeds_of_one_generators_file_are_one_entry() -> None:
    (table,) = tables(*(of_generator("flow", "a" * 64, seed, width=16) for seed in (1, 0)))
    ((entry,),) = (track.entries for track in table.tracks)
    assert list(entry.records) == [0, 1]
