"""The site in a browser: the committed records' pages in headless Chromium, without a network.

Any request that is no file, any warning or error in the console and any exception fails the test that it happens in.
"""

import csv
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest

from bench.board import chart_data, first_rows
from bench.board.site import build_site
from bench.cells.cell import Cell
from bench.executors.grid import plan_cells
from bench.files.hashing import file_sha256
from bench.paths import BASELINES

from .html_pages import Site
from .made_up import Results, make_record

pytestmark = pytest.mark.slow  # a browser; test_pages.py and test_links.py read the same pages without one

WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
Page = Any
Open = Callable[..., Page]

# The rows of a loop as the browser shows them: the ids of their cells, which are also in results.csv.
ROWS = """section => [...section.querySelectorAll("table.board tbody tr:not(.later)")].map(row =>
    [...row.querySelectorAll(".seeds a")].map(link => link.href.match(/([0-9a-f]{16}).html$/)[1]).join(" "))"""

# Every text that can be seen, with the contrast to what lies behind it (WCAG 2.1, 1.4.3), where that is too small.
FAINT_TEXTS = """() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const pixel = (...colours) => {  // painted over each other, so that any notation and any transparency counts
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    const found = [];
    for (let at = element; at; at = at.parentElement) found.unshift(getComputedStyle(at).backgroundColor);
    return found;
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.closest("script")) continue;
    const style = getComputedStyle(element);
    const svg = element.closest("svg");
    const backgrounds = behind(svg ? svg.parentElement : element);
    const colour = svg ? style.fill : style.color;
    const [light, dark] = [pixel(...backgrounds, colour), pixel(...backgrounds)].map(luminance).sort((a, b) => b - a);
    const contrast = (light + 0.05) / (dark + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (contrast < (large ? 3 : 4.5)) faint.push([element.outerHTML.slice(0, 120), contrast]);
  }
  return faint;
}"""

# What reaches over the edge of the window, but for what scrolls in a region of its own.
TOO_WIDE = """() => {
  const right = element => element.matches("html") ? element.scrollWidth : element.getBoundingClientRect().right;
  return [document.documentElement, ...document.querySelectorAll("body *")].filter(element =>
    element.checkVisibility() && !element.closest(".scroll, .skip, svg") && right(element) > innerWidth + 0.5
  ).map(element => element.outerHTML.slice(0, 120));
}"""


FOCUS = """() => (({outlineStyle, outlineWidth}) => [outlineStyle, outlineWidth])(
    getComputedStyle(document.activeElement))"""

# Whether nothing lies above an element, in its middle and at its corners as far as the window shows them.
ON_TOP = """element => {
  const {left, right, top, bottom} = element.getBoundingClientRect();
  const [x, y] = [[left + 4, (left + right) / 2, right - 4], [top + 4, (top + bottom) / 2, bottom - 4]];
  return x.flatMap(x => y.map(y => [x, y])).filter(([x, y]) => y > 0 && y < innerHeight)
    .every(([x, y]) => document.elementFromPoint(x, y) === element);
}"""

# How many curves each track shows of each metric.
CURVES = """() => {
  const shown = (root, selector) => [...root.querySelectorAll(selector)].filter(element => element.checkVisibility());
  const count = plot => plot.querySelectorAll("svg g[data-mark=line] path").length;
  return Object.fromEntries(shown(document, ".tracks section.track").map(track => [track.id.replace("track-", ""),
    Object.fromEntries(shown(track, ".plot").map(plot => [plot.dataset.metric, count(plot)]))]));
}"""


