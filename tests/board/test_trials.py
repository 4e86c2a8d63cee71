"""Methods that win without a cure, run for real on digits and laid beside the committed records: each is seen through.

The records in data_trials are of the files in tests/methods_of_tests, and of `self_correction` as it was when it did
not yet declare that it keeps real images.
"""

from pathlib import Path

import pytest

from bench.board.board import build_board
from bench.board.results import find_results
from bench.board.row import Row
from bench.board.trust import Trust
from bench.cells.record import read_record
from bench.paths import LEADERBOARD

TRIALS = Path(__file__).with_name("data_trials")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Row]:
    """The rows of the fully synthetic loop of digits, by method; those of a trial in place of a committed one."""
    folder = tmp_path_factory.mktemp("trials")
    trials = {path: read_record(path).cell for path in TRIALS.glob("*.json")}
    again = {cell.method.name for cell in trials.values()}
    for path in LEADERBOARD.glob("results/digits-ddpm-fully_synthetic-*.json"):
        cell = read_record(path).cell
        if cell.loop.pool == "previous" and cell.loop.sampling_bias == 1 and cell.method.name not in again:
            (folder / path.name).write_bytes(path.read_bytes())
    for path in trials:
        (folder / path.name).write_bytes(path.read_bytes())
    results = find_results(folder)
    trust = {result.record.cell_id: Trust() for result in results}
    tables = build_board(results, trust)
    return {
        row.entry.cell.method.option: row
        for table in tables
        if table.conditions.protocol == "scratch"
        for row in table.rows
    }


def marks(row: Row) -> set[str]:
    return {mark.kind for mark in row.marks}


def test_each_was_run_with_three_seeds(rows: dict[str, Row]):
    again = {read_record(path).cell.method.option for path in TRIALS.glob("*.json")}
    assert len(again) == 4
    for method in (*again, "frozen"):
        assert set(rows[method].entry.records) >= {0, 1, 2}, method


def test_frozen_is_a_line_that_trains_nothing_and_is_never_ranked(rows: dict[str, Row]):
    row = rows["frozen"]
    assert (row.rank, row.retrained, row.word) == (None, "not", "helps")
    assert marks(row) == {"reuses weights"}
    assert row.cost.images_trained == 25_600  # in five generations what the plain loop trains in each


def test_an_average_that_keeps_most_of_the_old_weights_is_marked_and_compared_with_what_does_so_too(
    rows: dict[str, Row],
):
    row = rows["generation_soup:decay=0.8:rate=1.0"]
    assert (row.rank, row.retrained) == (None, "gone on from")
    assert {verdict.against for verdict in row.verdicts} == {"frozen", "the plain loop, fine-tuned"}
    assert marks(row) == {"reuses weights"}


def test_fine_tuning_as_a_method_is_the_plain_loop_fine_tuned(rows: dict[str, Row]):
    row = rows["generation_soup:decay=0.0:rate=1.0"]
    assert (row.rank, row.retrained) == (None, "gone on from")
    words = {verdict.against: verdict.word for verdict in row.verdicts}
    assert words["the plain loop, fine-tuned"] == "no difference shown"  # to all digits
    assert words["frozen"] == "hurts"
    assert "reuses weights" in marks(row)


def test_a_flow_of_its_own_is_another_generator_and_compared_with_nothing(rows: dict[str, Row]):
    row = rows["plain_flow"]
    assert (row.rank, row.word) == (None, None)
    assert "another generator" in marks(row)
    assert "reuses weights" not in marks(row)
    # It would have helped, had it been compared: that is why it is not.
    plain = rows["none"].entry.records
    assert all(
        each.generations[-1].scores.fid < plain[seed].generations[-1].scores.fid
        for seed, each in row.entry.records.items()
    )


def test_self_correction_trades_diversity_for_fid_and_copies(rows: dict[str, Row]):
    row = rows["self_correction:centres=16:strength=1.0"]
    assert (row.rank, row.word, row.trades) == (None, "trades", ("FID", "recall"))
    assert {"loses diversity", "copies"} <= marks(row)
    assert row.retrained == "from scratch"
    assert row.undeclared == ("real images",)


def test_none_of_them_stands_among_those_that_are_ranked(rows: dict[str, Row]):
    ranked = {row.entry.cell.method.name for row in rows.values() if row.rank is not None}
    assert ranked
    assert not ranked & {"frozen", "generation_soup", "plain_flow", "self_correction"}
