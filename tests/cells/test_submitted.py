"""Who has submitted results: what may be said, and what is refused."""

import datetime
import json
from pathlib import Path

import pytest

from bench.cells.submitted import Submitted, check_submitter, read_submitted, read_submitters
from bench.errors import BadInput

CELLS = ("a" * 64, "b" * 64)
DAY = datetime.date(2026, 11, 28)


def told(**changes: object) -> Submitted:
    return Submitted.model_validate({"by": "Ada Lovelace", "date": DAY, "cells": CELLS} | changes)


def written(leaderboard: Path, submitted: Submitted) -> Path:
    folder = leaderboard / "submissions"
    folder.mkdir(exist_ok=True)
    path = folder / submitted.file_name
    path.write_text(submitted.to_json(), encoding="utf-8")
    return path


@pytest.mark.parametrize("by", ["Ada Lovelace", "Ján Ö. 山田", "the autophagy-bench maintainers (2026)", "x" * 80])
@pytest.mark.parametrize("link", [None, "https://example.org", "http://example.org:8080/~ada/?a=1&b=2#c"])
def test_what_was_written_is_read(tmp_path: Path, by: str, link: str | None):
    check_submitter(by, link)
    assert read_submitted(written(tmp_path, told(by=by, link=link))) == told(by=by, link=link)


@pytest.mark.parametrize(
    "by",
    ["", " ", " Ada", "Ada\n", "A\tB", "A\x00", "A\u202eB", "A\u200bB", "x" * 81, "<script>", 'A"B', "a&lt;b", "a\\b"],
)
def test_a_name_that_is_no_plain_text_is_refused(tmp_path: Path, by: str):
    with pytest.raises(BadInput, match=r"^--by .*use "):
        check_submitter(by, None)
    with pytest.raises(BadInput, match="not a valid submission: by: "):
        read_submitted(written(tmp_path, told().model_copy(update={"by": by})))


@pytest.mark.parametrize(
    "link",
    [
        "", "example.org", "ftp://example.org", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x",
        "https://", "https:///path", "https://bank.example@evil.example/", "https://example.org/ x", "//example.org",
        'https://example.org/"onclick', "https://example.org/<b>", "https://example.org/\u202e", "https://[::1",
        "https://example.org:port/", "https://example.org/" + "x" * 200, "\nhttps://example.org", "https://ex\nample.org",
    ],
)  # fmt: skip
def test_a_link_that_leads_to_no_web_page_is_refused(tmp_path: Path, link: str):
    with pytest.raises(BadInput, match=r"^--link .*give https://"):
        check_submitter("Ada", link)
    with pytest.raises(BadInput, match="not a valid submission: link: "):
        read_submitted(written(tmp_path, told().model_copy(update={"link": link})))


def test_a_file_that_was_edited_is_refused(tmp_path: Path):
    path = written(tmp_path, told())
    path.write_text(json.dumps(json.loads(path.read_text()) | {"by": "Somebody Else"}))
    with pytest.raises(BadInput, match=r"name must be .*: it was edited after it was written"):
        read_submitted(path)


def test_a_key_that_there_is_not_is_refused(tmp_path: Path):
    path = written(tmp_path, told())
    path.write_text(json.dumps(json.loads(path.read_text()) | {"html": "<b>"}))
    with pytest.raises(BadInput, match="not a valid submission"):
        read_submitted(path)


def test_of_several_who_name_a_cell_the_first_has_submitted_it(tmp_path: Path):
    later = told(by="Later", date=DAY + datetime.timedelta(days=1), cells=("b" * 64, "c" * 64))
    for submitted in (later, told()):
        written(tmp_path, submitted)
    found = read_submitters(tmp_path)
    assert {cell[0]: submitted.by for cell, submitted in found.items()} == {
        "a": "Ada Lovelace",
        "b": "Ada Lovelace",
        "c": "Later",
    }


def test_a_leaderboard_without_submissions_names_nobody(tmp_path: Path):
    assert read_submitters(tmp_path) == {}