@pytest.fixture
def open_page(browser: Any, committed: Site) -> Iterator[Open]:
    """A function that opens a page of the site; what goes wrong there is told when the test ends."""
    problems: list[str] = []
    contexts = []

    def failed(request: Any) -> None:
        # What becomes a download is no page any more.
        if "/downloads/" not in request.url:
            problems.append(f"{request.url}: {request.failure}")

    def open_page(address: str, **options: Any) -> Page:
        context = browser.new_context(offline=True, viewport=WIDE, reduced_motion="reduce", **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)  # a busy machine
        page.on("request", lambda request: request.url.startswith(("file:", "data:")) or problems.append(request.url))
        page.on("requestfailed", failed)
        page.on("console", lambda said: said.type in ("warning", "error") and problems.append(said.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(urljoin((committed.folder / "index.html").as_uri(), address))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture(scope="module")
def results(committed: Site) -> dict[str, list[dict[str, str]]]:
    """The rows of results.csv by loop, in the order of the page."""
    with (committed.folder / "downloads" / "results.csv").open(newline="", encoding="utf-8") as file:
        rows = {cells(row): row for row in csv.DictReader(file)}
    found = {}
    for section in committed.index.all("section", "loop-of"):
        ids = [[a["href"][-21:-5] for a in row.one("td", "seeds").all("a")] for row in section.one("tbody").all("tr")]
        found[section["id"]] = [rows[" ".join(each)] for each in ids]
    return found


def cells(row: dict[str, str]) -> str:
    """Return what `ROWS` says of a row."""
    return " ".join(cell[:16] for cell in row["cells"].split())


def shown(page: Page, loop: str) -> list[str]:
    rows: list[str] = page.locator(f"section[id='{loop}']").evaluate(ROWS)
    return rows


def shown_everywhere(page: Page, results: dict[str, list[dict[str, str]]]) -> list[str]:
    return [each for loop in results for each in shown(page, loop)]


def number(text: str) -> float:
    return float(text) if text else math.nan


WORDS = ["cures", "helps", "trades", "no difference shown", "hurts"]
# What each column is sorted by, and which way round the best comes first.
SORTED_BY: dict[str, tuple[Callable[[dict[str, str]], Any], str]] = {
    "rank": (lambda row: number(row["rank"]), "ascending"),
    "word": (lambda row: WORDS.index(row["word"]) if row["word"] else math.nan, "ascending"),
    "ratio": (lambda row: number(row["log_fid_area_difference"]), "ascending"),
    "f1": (lambda row: number(row["f1_area_difference"]), "descending"),
    "fid": (lambda row: number(row["fid_last"]), "ascending"),
    "precision": (lambda row: number(row["precision_last"]), "descending"),
    "recall": (lambda row: number(row["recall_last"]), "descending"),
    "authpct": (lambda row: number(row["authpct_last"]), "descending"),
    "coverage": (lambda row: number(row["coverage_last"]), "descending"),
    "cost": (
        lambda row: number(row["training_ratio"] or "0") + number(row["evaluations_ratio"] or "0") or math.nan,
        "ascending",
    ),
    "seeds": (lambda row: len(row["cells"].split()), "descending"),
    "method": (lambda row: row["method"], "ascending"),
}

# Clicks every heading of a loop twice; after each click, what is sorted by what and in which order the rows stand.
CLICK_ALL = f"""section => [...section.querySelectorAll("thead button")].flatMap(button => [1, 2].map(() => {{
    button.click();
    const said = [...section.querySelectorAll("thead th")].map(heading => heading.getAttribute("aria-sort"));
    return [button.dataset.sort, said, ({ROWS})(section)];
  }}))"""


def test_each_column_sorts_the_rows_both_ways_the_best_first(
    open_page: Open, results: dict[str, list[dict[str, str]]]
) -> None:
    page = open_page("index.html")
    loop, rows = max(results.items(), key=lambda each: len(each[1]))
    by_cells = {cells(row): row for row in rows}
    clicks = page.locator(f"section[id='{loop}']").evaluate(CLICK_ALL)
    keys = list(dict.fromkeys(key for key, _, _ in clicks))
    assert set(keys) == {*SORTED_BY, "uses"}
    for place, (key, said, order) in enumerate(clicks):
        if key == "uses":
            continue
        value, best = SORTED_BY[key]
        direction = best if place % 2 == 0 else {"ascending": "descending", "descending": "ascending"}[best]
        assert said == [direction if each == key else "none" for each in keys]
        found = [value(by_cells[each]) for each in order]
        assert len(found) == len(rows)
        there = [each for each in found if each == each]  # without NaN
        assert found[: len(there)] == there, f"{key}: what has no value comes last"
        # The page sorts by six digits.
        same = [float(f"{each:.5g}") if isinstance(each, float) else each for each in there]
        assert same == sorted(same, reverse=direction == "descending"), (key, direction)


FOUND = {
    "filter": lambda row: "filter" in f"{row['method']} {row['params']}",
    "Self Correction": lambda row: row["method"] == "self_correction",
    "strength=1": lambda row: '"strength": 1' in row["params"],
    "contaminated": lambda row: bool(row["contamination"]),
    "stylegan": lambda row: row["generator"] == "stylegan",
    "copies": lambda row: "copies" in row["marks"],
    "MAD": lambda row: "shown" in (row["fid_rises"], row["precision_falls"], row["recall_falls"]),
    "verified": lambda row: row["trust"] == "verified",
}


def test_search_finds_who_had_the_idea(open_page: Open, results: dict[str, list[dict[str, str]]]) -> None:
    page = open_page("index.html")
    page.get_by_role("searchbox").fill("gillman 2402")
    rows = [row for loop in results.values() for row in loop]
    found = {row["method"] for row in rows if cells(row) in shown_everywhere(page, results)}
    assert found == {"self_correction"}


@pytest.mark.parametrize("text", FOUND)
def test_search_finds_methods_parameters_loops_words_and_marks(
    open_page: Open, results: dict[str, list[dict[str, str]]], text: str
) -> None:
    page = open_page("index.html")
    page.get_by_role("searchbox").fill(text)
    rows = [row for loop in results.values() for row in loop]
    expected = [cells(row) for row in rows if FOUND[text](row)]
    assert expected
    assert shown_everywhere(page, results) == expected
    assert page.locator(".count").text_content() == f"{len(expected)} of {len(rows)} rows"


def test_nothing_found_is_said(open_page: Open, results: dict[str, list[dict[str, str]]]) -> None:
    page = open_page("index.html")
    page.get_by_role("searchbox").fill("nothing is called this")
    assert shown_everywhere(page, results) == []
    assert "No row fits" in page.locator(".count").text_content()
    assert page.locator(".no-row").first.is_visible()
    assert not page.locator("table.board").first.is_visible()


def test_filters_show_what_they_say(open_page: Open, results: dict[str, list[dict[str, str]]]) -> None:
    page = open_page("index.html")
    rows = [row for loop in results.values() for row in loop]
    form = page.locator("form.filters")
    for field, value, wanted in (
        ("verdict", "helps", lambda row: row["word"] == "helps"),
        ("marks", "copies", lambda row: "copies" in row["marks"]),
        ("uses", "labels", lambda row: "labels" in row["uses"]),
        ("generator", "stylegan", lambda row: row["generator"] == "stylegan"),
        ("loop", "fresh data", lambda row: row["kind"] == "fresh_data"),
    ):
        form.locator(f"[name={field}]").select_option(value)
        expected = [cells(row) for row in rows if wanted(row)]
        assert expected, field
        assert shown_everywhere(page, results) == expected, field
        form.locator(f"[name={field}]").select_option("")
    form.locator("[name=ranked]").check()
    assert shown_everywhere(page, results) == [cells(row) for row in rows if row["rank"]]


def test_the_address_keeps_filter_search_and_order(open_page: Open, results: dict[str, list[dict[str, str]]]) -> None:
    page = open_page("index.html")
    before = shown_everywhere(page, results)
    page.get_by_role("searchbox").fill("filter")
    page.locator("form.filters [name=verdict]").select_option("helps")
    page.locator("section.loop-of").first.get_by_role("button", name="Recall").click()
    found = shown_everywhere(page, results)
    assert 0 < len(found) < len(before)
    assert page.url.endswith("?find=filter&verdict=helps&sort=-recall")
    page.reload()
    assert shown_everywhere(page, results) == found
    assert page.get_by_role("searchbox").input_value() == "filter"
    page.get_by_role("button", name="show all").click()
    assert shown_everywhere(page, results) == before
    assert page.url.endswith("index.html")
    headings = page.locator("section.loop-of thead th")
    assert set(headings.evaluate_all("all => all.map(th => th.getAttribute('aria-sort'))")) == {"none"}


def test_an_address_that_asks_for_what_there_is_not_shows_all(
    open_page: Open, results: dict[str, list[dict[str, str]]]
) -> None:
    page = open_page("index.html?verdict=nonsense&sort=%22%5D&generator=%3Cb%3E")
    assert shown_everywhere(page, results) == [cells(row) for loop in results.values() for row in loop]


def test_a_row_has_an_address_and_is_shown_there_whatever_is_filtered(
    open_page: Open, results: dict[str, list[dict[str, str]]]
) -> None:
    page = open_page("index.html")
    loop = list(results)[-1]
    row = page.locator(f"section[id='{loop}'] tbody tr").first
    row.locator("a.here").click()
    place = row.get_attribute("id")
    assert page.url.endswith(f"#{place}")
    page.goto(page.url.replace("index.html", "index.html?find=neon"))
    assert page.locator(f"[id='{place}']").bounding_box()["y"] < WIDE["height"]
    assert page.locator(f"[id='{place}']").is_visible()


def test_the_heading_of_a_loop_stays_in_sight(open_page: Open) -> None:
    page = open_page("index.html")
    page.locator("section.loop-of tbody tr").nth(10).scroll_into_view_if_needed()
    heading = page.locator("section.loop-of thead th").nth(3).bounding_box()
    assert 0 <= heading["y"] < 100


def test_on_a_telephone_each_row_is_a_card_that_names_its_numbers(open_page: Open) -> None:
    page = open_page("index.html")
    page.set_viewport_size(NARROW)
    card = page.locator("section.loop-of tbody tr").first
    cell = card.locator("td[data-title=Recall]")
    assert card.bounding_box()["width"] <= NARROW["width"]
    assert cell.evaluate("cell => getComputedStyle(cell, '::before').content") == '"Recall"'
    hidden = card.locator("td[data-title=AuthPct]")
    assert not hidden.is_visible()
    card.locator("summary").click()
    assert hidden.is_visible()
    page.locator("form.filters [name=sort]").select_option("-recall")
    assert page.url.endswith("?sort=-recall")


@pytest.mark.parametrize("media", [{"media": "print"}, {"forced_colors": "active"}])
def test_print_and_forced_colours_carry_the_verdicts(open_page: Open, media: dict[str, str]) -> None:
    page = open_page("index.html")
    page.emulate_media(**media)
    word = page.locator("section.loop-of .word").first
    assert word.is_visible()
    assert word.evaluate("word => getComputedStyle(word).borderTopStyle") == "solid"
    assert word.evaluate("word => getComputedStyle(word).borderTopColor") != "rgba(0, 0, 0, 0)"
    assert page.locator("form.filters").is_visible() == ("print" not in media.values())
    assert page.locator("section.loop-of td[data-title=Seeds]").first.is_visible()


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["screen", "telephone"])
def test_the_first_screen_has_the_answer_the_plane_and_the_best_rows(open_page: Open, size: dict[str, int]) -> None:
    page = open_page("index.html")
    page.set_viewport_size(size)
    for place in ("p.answer", "svg.plane:visible", "table.forest tbody tr:nth-child(3)"):
        box = page.locator(place).first.bounding_box()
        assert box["y"] + box["height"] <= size["height"], place


def test_the_keyboard_alone_sorts_and_sees_where_it_is(
    open_page: Open, results: dict[str, list[dict[str, str]]]
) -> None:
    page = open_page("index.html")
    loop = next(iter(results))
    page.get_by_role("button", name="show all").focus()
    where = ""
    for _ in range(40):
        page.keyboard.press("Tab")
        where = page.evaluate("document.activeElement.dataset.sort ?? ''")
        style, width = page.evaluate(FOCUS)
        assert style != "none"
        assert float(width.removesuffix("px")) >= 2
        if where == "fid":
            break
    assert where == "fid"
    page.keyboard.press("Enter")
    fids = {cells(row): float(row["fid_last"]) for row in results[loop]}
    assert shown(page, loop) == sorted(fids, key=lambda each: fids[each])
    assert page.evaluate("document.activeElement.closest('th').getAttribute('aria-sort')") == "ascending"


def test_no_number_is_for_the_mouse_alone(open_page: Open) -> None:
    page = open_page("index.html")
    titles = page.locator("main [title]").evaluate_all("all => all.map(each => each.title)")
    assert [title for title in titles if "SHA-256" not in title] == []


def test_the_first_tab_leads_past_the_menu(open_page: Open) -> None:
    page = open_page("index.html")
    page.keyboard.press("Tab")
    link = page.get_by_role("link", name="Skip to the content")
    assert link.evaluate("link => link === document.activeElement && link.getBoundingClientRect().left >= 0")


def test_the_table_is_complete_without_scripts(open_page: Open, results: dict[str, list[dict[str, str]]]) -> None:
    page = open_page("index.html", java_script_enabled=False)
    for loop, rows in results.items():
        assert page.locator(f"section[id='{loop}'] tbody tr").count() == len(rows)


# The page of curves.


def compare_page(committed: Site, place: int = 0) -> str:
    return f"compare/{committed.tables[place]['id']}.html"


def paths_drawn(page: Page) -> dict[str, dict[str, int]]:
    """Return how many curves each track shows of each metric."""
    found: dict[str, dict[str, int]] = page.evaluate(CURVES)
    return found


def expected_paths(data: dict[str, Any], chosen: set[str]) -> dict[str, dict[str, int]]:
    found = {}
    for track in data["tracks"]:
        lines = [line for line in track["lines"] if line["line"] in chosen]
        metrics = {metric["key"]: sum(metric["key"] in line["curves"] for line in lines) for metric in data["metrics"]}
        found[track["key"]] = metrics if lines else {}
    return found


# Between the tables of the two tasks is one of what is fine-tuned, with one line.
@pytest.mark.parametrize("place", [0, 1, 2])
def test_curves_are_drawn_of_the_chosen_lines_in_each_loop_that_has_them(
    open_page: Open, committed: Site, place: int
) -> None:
    page = open_page(compare_page(committed, place))
    data = committed.charts[place]
    chosen = {line["line"] for line in data["lines"] if line["first"]}
    assert paths_drawn(page) == expected_paths(data, chosen)
    # One more, one less, and none.
    further = [line["line"] for line in data["lines"] if not line["first"]][:1]
    assert bool(further) == (len(data["lines"]) > 1)
    for line in further:
        page.locator(f"#lines input[value='{line}']").check()
    assert paths_drawn(page) == expected_paths(data, chosen.union(further))
    plain = data["lines"][0]["line"]
    page.locator(f"#lines input[value='{plain}']").uncheck()
    assert paths_drawn(page) == expected_paths(data, chosen.union(further) - {plain})
    page.get_by_role("button", name="clear").click()
    assert paths_drawn(page) == expected_paths(data, set())
    assert page.locator(".none-chosen").first.is_visible()
    assert not page.locator(".none-here").first.is_visible()


def test_each_chart_says_what_it_shows(open_page: Open, committed: Site) -> None:
    page = open_page(compare_page(committed))
    labels = page.locator(".plot svg[aria-label]").evaluate_all(
        "all => all.map(svg => svg.getAttribute('aria-label'))"
    )
    [said] = [label for label in labels if label.startswith("fully synthetic, ddpm: Recall against generation. ")]
    first, last = (committed.charts[0]["tracks"][0]["lines"][0]["curves"]["recall"][place][0] for place in (0, -1))
    assert f"from {first:.2f} to {last:.2f}" in said
    assert page.locator(".plot svg[role=img]").count() == len(labels)
    assert page.locator(".plot svg g[aria-label]").count() == 0


def test_what_is_cleared_stays_cleared_and_the_usual_lines_come_back(open_page: Open, committed: Site) -> None:
    page = open_page(compare_page(committed))
    usual = page.locator("#lines input:checked").count()
    page.get_by_role("button", name="clear").click()
    page.reload()
    assert page.locator("#lines input:checked").count() == 0
    page.get_by_role("button", name="the usual lines").click()
    first = [line for line in committed.charts[0]["lines"] if line["first"]]
    assert page.locator("#lines input:checked").count() == usual == len(first) >= 5


def test_each_line_has_a_style_of_its_own_that_no_choice_changes(open_page: Open, committed: Site) -> None:
    page = open_page(compare_page(committed))
    lines = [line["line"] for line in committed.charts[0]["lines"]]
    swatch = "line => document.querySelector(`#lines .key[data-line='${line}'] svg`).innerHTML"
    before = page.evaluate(swatch, lines[0])
    page.evaluate(f"location.hash = '{','.join(lines)}'")
    page.wait_for_function(f"document.querySelectorAll('#lines input:checked').length === {len(lines)}")
    styles = [page.evaluate(swatch, line) for line in lines]
    assert len(lines) > 21
    assert len(set(styles)) == len(lines)
    assert styles[0] == before


def test_the_keyboard_reads_every_number_of_a_chart(open_page: Open, committed: Site) -> None:
    page = open_page(compare_page(committed))
    track = committed.charts[0]["tracks"][0]
    section = page.locator(f"#track-{track['key']}")
    section.locator(".numbers summary").focus()
    page.keyboard.press("Enter")
    tables = section.locator(".numbers table")
    tables.first.wait_for()
    assert tables.count() == len(committed.charts[0]["metrics"])
    chosen = set(page.locator("#lines input:checked").evaluate_all("boxes => boxes.map(box => box.value)"))
    curves = [line["curves"]["fid"] for line in track["lines"] if line["line"] in chosen]
    found = tables.first.locator("tbody td span").all_text_contents()
    assert found == [f"{curve[t][0]:.2f}" for t in range(len(curves[0])) for curve in curves]
    real = tables.first.locator("tfoot td").all_text_contents()
    assert real == [f"{committed.charts[0]['floor']['fid']:.2f}"]


def test_a_link_to_a_loop_shows_it_with_its_lines(open_page: Open, committed: Site) -> None:
    data = committed.charts[0]
    track, line = data["tracks"][-1], data["tracks"][-1]["lines"][0]["line"]
    page = open_page(f"{compare_page(committed)}#track-{track['key']},{line}")
    assert page.locator("#lines input:checked").evaluate_all("boxes => boxes.map(box => box.value)") == [line]
    assert page.locator(f"#track-{track['key']}").evaluate("part => part.getBoundingClientRect().top") < 400


def test_without_scripts_the_page_of_curves_says_so_above_what_it_lacks(open_page: Open, committed: Site) -> None:
    page = open_page(compare_page(committed), java_script_enabled=False)
    assert page.locator("noscript p").first.is_visible()
    standings = page.locator(".standings li")
    assert standings.count() == sum(len(track["lines"]) for track in committed.charts[0]["tracks"])
    assert page.locator("figure.strip").first.is_visible()


def test_the_address_keeps_the_choice(open_page: Open, committed: Site) -> None:
    page = open_page(compare_page(committed))
    data = committed.charts[0]
    wanted = [data["lines"][place]["line"] for place in (0, 5, 7)]
    page.get_by_role("button", name="clear").click()
    for line in wanted:
        page.locator(f"#lines input[value='{line}']").check()
    assert page.url.endswith("#" + ",".join(wanted))
    drawn = paths_drawn(page)
    page.reload()
    assert page.locator("#lines input:checked").evaluate_all("boxes => boxes.map(box => box.value)") == wanted
    assert paths_drawn(page) == drawn == expected_paths(data, set(wanted))


def test_a_row_of_the_overview_leads_to_its_curves_beside_the_plain_loop(
    open_page: Open, committed: Site, results: dict[str, list[dict[str, str]]]
) -> None:
    page = open_page("index.html")
    loop, rows = next(iter(results.items()))
    place = next(i for i, row in enumerate(rows) if row["method"] == "neon")
    page.locator(f"section[id='{loop}'] tbody tr").nth(place).locator(".ways a").first.click()
    page.wait_for_url("**/compare/**")
    assert f"#track-{loop[-12:]}," in page.url
    names = page.locator("#lines li:has(input:checked) .label").evaluate_all(
        "all => all.map(each => each.firstChild.data.trim())"
    )
    assert [name.partition(",")[0] for name in names] == ["plain loop", "neon"]
    drawn = next(each for each in paths_drawn(page).values() if each)
    assert drawn == {"fid": 2, "precision": 2, "recall": 2, "label_agreement": 2}


def test_the_plain_loops_are_laid_over_each_other(open_page: Open, committed: Site) -> None:
    page = open_page(compare_page(committed))
    plain = [track for track in committed.charts[0]["tracks"] if track["plain"]]
    assert len(plain) > 3
    drawn = page.locator("#loops .plot").first.locator("svg g[data-mark=line] path")
    assert drawn.count() == page.locator("#loops .legend svg").count() == len(plain)
    chosen = page.locator("#lines input:checked").count()
    page.locator("#loops .legend a").last.click()
    assert page.evaluate("location.hash").startswith("#track-")
    assert page.locator("#lines input:checked").count() == chosen


def test_another_fragment_chooses_other_lines(open_page: Open, committed: Site) -> None:
    page = open_page(compare_page(committed))
    line = committed.charts[0]["lines"][4]["line"]
    page.evaluate(f"location.hash = '{line}'")
    page.wait_for_function("document.querySelectorAll('#lines input:checked').length === 1")
    assert paths_drawn(page) == expected_paths(committed.charts[0], {line})


def test_strips_of_the_chosen_lines_are_shown(open_page: Open, committed: Site) -> None:
    page = open_page(compare_page(committed))
    strips = page.locator("figure.strip")
    methods = {strip.get_attribute("data-line").rpartition("-")[0] for strip in strips.all()}
    assert methods == {"none", "real_only", "self_correction", "teacher"}
    page.get_by_role("button", name="clear").click()
    assert [strip.is_visible() for strip in strips.all()] == [False] * 4
    line = strips.nth(2).get_attribute("data-line")
    page.locator(f"#lines input[value='{line}']").check()
    assert [strip.is_visible() for strip in strips.all()] == [False, False, True, False]
    picture = strips.nth(2).locator("img")
    picture.scroll_into_view_if_needed()
    page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=picture.element_handle())


