"""The site in a browser: the committed records' pages in headless Chromium, without a network.

Any request that is no file, any warning or error in the console and any exception fails the test that it happens in.
"""

import csv
import math
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest

from bench.board.site import build_site
from bench.cells.cell import Cell
from bench.executors.grid import plan_cells
from bench.files.hashing import file_sha256
from bench.paths import BASELINES

from .html_pages import Site
from .made_up import Results, make_record

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,  # a browser; test_pages.py and test_links.py read the same pages without one
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium or google-chrome to drive"),
]

WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
Page = Any
Open = Callable[..., Page]

# The rows of a table as the browser shows them: the ids of their cells, which are also in results.csv.
ROWS = """section => [...section.querySelectorAll("tbody tr")].map(row =>
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

# How many curves each track shows of each metric.
CURVES = """() => {
  const shown = (root, selector) => [...root.querySelectorAll(selector)].filter(element => element.checkVisibility());
  const count = plot => plot.querySelectorAll("svg g[aria-label=line] path").length;
  return Object.fromEntries(shown(document, ".tracks section.track").map(track => [track.id.replace("track-", ""),
    Object.fromEntries(shown(track, ".plot").map(plot => [plot.dataset.metric, count(plot)]))]));
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


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
        page.set_default_timeout(20_000)
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
    """The rows of results.csv by table, in the order of the page."""
    with (committed.folder / "downloads" / "results.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {section["id"]: [row for row in rows if row["table"] == section["id"]] for section in committed.tables}


@pytest.fixture(scope="module")
def loops(committed: Site) -> dict[str, str]:
    """What the loop of each row is called, by its cells."""
    rows = [row for place in range(len(committed.tables)) for row in committed.rows(place)]
    cells = [[link["href"].removesuffix(".html")[-16:] for link in row.one("td", "seeds").all("a")] for row in rows]
    return {" ".join(ids): row.one("td", "loop").text for ids, row in zip(cells, rows, strict=True)}


def cells(row: dict[str, str]) -> str:
    """Return what `ROWS` says of a row."""
    return " ".join(cell[:16] for cell in row["cells"].split())


def shown(page: Page, table: str) -> list[str]:
    rows: list[str] = page.locator(f"section[id='{table}']").evaluate(ROWS)
    return rows


def number(text: str) -> float:
    return float(text) if text else math.nan


SORTED_BY: dict[str, Callable[[dict[str, str]], Any]] = {
    "rank": lambda row: number(row["rank"]),
    "ratio": lambda row: number(row["log_fid_area_difference"]),
    "fid": lambda row: number(row["fid_last"]),
    "precision": lambda row: number(row["precision_last"]),
    "recall": lambda row: number(row["recall_last"]),
    "dprecision": lambda row: number(row["precision_last_difference"]),
    "drecall": lambda row: number(row["recall_last_difference"]),
    "trend": lambda row: number(row["log_fid_trend"]),
    "cost": lambda row: number(row["training_ratio"] or "0") + number(row["evaluations_ratio"] or "0") or math.nan,
    "seeds": lambda row: len(row["cells"].split()),
    "method": lambda row: row["method"],
    "trust": lambda row: row["trust"],
}  # fmt: skip


# Clicks every heading twice; after each click, what is sorted by what and in which order the rows stand.
CLICK_ALL = f"""section => [...section.querySelectorAll("thead button")].flatMap(button => [1, 2].map(() => {{
    button.click();
    const said = [...section.querySelectorAll("thead th")].map(heading => heading.getAttribute("aria-sort"));
    return [button.dataset.sort, said, ({ROWS})(section)];
  }}))"""


@pytest.mark.parametrize("place", [0, 1])
def test_each_column_sorts_the_table_both_ways(
    open_page: Open, results: dict[str, list[dict[str, str]]], loops: dict[str, str], place: int
) -> None:
    page = open_page("index.html")
    table, rows = list(results.items())[place]
    by_cells = {cells(row): row for row in rows}
    values = SORTED_BY | {"loop": lambda row: loops[cells(row)]}
    clicks = page.locator(f"section[id='{table}']").evaluate(CLICK_ALL)
    keys = list(dict.fromkeys(key for key, _, _ in clicks))
    assert set(keys) == set(values)
    for (key, said, order), direction in zip(clicks, ["ascending", "descending"] * len(keys), strict=True):
        assert said == [direction if each == key else "none" for each in keys]
        found = [values[key](by_cells[each]) for each in order]
        assert len(found) == len(rows)
        there = [value for value in found if value == value]  # without NaN
        assert found[: len(there)] == there, f"{key}: what has no value comes last"
        # The page sorts by six digits.
        same = [float(f"{value:.5g}") if isinstance(value, float) else value for value in there]
        assert same == sorted(same, reverse=direction == "descending"), (key, direction)


def test_a_click_on_a_heading_sorts(open_page: Open, results: dict[str, list[dict[str, str]]]) -> None:
    page = open_page("index.html")
    table, rows = next(iter(results.items()))
    page.locator(f"section[id='{table}']").get_by_role("button", name="Method").click()
    names = {cells(row): row["method"] for row in rows}
    assert [names[each] for each in shown(page, table)] == sorted(names.values())


def test_search_finds_methods_parameters_and_loops(
    open_page: Open, results: dict[str, list[dict[str, str]]], loops: dict[str, str]
) -> None:
    page = open_page("index.html")
    table, rows = next(iter(results.items()))
    section = page.locator(f"section[id='{table}']")
    for text in ("filter", "FILTER", "strength=1", "contaminated", "stylegan"):
        section.get_by_role("searchbox").fill(text)
        expected = [
            cells(row)
            for row in rows
            if text.lower()
            in f"{row['method']} {row['params']} {loops[cells(row)]} {row['generator']}".replace('": ', "=").lower()
        ]
        assert expected
        assert shown(page, table) == expected
        assert section.locator(".count").text_content() == f"{len(expected)} of {len(rows)} rows"
    section.get_by_role("searchbox").fill("nothing is called this")
    assert shown(page, table) == []
    section.get_by_role("searchbox").fill("")
    assert shown(page, table) == [cells(row) for row in rows]
    assert section.locator(".count").text_content() == f"{len(rows)} rows"


def test_filters_show_what_they_say_and_a_button_takes_them_back(
    open_page: Open, results: dict[str, list[dict[str, str]]], loops: dict[str, str]
) -> None:
    page = open_page("index.html")
    table, rows = next(iter(results.items()))
    section = page.locator(f"section[id='{table}']")
    loop, generator, ranked = (
        section.get_by_label("Loop"),
        section.get_by_label("Generator"),
        section.get_by_label("ranked"),
    )
    for name in dict.fromkeys(loops[cells(row)] for row in rows):
        loop.select_option(name)
        assert shown(page, table) == [cells(row) for row in rows if loops[cells(row)] == name]
    loop.select_option("")
    generator.select_option("stylegan")
    assert shown(page, table) == [cells(row) for row in rows if row["generator"] == "stylegan"]
    generator.select_option("ddpm")
    ranked.check()
    wanted = [row for row in rows if row["generator"] == "ddpm" and row["rank"]]
    assert shown(page, table) == [cells(row) for row in wanted]
    section.get_by_role("searchbox").fill("self")
    assert shown(page, table) == [cells(row) for row in wanted if "self" in row["method"]]
    section.get_by_role("button", name="show all").click()
    assert shown(page, table) == [cells(row) for row in rows]
    assert (loop.input_value(), generator.input_value(), ranked.is_checked()) == ("", "", False)


def test_the_other_tables_stay_as_they_are(open_page: Open, results: dict[str, list[dict[str, str]]]) -> None:
    page = open_page("index.html")
    first, second, *_ = results
    page.locator(f"section[id='{first}']").get_by_role("searchbox").fill("neon")
    assert shown(page, second) == [cells(row) for row in results[second]]


def test_filters_that_the_browser_restores_count(open_page: Open, results: dict[str, list[dict[str, str]]]) -> None:
    page = open_page("index.html")
    table = next(iter(results))
    page.locator(f"section[id='{table}']").get_by_role("searchbox").fill("neon")
    page.locator(f"section[id='{table}']").get_by_label("Generator").select_option("ddpm")
    before = shown(page, table)
    page.locator("nav.site").get_by_role("link", name="Methods").click()
    page.wait_for_url("**/methods.html")
    page.go_back()
    page.wait_for_url("**/index.html")
    there = page.locator(f"section[id='{table}']").get_by_role("searchbox").input_value()
    page.wait_for_timeout(100)
    assert shown(page, table) == (before if there else [cells(row) for row in results[table]])


def test_the_keyboard_alone_sorts_and_sees_where_it_is(
    open_page: Open, results: dict[str, list[dict[str, str]]]
) -> None:
    page = open_page("index.html")
    table = next(iter(results))
    page.locator(f"section[id='{table}']").get_by_role("searchbox").focus()
    # Through the filters and the region of the table to the heading of the fifth column.
    for _ in range(20):
        page.keyboard.press("Tab")
        where = page.evaluate("document.activeElement.dataset.sort ?? ''")
        style, width = page.evaluate(FOCUS)
        assert style != "none"
        assert float(width.removesuffix("px")) >= 2
        if where == "fid":
            break
    assert where == "fid"
    page.keyboard.press("Enter")
    fids = {cells(row): float(row["fid_last"]) for row in results[table]}
    assert shown(page, table) == sorted(fids, key=lambda each: fids[each])
    assert page.evaluate("document.activeElement.closest('th').getAttribute('aria-sort')") == "ascending"


def test_the_first_tab_leads_past_the_menu(open_page: Open) -> None:
    page = open_page("index.html")
    page.keyboard.press("Tab")
    link = page.get_by_role("link", name="Skip to the content")
    assert link.evaluate("link => link === document.activeElement && link.getBoundingClientRect().left >= 0")


def test_the_table_is_complete_without_scripts(open_page: Open, results: dict[str, list[dict[str, str]]]) -> None:
    page = open_page("index.html", java_script_enabled=False)
    for table, rows in results.items():
        assert page.locator(f"section[id='{table}'] tbody tr").count() == len(rows)


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


@pytest.mark.parametrize("place", [0, 1])
def test_curves_are_drawn_of_the_chosen_lines_in_each_loop_that_has_them(
    open_page: Open, committed: Site, place: int
) -> None:
    page = open_page(compare_page(committed, place))
    data = committed.charts[place]
    chosen = {line["line"] for line in data["lines"] if line["first"]}
    assert paths_drawn(page) == expected_paths(data, chosen)
    # One more, one less, and none.
    further = next(line["line"] for line in data["lines"] if not line["first"])
    page.locator(f"#lines input[value='{further}']").check()
    assert paths_drawn(page) == expected_paths(data, chosen | {further})
    plain = data["lines"][0]["line"]
    page.locator(f"#lines input[value='{plain}']").uncheck()
    assert paths_drawn(page) == expected_paths(data, (chosen | {further}) - {plain})
    page.get_by_role("button", name="clear").click()
    assert paths_drawn(page) == expected_paths(data, set())
    assert page.locator(".none-here").first.is_visible()


def test_each_chart_says_what_it_shows(open_page: Open, committed: Site) -> None:
    page = open_page(compare_page(committed))
    labels = page.locator(".plot svg[aria-label]").evaluate_all(
        "all => all.map(svg => svg.getAttribute('aria-label'))"
    )
    assert "fully synthetic, ddpm: Recall against generation" in labels


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
    table, rows = next(iter(results.items()))
    place = next(i for i, row in enumerate(rows) if row["method"] == "neon")
    page.locator(f"section[id='{table}'] tbody tr").nth(place).locator("td.loop a").click()
    page.wait_for_url("**/compare/**")
    names = page.locator("#lines li:has(input:checked) .label").evaluate_all(
        "all => all.map(each => each.firstChild.data.trim())"
    )
    assert names == ["none", "neon"]
    drawn = next(each for each in paths_drawn(page).values() if each)
    assert drawn == {"fid": 2, "precision": 2, "recall": 2, "label_agreement": 2}


def test_the_plain_loops_are_laid_over_each_other(open_page: Open, committed: Site) -> None:
    page = open_page(compare_page(committed))
    plain = [track for track in committed.charts[0]["tracks"] if track["plain"]]
    assert len(plain) > 3
    drawn = page.locator("#loops .plot").first.locator("svg g[aria-label=line] path")
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
    assert names == expected
    assert len(expected) >= 2


def test_the_pointer_reads_the_value_of_a_point(open_page: Open, committed: Site) -> None:
    page = open_page(compare_page(committed))
    plot = page.locator(".plot[data-metric=fid]").first
    plot.scroll_into_view_if_needed()
    dot = plot.locator("g[aria-label=dot] circle").first.bounding_box()
    page.mouse.move(dot["x"] + dot["width"] / 2, dot["y"] + dot["height"] / 2)
    tip = plot.locator("g[aria-label=tip] text")
    tip.wait_for()
    first = committed.charts[0]["tracks"][0]["lines"]
    value = next(
        line["curves"]["fid"][0][0] for line in first if line["line"] == committed.charts[0]["lines"][0]["line"]
    )
    assert f"generation 1: FID {value:.2f}" in tip.text_content()


# The other pages, and all of them.


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
    page.get_by_text("Source (neon)").click()
    assert source.is_visible()
    assert "class Neon" in source.text_content()


def test_a_download_can_be_fetched(open_page: Open, committed: Site) -> None:
    page = open_page("downloads.html")
    with page.expect_download() as fetched:
        page.get_by_role("link", name="scores.csv", exact=True).click()
    expected = (committed.folder / "downloads" / "scores.csv").read_bytes()
    assert Path(fetched.value.path()).read_bytes() == expected


def test_the_strip_of_a_cell_is_shown(open_page: Open, committed: Site) -> None:
    with_strip = next(path.stem for path in sorted((committed.folder / "strips").iterdir()))
    page = open_page(f"cells/{with_strip}.html")
    picture = page.get_by_role("img").first
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


def test_on_a_telephone_the_method_stays_in_sight_while_the_numbers_scroll(open_page: Open) -> None:
    page = open_page("index.html")
    page.set_viewport_size(NARROW)
    region = page.locator(".scroll").first
    assert region.evaluate("region => region.scrollWidth > region.clientWidth")
    region.evaluate("region => { region.scrollLeft = 500; }")
    name = region.locator("tbody th").first.bounding_box()
    assert 0 <= name["x"] < NARROW["width"] / 4
