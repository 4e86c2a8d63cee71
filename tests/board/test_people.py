"""Whose a row is."""

import datetime
from pathlib import Path

from bench.board.method_files import MethodFile
from bench.board.people import Origins
from bench.board.results import Result
from bench.board.site import build_site
from bench.board.tables import Entry
from bench.cells.cell import Cell
from bench.cells.record import Record
from bench.cells.submitted import Submitted
from bench.executors.grid import plan_cells
from bench.files.hashing import bytes_sha256

from .html_pages import Element, Site
from .made_up import Results, make_record

FILE = MethodFile("leaderboard/methods/mine.py", "", "Mine, after Author et al. 2024 (arXiv 2401.00001).")


def record(seed: int, day: int | None = None, commit: str | None = None) -> Record:
    made = make_record(method="mine", seed=seed)
    date = day and datetime.date(2026, 11, day)
    environment = made.environment.model_copy(update={"date": date, "git_commit": commit})
    return made.model_copy(update={"environment": environment})


def entry(*records: Record) -> Entry:
    return Entry(tuple(Result(Path("x"), each, None) for each in records))


def submitted(by: str, day: int, record: Record) -> dict[str, Submitted]:
    return {record.cell_id: Submitted(by=by, date=datetime.date(2026, 11, day), cells=(record.cell_id,))}


def test_papers_are_those_of_the_file_with_the_hash_that_was_run():
    mine = record(0)
    files = {("mine", mine.cell.method.sha256): FILE, ("mine", "f" * 64): MethodFile("x", "", "arXiv 2402.00002")}
    [paper] = Origins(files, {}).of(entry(mine)).papers
    assert (paper.authors, paper.link) == ("Author et al. 2024", "https://arxiv.org/abs/2401.00001")
    assert Origins({}, {}).of(entry(mine)).papers == ()


def test_submitters_are_named_once_each_the_earliest_first():
    records = [record(seed) for seed in range(3)]
    by = submitted("Later", 20, records[0]) | submitted("Early", 10, records[1]) | submitted("Later", 21, records[2])
    found = Origins({}, by).of(entry(*records)).submitters
    assert [(each.by, each.date.day) for each in found] == [("Early", 10), ("Later", 20)]


def test_dates_are_the_first_and_the_last_day_and_commits_are_short():
    several = entry(record(0, 5, "a" * 40), record(1, 3, "b" * 40), record(2, 4, "a" * 40))
    found = Origins({}, {}).of(several)
    assert found.dates == ("2026-11-03", "2026-11-05")
    assert found.commits == ("a" * 8, "b" * 8)
    assert Origins({}, {}).of(entry(record(0, 5), record(1, 5))).dates == ("2026-11-05",)
    assert Origins({}, {}).of(entry(record(0))).dates == ()


SOURCE = '"""Mine, after Author et al. 2024 (arXiv 2401.00001).\n\nMore of it."""\n'


def submit(leaderboard: Path, by: str, day: int, *records: Record, link: str | None = None) -> None:
    ids = tuple(each.cell_id for each in records)
    content = Submitted(by=by, link=link, date=datetime.date(2026, 11, day), cells=ids)
    folder = leaderboard / "submissions"
    folder.mkdir(exist_ok=True)
    (folder / content.file_name).write_text(content.to_json(), encoding="utf-8")


def row_of(results: Results, out: Path, *records: Record) -> Element:
    """Return the row of some records of a method whose file is in the leaderboard, as the index shows it."""
    leaderboard = results.folder.parent
    for name in ("questions", "methods"):
        (leaderboard / name).mkdir()
    (leaderboard / "methods" / "mine.py").write_text(SOURCE)
    for each in records:
        results.add(each)
    build_site(results.folder, out, plan_cells)
    [row] = Site(out).rows()
    return row


def known(seed: int, day: int, commit: str) -> Record:
    made = record(seed, day, commit)
    method = {"name": "mine", "params": {}, "sha256": bytes_sha256(SOURCE.encode())}
    cell = Cell.model_validate(made.cell.model_dump(mode="json") | {"method": method})
    return made.model_copy(update={"cell": cell, "cell_id": cell.id})


def test_a_row_of_the_index_links_paper_and_source_and_says_who_and_when(results: Results, out: Path):
    records = [known(0, 3, "a" * 40), known(1, 5, "b" * 40)]
    submit(results.folder.parent, "A. Group", 9, *records, link="https://example.org/us")
    row = row_of(results, out, *records)
    paper, by = row.one("th").all("small", "whose")
    assert paper.text == "Author et al. 2024, arXiv 2401.00001"
    assert paper.one("a")["href"] == "https://arxiv.org/abs/2401.00001"
    assert by.text == "by A. Group, 2026-11-09"
    assert by.one("a")["href"] == "https://example.org/us"
    said = [each.text for each in row.one("td", "seeds").all("small")]
    assert said[-2:] == ["2026-11-05", "run with commit bbbbbbbb and 1 more"]
    [source] = [link["href"] for link in row.all("a") if link["href"].endswith("#source")]
    page = Site(out).pages[source.partition("#")[0]]
    assert "source" in {heading.get("id") for heading in page.all("h2")}
    assert page.one("pre", "source").text.startswith('"""Mine, after Author')


def test_a_row_is_found_by_who_had_the_idea_and_who_submitted_it(results: Results, out: Path):
    mine = known(0, 3, "a" * 40)
    submit(results.folder.parent, "A. Group", 9, mine)
    found = row_of(results, out, mine)["data-whose"]
    assert "author et al. 2024" in found
    assert "arxiv 2401.00001" in found
    assert "a. group" in found


def test_a_row_without_a_file_a_submission_or_a_commit_says_nothing_that_is_not_known(results: Results, out: Path):
    row = row_of(results, out, record(0))
    assert row.one("th").all("small", "whose") == []
    assert [link["href"] for link in row.all("a") if "#source" in link["href"]] == []