def test_lines_can_be_found_by_name(open_page: Open, committed: Site) -> None:
    page = open_page(compare_page(committed))
    page.get_by_label("Find").fill("filter")
    names = page.locator("#lines li:visible .label").evaluate_all(
        "all => all.map(each => each.firstChild.data.trim())"
    )
    expected = [line["label"].partition(",")[0] for line in committed.charts[0]["lines"] if "filter" in line["label"]]
    assert [name.partition(",")[0].replace(" ", "_").lower() for name in names] == expected
    assert len(expected) >= 2


def point_at(page: Page, plot: Any, place: int) -> Any:
    """Move the mouse to a dot of a chart's first line, and return what is read of it."""
    plot.scroll_into_view_if_needed()
    dot = plot.locator("g[data-mark=dot]").first.locator("> *").nth(place).bounding_box()
    page.mouse.move(dot["x"] + dot["width"] / 2, dot["y"] + dot["height"] / 2)
    plot.locator(".tip").wait_for()
    return plot.locator(".tip")


def test_the_pointer_reads_the_value_of_a_point(open_page: Open, committed: Site) -> None:
    page = open_page(compare_page(committed))
    plot = page.locator(".plot[data-metric=fid]").first
    tip = point_at(page, plot, 0)
    first = committed.charts[0]["tracks"][0]["lines"]
    value = next(
        line["curves"]["fid"][0][0] for line in first if line["line"] == committed.charts[0]["lines"][0]["line"]
    )
    assert f"generation 1: FID {value:.2f}" in tip.text_content()
    assert plot.locator("g[aria-label]").count() == 0
    page.mouse.move(0, 0)
    tip.wait_for(state="hidden")


