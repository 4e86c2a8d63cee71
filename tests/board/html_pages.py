"""The pages of a built site as trees of elements, to ask what is on them."""

import json
from collections.abc import Iterator
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from bench.cells.cell import Cell
from bench.paths import baseline_names

VOID = {"br", "hr", "img", "input", "link", "meta", "wbr"}


class Element:
    """An element of a page with what is in it."""

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag = tag
        self.attributes = attributes
        self.children: list[Element | str] = []

    def __getitem__(self, name: str) -> str:
        return self.attributes[name]

    def get(self, name: str, default: str = "") -> str:
        return self.attributes.get(name, default)

    @property
    def classes(self) -> list[str]:
        return self.get("class").split()

    @property
    def text(self) -> str:
        """What a reader sees of it, without the data and the scripts."""
        return " ".join("".join(self._texts()).split())

    def _texts(self) -> Iterator[str]:
        for child in self.children:
            if isinstance(child, str):
                yield child
            elif child.tag not in ("script", "style"):
                # What stands below or beside is not the same word.
                yield from (" ", *child._texts(), " ") if child.tag in ("small", "li", "td", "th") else child._texts()

    def all(self, tag: str = "", cls: str = "") -> list["Element"]:
        """Every element in it with this tag and class, in the order of the page."""
        return [each for each in self._inside() if tag in ("", each.tag) and (not cls or cls in each.classes)]

    def one(self, tag: str = "", cls: str = "") -> "Element":
        (found,) = self.all(tag, cls)
        return found

    def _inside(self) -> Iterator["Element"]:
        for child in self.children:
            if isinstance(child, Element):
                yield child
                yield from child._inside()


class _Parser(HTMLParser):
    """Refuses what is not nested as it should be."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.root = Element("", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"{self.name}: <{tag}> has an attribute twice: {names}"
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"{self.name}: line {self.getpos()[0]}: </{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def parse(text: str, name: str = "page") -> Element:
    """Return the page's elements; AssertionError where they are not well nested."""
    parser = _Parser(name)
    parser.feed(text)
    parser.close()
    assert parser.open == [parser.root], f"{name}: <{parser.open[-1].tag}> is not closed"
    return parser.root


def is_of_committed_site(cell: Cell) -> bool:
    """Return whether the site of the committed records has this cell."""
    return cell.task in ("digits", "gaussian") and cell.method.name in baseline_names() and cell.seed < 3


class Site:
    """A built site."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def pages(self) -> dict[str, Element]:
        """All its pages by their addresses."""
        paths = sorted(self.folder.rglob("*.html"))
        return {path.relative_to(self.folder).as_posix(): parse(path.read_text("utf-8"), path.name) for path in paths}

    def in_folder(self, name: str) -> list[Element]:
        """Its pages of one kind: cells, methods, compare."""
        return [page for address, page in self.pages.items() if address.startswith(f"{name}/")]

    @property
    def index(self) -> Element:
        return self.pages["index.html"]

    @property
    def tables(self) -> list[Element]:
        """The sections of the overview with a table each."""
        return [section for section in self.index.all("section", "results") if section.all("table", "board")]

    def rows(self, place: int = 0) -> list[Element]:
        """The rows of a table, loop by loop."""
        return [row for loop in self.tables[place].all("table", "board") for row in loop.one("tbody").all("tr")]

    @property
    def charts(self) -> list[dict[str, Any]]:
        """What the pages of curves draw, in the order of the tables."""
        return [json.loads(self._chart_data(section["id"])) for section in self.tables]

    def _chart_data(self, key: str) -> str:
        scripts = self.pages[f"compare/{key}.html"].all("script")
        (text,) = next(script for script in scripts if script.get("id") == "chart-data").children
        assert isinstance(text, str)
        return text
