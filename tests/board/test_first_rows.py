"""Tables of very many rows and lines: what the pages hold from the start, and what waits in files of its own."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from bench.board import chart_data, first_rows, first_screen
from bench.board.site import build_site
from bench.executors.grid import plan_cells

from .html_pages import Element, Site, parse
from .made_up import Results, make_record

METHODS = [f"mine_{letter}" for letter in "abcdef"]
KINDS = ("fully_synthetic", "fresh_data")


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, results: Results, out: Path) -> Site:
    """Two loops of seven rows, of which the index has room for three each, and the page of curves for a few lines."""
    monkeypatch.setattr(first_rows, "MOST_ROWS", 6)
    monkeypatch.setattr(chart_data, "MOST_CURVES", 13)
    monkeypatch.setattr(chart_data, "LINES_OF_A_PART", 2)
    for kind in KINDS:
        for place, method in enumerate(["none", *METHODS]):
            results.add(make_record(kind=kind, method=method, fids=(2.0, 3.0 + place)))
    build_site(results.folder, out, plan_cells)
    return Site(out)


def handed_over(path: Path, function: str) -> list[Any]:
    """Return what a script calls a function with."""
    [arguments] = re.findall(rf"^{function}\((.*)\);\n$", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    found: list[Any] = json.loads(f"[{arguments}]")
    return found


def loops(site: Site) -> list[Element]:
    return site.index.all("section", "loop-of")


def names(rows: list[Element]) -> list[str]:
    return [row.one("a", "name").text for row in rows]


def test_a_loop_shows_its_first_rows_and_says_how_many_there_are(site: Site) -> None:
    for loop in loops(site):
        assert len(loop.one("tbody").all("tr")) == 3
        assert loop["data-rows"] == "7"
        assert "7 rows, 0 ranked; the first 3 of them here, all in results.csv" in loop.text


def test_the_other_rows_wait_in_a_script_in_the_order_of_the_rules(site: Site) -> None:
    for loop in loops(site):
        key, html = handed_over(site.folder / loop["data-rest"], "addRows")
        assert key == loop["id"]
        rest = parse(html).all("tr")
        assert len(rest) == 4
        assert names(loop.one("tbody").all("tr")) + names(rest) == [*(m.replace("_", " ") for m in METHODS), "none"]
        assert all(row["id"].startswith("row-") and row["data-find"] for row in rest)
        assert all(
            (site.folder / link["href"].partition("#")[0]).is_file()
            for row in rest
            for link in row.all("a")
            if link["href"][0] != "#"
        )


def test_the_page_of_curves_holds_the_usual_lines_and_the_parts_the_others(site: Site) -> None:
    [data] = site.charts
    first = {line["line"] for line in data["lines"] if line["first"]}
    assert {line["line"] for track in data["tracks"] for line in track["lines"]} == first
    waiting = {line["line"]: line["part"] for line in data["lines"] if line["part"] is not None}
    assert len(first) == 4
    assert len(waiting) == 3
    found = {}
    for part in sorted(set(waiting.values())):
        number, tracks = handed_over(site.folder / "curves" / f"{data['key']}-{part}.js", "addLines")
        assert number == part
        assert set(tracks) == {track["key"] for track in data["tracks"]}
        for track in tracks.values():
            said = [item["data-line"] for item in parse(track["standings"]).all("li")]
            assert said == [line["line"] for line in track["lines"]]
            found |= {line["line"]: part for line in track["lines"]}
    assert found == waiting


def test_a_small_board_has_no_such_files(results: Results, out: Path) -> None:
    results.add(make_record())
    build_site(results.folder, out, plan_cells)
    assert [*(out / "rows").iterdir(), *(out / "curves").iterdir()] == []
    [loop] = loops(Site(out))
    assert "data-rest" not in loop.attributes


def test_what_waits_goes_with_its_loop(site: Site, results: Results) -> None:
    before = {path.name for folder in ("rows", "curves") for path in (site.folder / folder).iterdir()}
    assert len(before) == 2 + 2
    for path in results.folder.rglob("*.json"):
        if "fresh_data" in path.read_text(encoding="utf-8"):
            path.unlink()
    build_site(results.folder, site.folder, plan_cells)
    after = {path.name for folder in ("rows", "curves") for path in (site.folder / folder).iterdir()}
    assert len(after) == 1
    assert after < before


def test_the_plane_draws_the_first_lines_with_the_plain_loop_and_says_of_how_many(
    monkeypatch: pytest.MonkeyPatch, results: Results, out: Path
) -> None:
    monkeypatch.setattr(first_screen, "MOST_PATHS", 3)
    for place, method in enumerate(["none", *METHODS]):
        results.add(make_record(method=method, fids=(2.0, 3.0 + place)))
    build_site(results.folder, out, plan_cells)
    page = Site(out).index
    assert (
        page.one("figure", "quality").one("figcaption").text == "Paths of 3 of 7 lines from generation 1 to the last"
    )
    for svg in page.all("svg", "plane"):
        assert len([way for way in svg.all("g") if "way" in way.classes]) == 3
        assert len([way for way in svg.all("g") if "plain" in way.classes]) == 1
    assert len(page.one("figure", "quality").one("tbody").all("tr")) == 3