@pytest.mark.parametrize("size", [WIDE, {"width": 1024, "height": 768}, NARROW], ids=["screen", "laptop", "telephone"])
def test_what_the_pointer_reads_stays_in_its_chart_and_above_all_others(
    open_page: Open, committed: Site, size: dict[str, int]
) -> None:
    page = open_page(compare_page(committed))
    page.set_viewport_size(size)
    page.add_style_tag(
        content=".tip { pointer-events: auto !important; }"
    )  # so that a point is asked what lies on top
    plots = page.locator(".tracks .track").first.locator(".plot")
    assert plots.count() == 4
    for plot in plots.all():
        for place in (0, 4):
            tip = point_at(page, plot, place)
            chart, box = plot.bounding_box(), tip.bounding_box()
            assert box["x"] >= chart["x"] - 0.5
            assert box["x"] + box["width"] <= chart["x"] + chart["width"] + 0.5
            assert tip.evaluate(ON_TOP)
            page.mouse.move(0, 0)


def test_on_paper_the_curves_have_the_whole_width_and_what_is_chosen_is_not_asked(
    open_page: Open, committed: Site
) -> None:
    page = open_page(compare_page(committed))
    page.emulate_media(media="print")
    assert not page.locator(".choose").is_visible()
    main, tracks = (page.locator(each).bounding_box() for each in ("main", ".tracks"))
    assert tracks["width"] > 0.95 * main["width"]


