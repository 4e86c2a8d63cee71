"""What a reader sees first: of which loop, what is counted, and where the intervals lie."""

import math
import re
from pathlib import Path

import pytest

from bench.board.board import build_board
from bench.board.first_screen import FirstScreen, first_screen
from bench.board.results import Result
from bench.board.site import build_site
from bench.board.trust import Trust
from bench.board.views import views
from bench.cells.record import Record
from bench.executors.grid import plan_cells

from .html_pages import Element, Site
from .made_up import Results, make_record, make_scores

SEEDS = range(3)


def cells(method: str, fid: float, recall: float, *, precision: float = 0.75, **changes: object) -> list[Record]:
    """Return three cells whose second generation has about this FID, precision and recall."""
    found = []
    for seed in SEEDS:
        record = make_record(method=method, seed=seed, fids=(2.0, fid * (1 + 0.01 * seed)), **changes)  # type: ignore[arg-type]
        scores = [make_scores(2.0, precision=0.75, recall=0.8)]
        scores.append(make_scores(fid * (1 + 0.01 * seed), precision=precision, recall=recall + 0.001 * seed))
        generations = [g.model_copy(update={"scores": s}) for g, s in zip(record.generations, scores, strict=True)]
        found.append(record.model_copy(update={"generations": tuple(generations)}))
    return found


TRACK = [
    *cells("none", 20, 0.3),
    *cells("whole", 4, 0.78),
    *cells("lossy", 10, 0.45),
    *cells("collapsed", 4, 0.02, precision=0.9),
    *cells("same", 20.1, 0.3),
]


def screen(*records: Record) -> FirstScreen:
    results = [Result(Path("x"), record, None) for record in records]
    found = first_screen(views(build_board(results, {record.cell_id: Trust() for record in records})))
    assert found is not None
    return found


def site(results: Results, out: Path, *records: Record) -> Site:
    for record in records:
        results.add(record)
    build_site(results.folder, out, plan_cells)
    return Site(out)


def answer(page: Element) -> str:
    return page.one("p", "answer").text


def test_it_is_of_the_loop_with_the_most_methods() -> None:
    few = [
        *cells("none", 20, 0.3, kind="fresh_data", n_real=10),
        *cells("whole", 4, 0.78, kind="fresh_data", n_real=10),
    ]
    assert screen(*few, *TRACK).loop.track.cell.loop.kind == "fully_synthetic"
    assert first_screen([]) is None


def test_it_counts_the_words_and_those_that_lose_nothing() -> None:
    found = screen(*TRACK)
    assert len(found.methods) == 4
    assert (found.n("cures", "helps"), found.n_whole, found.n("trades")) == (2, 1, 1)
    assert found.winner is not None
    assert found.winner.cell.method.name == "whole"
    assert [line.cell.method.name for line in found.best][:2] == ["whole", "lossy"]


def test_the_plain_loop_stands_at_0_of_both_scales_and_the_better_ones_on_their_sides() -> None:
    found = screen(*TRACK)
    whole, lossy = (line.place for line in found.best[:2])
    fid, f1 = found.dots["fid"], found.dots["f1"]
    assert fid.of[whole].mean < fid.of[lossy].mean < fid.plain
    assert f1.of[whole].mean > f1.of[lossy].mean > f1.plain
    assert fid.of[whole].low <= fid.of[whole].mean <= fid.of[whole].high
    # A scale of logarithms: the areas are half of log 4, log 10 and log 20.
    share = (fid.of[lossy].mean - fid.of[whole].mean) / (fid.plain - fid.of[whole].mean)
    assert share == pytest.approx(math.log(10 / 4) / math.log(20 / 4), abs=0.02)


def test_the_sentence_says_what_works_at_what_price_and_how_sure(results: Results, out: Path) -> None:
    said = answer(site(results, out, *TRACK).index)
    assert said.startswith("2 of 4 mitigations help, 1 of them without losing quality or diversity;")
    assert "The best, whole, keeps FID at 0.45× the plain loop’s (95% interval 0.4" in said
    assert (
        "recall at 0.78, 83% of what real images reach, where the plain loop falls from 0.80 to 0.30, for 1× its "
        "training and 1× its sampling." in said
    )


def test_where_nothing_helps_it_says_so(results: Results, out: Path) -> None:
    page = site(results, out, *cells("none", 20, 0.3), *cells("same", 20.1, 0.3)).index
    assert answer(page) == "None of 1 mitigations has been shown to help."
    assert page.all("p", "beat") == []


def test_where_nothing_was_compared_it_says_so(results: Results, out: Path) -> None:
    assert answer(site(results, out, *cells("none", 20, 0.3)).index).startswith("No mitigation has been compared")


def test_the_numbers_of_the_picture_stand_in_a_table(results: Results, out: Path) -> None:
    page = site(results, out, *TRACK).index
    for svg in page.all("svg", "plane"):
        assert svg["role"] == "img"
        assert "5 lines" in svg["aria-label"]
    rows = [row.text for row in page.one("figure", "quality").one("tbody").all("tr")]
    assert len(rows) == 5
    (collapsed,) = [row for row in rows if row.startswith("collapsed")]
    assert re.search(r"trades, loses diversity.* 0\.80 0\.02 .* 2% of real 0\.75 0\.90 .* 96% of real", collapsed)


def test_a_reader_learns_what_is_to_beat(results: Results, out: Path) -> None:
    page = site(results, out, *TRACK).index
    assert page.one("p", "beat").text.startswith("To beat: FID below 0.45× or F1 above +0.")
