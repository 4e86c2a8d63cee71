"""Every page of the committed records' site: links, what is loaded, and what a reader without eyes or mouse needs."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath
from urllib.parse import unquote

import pytest

from bench.board.pages import SITE

from .html_pages import Element, Site

# <a href> may lead to the network; nothing that a browser loads by itself may.
LOADING = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "object": "data"}
LABELLED = ("search", "checkbox", "text", "radio")


@pytest.fixture(scope="module")
def site(committed: Site) -> Site:
    return committed


def addresses(page: Element) -> Iterator[tuple[str, str]]:
    for element in page.all():
        for name in ("href", "src"):
            if name in element.attributes:
                yield element.tag, element[name]


def resolve(page: str, address: str) -> str:
    """Return the address from the root of the site, as a browser would."""
    parts: list[str] = []
    for part in [*PurePosixPath(page).parent.parts, *PurePosixPath(unquote(address)).parts]:
        if part == "..":
            parts.pop()  # IndexError above the site's root
        else:
            parts.append(part)
    return "/".join(parts)


def targets(site: Site, address: str) -> set[str]:
    """What a fragment may name: an id, and in a page of curves a line or several."""
    page = site.pages[address]
    lines = {box["value"] for box in page.all("input") if box.get("type") == "checkbox" and "value" in box.attributes}
    return {element["id"] for element in page.all() if "id" in element.attributes} | lines


def test_there_is_a_page_of_each_kind(site: Site) -> None:
    top = {"index.html", "questions.html", "methods.html", "guide.html", "downloads.html"}
    assert top <= site.pages.keys()
    assert all(site.in_folder(folder) for folder in ("cells", "methods", "compare"))


def test_every_link_leads_to_a_file_and_every_fragment_to_its_target(site: Site) -> None:
    known = {page: targets(site, page) for page in site.pages}
    broken = []
    for page, root in site.pages.items():
        for tag, address in addresses(root):
            if address == "data:," or (tag == "a" and address.startswith("https://")):
                continue
            path, _, fragment = address.partition("#")
            target = resolve(page, path) if path else page
            there = (site.folder / target).is_file()
            if not there or (fragment and not set(unquote(fragment).split(",")) <= known[target]):
                broken.append((page, address))
    assert broken == []


def test_ids_are_unique_in_a_page(site: Site) -> None:
    for name, page in site.pages.items():
        ids = Counter(element["id"] for element in page.all() if "id" in element.attributes)
        assert [each for each, times in ids.items() if times > 1] == [], name


def test_aria_and_labels_name_what_is_there(site: Site) -> None:
    for name, page in site.pages.items():
        ids = {element["id"] for element in page.all() if "id" in element.attributes}
        named = {
            element[key]
            for element in page.all()
            for key in ("aria-labelledby", "for", "aria-controls")
            if key in element.attributes
        }
        assert named <= ids, name


def test_nothing_is_loaded_from_the_network(site: Site) -> None:
    for name, page in site.pages.items():
        loaded = {element.get(LOADING[element.tag]) for element in page.all() if element.tag in LOADING}
        assert not [address for address in loaded if re.match(r"(\w+:)?//|https?:", address)], name
    for path in (SITE / "assets").iterdir():
        assert not re.search(r"url\(\s*['\"]?(?!#)|@import|fetch\(|XMLHttpRequest|import\(", path.read_text()), (
            path.name
        )


def test_no_script_stands_in_a_page(site: Site) -> None:
    # The pages' Content-Security-Policy would refuse it.
    for name, page in site.pages.items():
        inside = [script for script in page.all("script") if "src" not in script.attributes]
        assert all(script.get("type") == "application/json" for script in inside), name
        handlers = [key for element in page.all() for key in element.attributes if key.startswith("on")]
        assert handlers == [], name
        assert not [address for _, address in addresses(page) if address.lower().startswith("javascript:")], name


def test_each_page_has_a_language_a_title_of_its_own_and_one_heading_of_the_first_level(site: Site) -> None:
    for name, page in site.pages.items():
        assert page.one("html").get("lang") == "en", name
        assert page.one("title").text.removesuffix("· autophagy-bench").strip(), name
        assert len(page.all("h1")) == 1, name
        assert page.one("main").get("id") == "content", name


def test_headings_skip_no_level(site: Site) -> None:
    for name, page in site.pages.items():
        levels = [int(element.tag[1]) for element in page.all() if re.fullmatch("h[1-6]", element.tag)]
        assert all(after <= before + 1 for before, after in zip([0, *levels], levels, strict=False)), (name, levels)


def test_each_input_has_a_label(site: Site) -> None:
    for name, page in site.pages.items():
        inside = {id(field) for label in page.all("label") if label.text for field in label.all()}
        fields = [each for each in page.all() if each.tag in ("input", "select", "textarea")]
        assert [field.attributes for field in fields if id(field) not in inside] == [], name


def test_each_button_and_link_has_a_name(site: Site) -> None:
    for name, page in site.pages.items():
        for element in page.all("a") + page.all("button") + page.all("summary"):
            pictures = "".join(image.get("alt") for image in element.all("img"))
            assert element.text or pictures, (name, element.attributes)


def test_each_picture_says_what_it_shows_and_how_large_it_is(site: Site) -> None:
    pictures = [(name, image) for name, page in site.pages.items() for image in page.all("img")]
    assert pictures
    for name, image in pictures:
        assert image.get("alt").strip(), name
        assert image.get("width").isdigit(), name
        assert image.get("height").isdigit(), name


def test_each_table_lies_in_a_region_that_the_keyboard_reaches(site: Site) -> None:
    for name, page in site.pages.items():
        regions = [
            each for each in page.all("div", "scroll") if each.get("tabindex") == "0" and each.get("aria-label")
        ]
        assert all(region.get("role") == "region" for region in regions)
        inside = {id(table) for region in regions for table in region.all("table")}
        assert [table for table in page.all("table") if id(table) not in inside] == [], name
        labels = [region["aria-label"] for region in regions]
        assert len(labels) == len(set(labels)), (name, labels)


def test_headings_of_tables_say_what_they_head(site: Site) -> None:
    for name, page in site.pages.items():
        assert {cell.get("scope") for cell in page.all("th")} <= {"col", "row", "rowgroup"}, name


def test_the_rows_of_a_table_are_as_wide_as_its_head(site: Site) -> None:
    def width(row: Element) -> int:
        return sum(int(cell.get("colspan", "1")) for cell in row.all() if cell.tag in ("td", "th"))

    for name, page in site.pages.items():
        for table in page.all("table"):
            assert len({width(row) for row in table.all("tr")}) == 1, name


def test_each_page_of_the_menu_marks_where_the_reader_is(site: Site) -> None:
    menu = {"index", "price", "questions", "methods", "guide", "downloads", "submit"}
    for name, page in site.pages.items():
        here = [link for link in page.all("a") if link.get("aria-current") == "page"]
        assert len(here) == (name in {f"{page}.html" for page in menu})


def test_the_colours_of_curves_stand_out_from_the_page() -> None:
    # WCAG 2.1, 1.4.11: three to one.
    def luminance(colour: str) -> float:
        shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        r, g, b = (v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4 for v in shares)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    schemes = re.findall(r":root \{(.*?)\}", (SITE / "assets" / "board.css").read_text(), flags=re.DOTALL)
    assert len(schemes) == 2
    for scheme in schemes:
        colours = dict(re.findall(r"--([\w-]+): (#\w{6});", scheme))
        curves = [name for name in colours if name.startswith("series-")]
        assert len(curves) == 7
        for name in curves:
            light, dark = sorted((luminance(colours[name]), luminance(colours["page"])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 3, name


def test_no_heading_speaks_of_tiers_as_the_command_line_does(site: Site) -> None:
    found = []
    for name, page in site.pages.items():
        places = page.all("title") + [each for level in ("h1", "h2", "h3", "caption") for each in page.all(level)]
        places += page.all("p", "trail") + page.all("nav")
        found += [(name, each.text) for each in places if {"tier", "smoke"} & set(re.findall(r"[a-z]+", each.text))]
    assert found == []
    assert "called tiers" in site.pages["guide.html"].text