# Boards of very many rows, whose pages do not hold all of them.


def until(page: Page, done: Callable[[], bool]) -> None:
    """Wait for something of the page; its own rules forbid the driver to ask it by itself."""
    for _ in range(600):
        if done():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it has not happened in a minute")


@pytest.fixture
def crowded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Site:
    """Two loops of nine rows: the index has room for three each, the page of curves for the usual lines."""
    monkeypatch.setattr(first_rows, "MOST_ROWS", 6)
    monkeypatch.setattr(chart_data, "MOST_CURVES", 1)
    monkeypatch.setattr(chart_data, "LINES_OF_A_PART", 2)
    results = Results(tmp_path / "results")
    for kind in ("fully_synthetic", "fresh_data"):
        for place, method in enumerate(["none", *(f"mine_{letter}" for letter in "abcdefgh")]):
            results.add(make_record(kind=kind, method=method, fids=(2.0, 3.0 + place)))
    build_site(results.folder, tmp_path / "site", plan_cells)
    return Site(tmp_path / "site")


def test_rows_that_wait_are_sorted_found_and_led_to(open_page: Open, crowded: Site) -> None:
    page = open_page((crowded.folder / "index.html").as_uri())
    rows = page.locator("section.loop-of tbody tr:not(.later)")
    assert rows.count() == 6
    assert page.locator(".count").text_content() == "18 rows"
    page.locator("section.loop-of button[data-sort=fid]").first.click()
    until(page, lambda: rows.count() == 18)
    fids = rows.evaluate_all("all => all.map(row => Number(row.dataset.fid))")
    assert fids[:9] == fids[9:] == sorted(fids[:9])
    page.reload()
    page.get_by_role("searchbox").fill("mine_h")
    until(page, lambda: rows.count() == 2)
    assert page.locator(".count").text_content() == "2 of 18 rows"
    place = page.locator("section.loop-of tbody tr").last.get_attribute("id")
    page.goto((crowded.folder / "index.html").as_uri() + f"#{place}")
    page.reload()
    page.locator(f"[id='{place}']").wait_for()
    assert 0 <= page.locator(f"[id='{place}']").bounding_box()["y"] < WIDE["height"]


