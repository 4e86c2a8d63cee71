"""What a row is sorted, filtered and found by."""

from pathlib import Path

from bench.board.board import build_board
from bench.board.columns import COLUMNS, WORDS, rounded
from bench.board.line import Line
from bench.board.results import Result
from bench.board.trust import Trust
from bench.board.views import views
from bench.cells.record import Record

from .made_up import make_record


def lines(*records: Record) -> dict[str, Line]:
    (view,) = views(build_board([Result(Path("x"), r, None) for r in records], {r.cell_id: Trust() for r in records}))
    return {line.cell.method.name: line for line in view.lines}


TRACK = [
    make_record(method=method, seed=seed, fids=(2.0, fid + seed))
    for method, fid in (("none", 40.0), ("much_better", 10.0))
    for seed in range(3)
]


def test_each_column_has_a_value_to_be_sorted_by() -> None:
    for line in lines(*TRACK).values():
        assert {column.key for column in COLUMNS} <= line.values.keys()


def test_what_a_row_has_not_is_an_empty_text() -> None:
    plain = lines(*TRACK)["none"].values
    assert [plain[key] for key in ("rank", "word", "ratio", "f1", "cost", "verdict", "marks")] == [""] * 7


def test_words_are_sorted_from_the_best_to_the_worst() -> None:
    assert WORDS == ("cures", "helps", "trades", "no difference shown", "hurts")
    better = lines(*TRACK)["much_better"].values
    assert (better["verdict"], better["word"]) == ("helps", 1)


def test_a_row_is_found_by_its_name_in_both_ways_its_word_and_its_decline() -> None:
    found = lines(*TRACK)["much_better"].values["find"]
    for text in ("much_better", "much better", "helps", "fully synthetic", "fid rises", "mad"):
        assert text in found
    assert "self-reported" not in found


def test_the_place_of_a_row_is_its_own() -> None:
    assert len({line.place for line in lines(*TRACK).values()}) == 2


def test_numbers_keep_six_digits() -> None:
    assert [rounded(1234567.0), rounded(0.123456789), rounded(3)] == [1234570.0, 0.123457, 3]
