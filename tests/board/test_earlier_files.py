"""Records of a file that a method had before: shown and marked, and never mixed with those of the present file."""

import csv
import datetime
import re
from pathlib import Path

import pytest

from bench.board.ranking import rank_track
from bench.board.results import Result
from bench.board.row import Row
from bench.board.site import build_site
from bench.board.tables import Track, build_tables
from bench.board.trust import Trust
from bench.cells import earlier_files
from bench.cells.earlier_files import EarlierFile
from bench.cells.record import Record
from bench.executors.grid import plan_cells

from .made_up import Results, make_record

OLD = "0123456789" + "b" * 54  # the hash of made-up records' files is 64 times a


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = EarlierFile(datetime.date(2026, 1, 2), "imports only")
    found = {("none", OLD): changed, ("neon", OLD): changed, ("real_only", OLD): changed}
    monkeypatch.setattr(earlier_files, "_of_the_package", lambda: found)


def cells(method: str, scale: float, n: int = 3, *, earlier: bool = False) -> list[Record]:
    """Return a cell of two generations for each seed."""
    records = [make_record(method=method, seed=seed, fids=(2.0, scale * (4 + seed / 8))) for seed in range(n)]
    return [of_earlier_file(record) for record in records] if earlier else records


def of_earlier_file(record: Record) -> Record:
    content = record.cell.model_dump()
    content["method"]["sha256"] = OLD
    cell = type(record.cell).model_validate(content)
    return record.model_copy(update={"cell": cell, "cell_id": cell.id})


def track_of(*records: Record) -> Track:
    (table,) = build_tables(Result(Path("x"), record, None) for record in records)
    (track,) = table.tracks
    return track


def rows_of(*records: Record) -> dict[tuple[str, bool], Row]:
    """Return the rows by method and whether they are of an earlier file."""
    track = track_of(*records)
    rows = rank_track(track, {record.cell_id: Trust() for record in records}, track.plain)
    return {(row.entry.cell.method.name, row.entry.earlier_file is not None): row for row in rows}


def test_the_seeds_of_two_files_are_two_entries():
    rows = rows_of(*cells("none", 1), *cells("neon", 0.5, n=2), *cells("neon", 0.5, earlier=True))
    assert len(rows["neon", False].entry.results) == 2
    assert len(rows["neon", True].entry.results) == 3


def test_records_of_an_earlier_file_are_ranked_until_there_are_some_of_the_present_one():
    earlier = cells("neon", 0.5, earlier=True)
    before = rows_of(*cells("none", 1), *earlier)["neon", True]
    assert (before.rank, before.word) == (1, "cures")  # FID stays what it was
    after = rows_of(*cells("none", 1), *earlier, *cells("neon", 0.5, n=1))
    assert (after["neon", True].rank, after["neon", True].comparison) == (None, None)
    assert after["neon", True].unranked_because == "made again with the present file"
    assert after["neon", False].unranked_because == "fewer than 3 seeds"


def test_other_parameters_of_the_present_file_are_another_entry_and_take_no_rank():
    other = make_record(method="neon", params={"w": 2}, fids=(2.0, 2.0))
    rows = rank_track(
        track := track_of(*cells("none", 1), *cells("neon", 0.5, earlier=True), other),
        {result.record.cell_id: Trust() for entry in track.entries for result in entry.results},
        track.plain,
    )
    assert [row.rank for row in rows if row.entry.earlier_file] == [1]


def test_the_plain_loop_of_an_earlier_file_stands_in_until_the_present_one_has_been_run():
    old, new = cells("none", 1, earlier=True), cells("none", 2)
    neon = cells("neon", 0.5)
    before = rows_of(*old, *neon)
    assert before["none", True].is_plain
    assert before["neon", False].comparison.fid_ratio[0] == pytest.approx(0.5**0.5)
    after = rows_of(*old, *new, *neon)
    assert (after["none", False].is_plain, after["none", True].is_plain) == (True, False)
    assert after["neon", False].comparison.fid_ratio[0] == pytest.approx(0.25**0.5)
    assert after["none", True].comparison is None


def test_what_was_made_again_does_not_count_among_the_tests_of_its_track():
    """With the one that is adjusted for, p-values of two entries would be larger."""
    neon = cells("neon", 0.5)
    alone = rows_of(*cells("none", 1), *neon)["neon", False].comparison
    beside = rows_of(*cells("none", 1), *cells("none", 1, earlier=True), *neon, *cells("neon", 1.5, earlier=True))
    assert beside["neon", False].comparison.adjusted_p == alone.adjusted_p


@pytest.fixture
def site(tmp_path: Path) -> Path:
    results = Results(tmp_path / "results")
    records = [*cells("none", 1, earlier=True), *cells("neon", 0.5, earlier=True), *cells("neon", 0.5, n=1)]
    for record in [*records, *cells("curation", 0.75)]:
        results.add(record)
    build_site(results.folder, tmp_path / "site", plan_cells)
    return tmp_path / "site"


def marks(text: str) -> int:
    return len(re.findall(r'<span class="mark"[^>]*>earlier file</span>', text))


def test_the_pages_mark_them_and_say_what_has_changed_since(site: Path):
    said = "made with the file that this method had before 2026-01-02, SHA-256 01234567"
    index = (site / "index.html").read_text()
    assert marks(index) == 2
    assert said in " ".join(index.split())
    assert "made again with the present file" in index
    assert "2 rows of 4 are of an <em>earlier file</em> of the method" in index
    (page,) = site.glob(f"methods/neon-{OLD[:8]}.html")
    text = " ".join(page.read_text().split())
    assert f"These records were {said}; what has changed since: imports only." in text
    assert '<h2 id="source">Source of the present file</h2>' in text
    (table,) = site.glob("compare/*.html")
    assert marks(table.read_text()) == 2


def test_the_page_of_a_cell_gives_the_command_that_runs_the_present_file_and_none_that_verifies(site: Path):
    old, new = cells("neon", 0.5, earlier=True)[0], cells("neon", 0.5)[0]
    earlier, present = ((site / f"cells/{record.cell_id[:16]}.html").read_text() for record in (old, new))
    assert "<span>--method</span> <span>neon</span>" in earlier
    assert "The command runs the present one." in earlier
    assert "Hold it against a new run" not in earlier
    assert "Hold it against a new run" in present
    assert "The command runs" not in present


def test_the_downloads_say_which_rows_are_of_earlier_files(site: Path):
    with (site / "downloads/results.csv").open() as file:
        rows = [(row["method"], row["earlier_file"], len(row["seeds"].split())) for row in csv.DictReader(file)]
    assert sorted(rows) == [
        ("curation", "False", 3), ("neon", "False", 1), ("neon", "True", 3), ("none", "True", 3),
    ]  # fmt: skip