def test_curves_that_wait_are_read_when_they_are_chosen(open_page: Open, crowded: Site) -> None:
    [address] = (crowded.folder / "compare").glob("*.html")
    page = open_page(address.as_uri())
    drawn = page.locator(".tracks .plot[data-metric=fid]").first.locator("svg g[data-mark=line] path")
    assert drawn.count() == 4  # the plain loop and the first three methods
    last = page.locator("#lines input").last
    last.check()
    until(page, lambda: drawn.count() == 5)
    assert page.locator(f".standings li[data-line='{last.input_value()}']").first.is_visible()
    page.reload()
    until(page, lambda: drawn.count() == 5)


# The other pages, and all of them.


def test_no_label_of_a_drawing_is_cut_off(open_page: Open) -> None:
    page = open_page("price.html")
    cut = page.locator("svg[role=img] text").evaluate_all("""all => all.filter(text => {
      const [box, {width, height}] = [text.getBBox(), text.ownerSVGElement.viewBox.baseVal];
      return box.x < -1 || box.y < -1 || box.x + box.width > width + 1 || box.y + box.height > height + 1;
    }).map(text => text.textContent)""")
    assert page.locator(".price-chart").count() > 0
    assert cut == []


def test_the_source_of_a_method_opens(open_page: Open, tmp_path: Path) -> None:
    record = make_record(method="neon")
    method = {"name": "neon", "params": {}, "sha256": file_sha256(BASELINES / "neon.py")}
    cell = Cell.model_validate(record.cell.model_dump() | {"method": method})
    Results(tmp_path / "results").add(record.model_copy(update={"cell": cell, "cell_id": cell.id}))
    build_site(tmp_path / "results", tmp_path / "site", plan_cells)
    [address] = (tmp_path / "site" / "methods").glob("neon-*.html")
    page = open_page(address.as_uri())
    source = page.locator("pre.source")
    assert not source.is_visible()
    page.locator("details:has(pre.source) summary").click()
    assert source.is_visible()
    assert "class Neon" in source.text_content()


