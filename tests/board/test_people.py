"""Whose a row is."""

import datetime
from pathlib import Path

from bench.board.method_files import MethodFile
from bench.board.people import Origins
from bench.board.results import Result
from bench.board.tables import Entry
from bench.cells.record import Record
from bench.cells.submitted import Submitted

from .made_up import make_record

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