def test_a_download_can_be_fetched(open_page: Open, committed: Site) -> None:
    page = open_page("downloads.html")
    with page.expect_download() as fetched:
        page.get_by_role("link", name="scores.csv", exact=True).first.click()
    expected = (committed.folder / "downloads" / "scores.csv").read_bytes()
    assert Path(fetched.value.path()).read_bytes() == expected


def test_the_strip_of_a_cell_is_shown(open_page: Open, committed: Site) -> None:
    with_strip = next(path.stem for path in sorted((committed.folder / "strips").iterdir()))
    page = open_page(f"cells/{with_strip}.html")
    picture = page.locator("img[src*='strips/']").first
    assert picture.evaluate("image => image.complete && image.naturalWidth") > 800
    page.set_viewport_size(NARROW)
    assert picture.bounding_box()["width"] <= NARROW["width"]


def some_pages(committed: Site) -> list[str]:
    """Every page but for most of the methods' and cells': there, one with a file and a strip, and another."""
    strip = next(path.stem for path in sorted((committed.folder / "strips").iterdir()))
    many = [name for name in committed.pages if name.startswith(("methods/", "cells/"))]
    chosen = [
        f"cells/{strip}.html",
        many[0],
        *(name for name in many if name.startswith(("methods/none-", "methods/neon-"))),
    ]
    return [name for name in committed.pages if name not in many] + chosen


def test_no_page_is_wider_than_the_window_nor_has_a_text_that_is_hard_to_read(
    open_page: Open, committed: Site
) -> None:
    page = open_page("index.html")
    for address in some_pages(committed):
        page.set_viewport_size(WIDE)
        page.emulate_media(color_scheme="light")
        page.goto((committed.folder / address).as_uri())
        for details in page.locator("details").all():
            details.evaluate("details => { details.open = true; }")
        background = []
        for scheme, size in (("light", WIDE), ("dark", NARROW)):
            page.set_viewport_size(size)
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate(TOO_WIDE) == [], (address, size)
            assert page.evaluate(FAINT_TEXTS) == [], (address, scheme)
            background.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert background == ["rgb(255, 255, 255)", "rgb(18, 21, 25)"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_mark_can_be_read_on_every_background(open_page: Open, scheme: str) -> None:
    page = open_page("downloads.html", color_scheme=scheme)
    marks = ["muted", "good", "bad", "mark", "mark bad", "effect helps", "effect hurts", "effect", "trust verified"]
    marks += ["verdict", "verdict supported", "verdict refuted", "verdict undecided"]
    page.evaluate(
        """marks => { for (const background of ["page", "raised", "warning"]) {
          const box = document.createElement("div");
          box.style.background = `var(--${background})`;
          for (const mark of marks) {
            box.append(Object.assign(document.createElement("span"), {className: mark, textContent: mark}), " ");
          }
          box.append(Object.assign(document.createElement("a"), {href: "#", textContent: "a link"}));
          document.querySelector("main").append(box);
        } }""",
        marks,
    )
    assert page.locator("main div span").count() == 3 * len(marks)
    assert page.evaluate(FAINT_TEXTS) == []


def test_the_overview_fits_a_laptop_without_scrolling_sideways(open_page: Open) -> None:
    page = open_page("index.html")
    for region in page.locator(".scroll").all():
        assert region.evaluate("region => region.scrollWidth - region.clientWidth") <= 0
