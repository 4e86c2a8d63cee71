"""Every figure of the overview is recomputed from the downloads alone, with nothing of the benchmark.

The rules are those that the page states. What is printed must be the recomputed number, rounded; what results.csv has
must agree with it in all digits.
"""

import csv
import itertools
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from .html_pages import Element, Site

SIGNIFICANT, FEWEST = 0.05, 3
NUMBER = r"[+−]?\d[\d,]*(?:\.\d+)?"
Interval = tuple[float, float, float]


def read(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / "downloads" / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def student(values: Sequence[float]) -> tuple[Interval, float]:
    """Return the mean with its 95% interval by Student's t, and the p-value of its being 0."""
    mean, n = float(np.mean(values)), len(values)
    error = float(np.std(values, ddof=1)) / math.sqrt(n)
    if error == 0:
        return (mean, mean, mean), float(mean == 0)
    half = float(stats.t.ppf(0.975, n - 1)) * error
    return (mean, mean - half, mean + half), float(2 * stats.t.sf(abs(mean) / error, n - 1))


@dataclass
class Run:
    """A cell in one feature space: what cells.csv says of it, and its lines of scores.csv, real images first."""

    cell: dict[str, str]
    lines: list[dict[str, str]]

    def curve(self, name: str) -> list[float]:
        return [float(line[name]) for line in self.lines[1:]]

    def floor(self, name: str) -> float:
        return float(self.lines[0][name])

    @cached_property
    def area(self) -> float:
        logs = [math.log(max(fid, self.floor("fid"), 1e-6)) for fid in self.curve("fid")]
        return sum((a + b) / 2 for a, b in itertools.pairwise(logs)) / (len(logs) - 1)

    @cached_property
    def slope(self) -> float:
        fids = self.curve("fid")
        return float(np.polyfit(np.arange(len(fids)), fids, 1)[0])

    @property
    def is_mad(self) -> bool:
        fids = np.array(self.curve("fid"))
        x = np.arange(len(fids)) - (len(fids) - 1) / 2
        residuals = fids - fids.mean() - self.slope * x
        error = math.sqrt((residuals**2).sum() / (len(fids) - 2) / (x**2).sum())
        return self.slope - float(stats.t.ppf(0.975, len(fids) - 2)) * error > 0


@dataclass
class Entry:
    """A row of the overview: the runs that it names, its row in results.csv, and the row on the page."""

    runs: dict[int, Run]
    result: dict[str, str]
    row: Element

    @property
    def cell(self) -> dict[str, str]:
        return next(iter(self.runs.values())).cell

    @property
    def is_plain(self) -> bool:
        return (self.cell["method"], self.cell["pool"]) == ("none", "previous")

    @property
    def is_control(self) -> bool:
        return self.cell["control"] == "True" and self.cell["method"] != "none"

    @property
    def track(self) -> tuple[str, ...]:
        names = (
            "generator", "kind", "n_real", "n_synthetic", "n_initial", "sampling_bias", "generations", "contamination",
        )  # fmt: skip
        return (self.result["table"], *(self.cell[name] for name in names))

    def with_(self, other: "Entry", value: Callable[[Run], float]) -> list[float]:
        """Return the differences of two entries' values over the seeds that both have."""
        return [value(self.runs[seed]) - value(other.runs[seed]) for seed in self.runs.keys() & other.runs.keys()]

    def mean(self, name: str, generation: int = -1) -> float:
        return float(np.mean([run.curve(name)[generation] for run in self.runs.values()]))

    def shown(self, title: str, titles: list[str]) -> Element:
        """Return the row's cell in the column with this title."""
        return [each for each in self.row.children if isinstance(each, Element)][titles.index(title)]

    def texts(self, title: str, titles: list[str]) -> list[str]:
        """Return the texts of a cell of the row: what is large, then what is small below it."""
        cell = self.shown(title, titles)
        small = [each.text for each in cell.all("small")]
        return [cell.text.removesuffix(" ".join(small)).strip(), *small]


@pytest.fixture(scope="module")
def entries(committed: Site) -> list[Entry]:
    scores = defaultdict(list)
    for line in read(committed.folder, "scores.csv"):
        scores[line["cell_id"], line["features"]].append(line)
    cells = {(cell["cell_id"], cell["features"]): cell for cell in read(committed.folder, "cells.csv")}
    rows = {}
    for section in committed.tables:
        for row in section.one("tbody").all("tr"):
            links = row.one("td", "seeds").all("a")
            rows[section["id"], tuple(link["href"].partition("/")[2].removesuffix(".html") for link in links)] = row
    found = []
    for result in read(committed.folder, "results.csv"):
        keys = [(cell_id, result["features"]) for cell_id in result["cells"].split()]
        runs = {int(cells[key]["seed"]): Run(cells[key], scores[key]) for key in keys}
        row = rows.pop((result["table"], tuple(cell_id[:16] for cell_id, _ in keys)))
        found.append(Entry(runs, result, row))
    assert rows == {}
    # The interval of a mean of three seeds is their range; the tests below rest on it.
    assert {len(entry.runs) for entry in found} == {3}
    return found


@pytest.fixture(scope="module")
def titles(committed: Site) -> list[str]:
    return [heading.text for heading in committed.tables[0].one("thead").all("th")]


@pytest.fixture(scope="module")
def compared(entries: list[Entry]) -> list[tuple[Entry, Entry]]:
    """Every entry that is compared, with the plain loop of its track."""
    plains = {entry.track: entry for entry in entries if entry.is_plain}
    pairs = [(entry, plains[entry.track]) for entry in entries if not entry.is_plain and entry.track in plains]
    assert len(pairs) > 50
    return pairs


@pytest.fixture(scope="module")
def adjusted(compared: list[tuple[Entry, Entry]]) -> dict[int, float]:
    """The p-value of each compared entry, adjusted for those of its track (Benjamini and Hochberg 1995)."""
    tracks = defaultdict(list)
    for entry, plain in compared:
        tracks[entry.track].append((id(entry), student(entry.with_(plain, lambda run: run.area))[1]))
    found: dict[int, float] = {}
    for values in tracks.values():
        found |= zip(
            [key for key, _ in values], stats.false_discovery_control([p for _, p in values]).tolist(), strict=True
        )
    return found


@pytest.fixture(scope="module")
def decimals(entries: list[Entry]) -> dict[str, int]:
    """The decimals of FID in each table: two digits of the smallest mean of any generation, at least two decimals."""
    smallest: dict[str, float] = defaultdict(lambda: math.inf)
    for entry in entries:
        for generation in range(int(entry.cell["generations"])):
            table = entry.result["table"]
            smallest[table] = min(smallest[table], entry.mean("fid", generation))
    return {table: max(2, 1 - math.floor(math.log10(value))) for table, value in smallest.items()}


def numbers(text: str) -> Iterator[str]:
    yield from re.findall(NUMBER, text)


def is_shown(text: str, value: float, decimals: int) -> bool:
    """Whether a text is this value rounded to these decimals; either way for what lies in the middle."""
    plain = text.replace(",", "").replace("−", "-")
    digits = len(plain.partition(".")[2])
    return digits == decimals and abs(float(plain) - value) <= 0.5 * 10**-decimals + 1e-9


def assert_shown(text: str, values: Sequence[float], decimals: int) -> None:
    found = list(numbers(text))
    assert len(found) == len(values), (text, values)
    assert all(is_shown(*each, decimals) for each in zip(found, values, strict=True)), (text, values)


def assert_exact(row: dict[str, str], expected: dict[str, float]) -> None:
    for name, value in expected.items():
        assert float(row[name]) == pytest.approx(value, rel=1e-9, abs=1e-9), (row["method"], name)


@pytest.mark.parametrize(("name", "title"), [("fid", "FID"), ("precision", "Precision"), ("recall", "Recall")])
def test_scores(entries: list[Entry], titles: list[str], decimals: dict[str, int], name: str, title: str) -> None:
    for entry in entries:
        last = [run.curve(name)[-1] for run in entry.runs.values()]
        mean, low, high = entry.mean(name), min(last), max(last)
        places = decimals[entry.result["table"]] if name == "fid" else 2
        value, interval, change = entry.texts(title, titles)
        assert_shown(value, [mean], places)
        assert_shown(interval, [low, high], places)
        assert_shown(change.removesuffix(" since G1"), [mean - entry.mean(name, 0)], places)
        assert change[0] in "+−"
        columns = {f"{name}_first": entry.mean(name, 0), f"{name}_last": mean}
        assert_exact(entry.result, columns | {f"{name}_last_low": low, f"{name}_last_high": high})


def test_the_ratio_of_fid_over_the_loop(
    compared: list[tuple[Entry, Entry]], adjusted: dict[int, float], titles: list[str]
) -> None:
    for entry, plain in compared:
        interval, p = student(entry.with_(plain, lambda run: run.area))
        value, small = entry.texts("FID over the loop, against plain", titles)
        assert_shown(value.removesuffix("×"), [math.exp(interval[0])], 2)
        assert_shown(small, [math.exp(end) for end in interval[1:]], 2)
        name = "log_fid_area_difference"
        columns = dict(zip((name, f"{name}_low", f"{name}_high", f"{name}_p"), (*interval, p), strict=True))
        assert_exact(entry.result, columns | {"adjusted_p": adjusted[id(entry)]})
        said = entry.row.one("span", "effect")["title"].partition(";")[2]
        assert_shown(said, [p, adjusted[id(entry)]], 4)


def test_what_helps_and_what_hurts(compared: list[tuple[Entry, Entry]], adjusted: dict[int, float]) -> None:
    found = set()
    for entry, plain in compared:
        mean = student(entry.with_(plain, lambda run: run.area))[0][0]
        shown = adjusted[id(entry)] < SIGNIFICANT
        effect = ("helps" if mean < 0 else "hurts") if shown else "no difference shown"
        assert entry.result["effect"] == effect
        mark = entry.row.one("span", "effect")
        assert mark["title"].startswith(f"{effect};")
        assert mark.classes == ["effect", effect.replace(" ", "-")]
        found.add(effect)
    assert found == {"helps", "hurts", "no difference shown"}


@pytest.mark.parametrize(("name", "title"), [("precision", "Precision"), ("recall", "Recall")])
def test_differences_of_the_last_generation(
    compared: list[tuple[Entry, Entry]], titles: list[str], name: str, title: str
) -> None:
    for entry, plain in compared:
        interval, p = student(entry.with_(plain, lambda run: run.curve(name)[-1]))
        value, small = entry.texts(f"{title}, against plain", titles)
        assert_shown(value, interval[:1], 2)
        assert_shown(small, interval[1:], 2)
        better, worse = interval[1] > 0, interval[2] < 0
        colours = entry.shown(f"{title}, against plain", titles).one("span").classes
        assert colours == ["good"] * better + ["bad"] * worse
        column = f"{name}_last_difference"
        names = (column, f"{column}_low", f"{column}_high", f"{column}_p")
        assert_exact(entry.result, dict(zip(names, (*interval, p), strict=True)))


def test_the_trend_and_what_is_mad(entries: list[Entry], titles: list[str], decimals: dict[str, int]) -> None:
    found = set()
    for entry in entries:
        interval, p = student([run.slope for run in entry.runs.values()])
        is_mad = interval[1] > 0
        value, small = entry.texts("FID trend", titles)
        assert value.endswith("MAD") == is_mad
        assert_shown(value, interval[:1], decimals[entry.result["table"]])
        assert_shown(small, interval[1:], decimals[entry.result["table"]])
        names = ("fid_trend", "fid_trend_low", "fid_trend_high", "fid_trend_p")
        assert_exact(entry.result, dict(zip(names, (*interval, p), strict=True)))
        assert entry.result["mad"] == str(is_mad)
        assert int(entry.result["cells_mad"]) == sum(run.is_mad for run in entry.runs.values())
        found.add(is_mad)
    assert found == {True, False}


def test_costs(compared: list[tuple[Entry, Entry]], titles: list[str]) -> None:
    for entry, plain in compared:
        ratios = []
        for name in ("images_trained", "network_evaluations"):
            own, usual = (np.mean([sum(run.curve(name)) for run in each.runs.values()]) for each in (entry, plain))
            ratios.append(own / usual if usual else None)
        shown, *below = entry.texts("Cost: training / sampling", titles)
        assert shown == " / ".join("–" if ratio is None else f"{ratio:.3g}×" for ratio in ratios)
        for name, ratio in zip(("training_ratio", "evaluations_ratio"), ratios, strict=True):
            assert entry.result[name] == "" if ratio is None else float(entry.result[name]) == pytest.approx(ratio)
        state = float(np.mean([max(run.curve("method_state_bytes")) for run in entry.runs.values()]))
        assert bool(below) == bool(state)
        assert float(entry.result["state_bytes"]) == pytest.approx(state)
        if below:
            value, unit = re.fullmatch(r"keeps ([\d.]+) (B|kB|MB|GB)", below[0]).groups()
            size = 1000 ** ("B", "kB", "MB", "GB").index(unit)
            assert float(value) * size == pytest.approx(state, rel=5.1e-3)


def test_the_plain_loop_is_compared_with_nothing(entries: list[Entry], titles: list[str]) -> None:
    for entry in entries:
        if entry.is_plain:
            assert entry.texts("FID over the loop, against plain", titles) == ["1×"]
            assert entry.texts("Precision, against plain", titles) == ["–"]
            assert entry.texts("Cost: training / sampling", titles) == ["1× / 1×"]
            assert {entry.result[name] for name in ("effect", "adjusted_p", "log_fid_area_difference")} == {""}


def test_ranks_and_why_there_is_none(
    entries: list[Entry], compared: list[tuple[Entry, Entry]], titles: list[str]
) -> None:
    plains = {id(entry): plain for entry, plain in compared}
    reasons: dict[int, str] = {}
    ranked = defaultdict(list)
    for entry in entries:
        if entry.is_plain:
            reasons[id(entry)] = "the plain loop"
        elif entry.is_control:
            reasons[id(entry)] = "control"
        elif id(entry) not in plains:
            reasons[id(entry)] = "no plain loop with these seeds"
        elif len(entry.runs.keys() & plains[id(entry)].runs.keys()) < FEWEST:
            reasons[id(entry)] = "fewer than 3 seeds"
        elif entry.result["warnings"]:
            reasons[id(entry)] = "warning"
        else:
            ranked[entry.track].append(entry)
    shared = 0
    for entry in entries:
        text = entry.texts("Rank", titles)
        if id(entry) in reasons:
            assert (entry.result["rank"], entry.result["unranked_because"]) == ("", reasons[id(entry)])
            assert text == (["–"] if entry.is_plain or entry.is_control else ["", reasons[id(entry)]])
            continue
        better = 0
        for other in ranked[entry.track]:
            (mean, *_), p = student(other.with_(entry, lambda run: run.area))
            better += other is not entry and mean < 0 and p < SIGNIFICANT
        assert text == [str(1 + better)]
        assert (entry.result["rank"], entry.result["unranked_because"]) == (str(1 + better), "")
        shared += better == 0
    assert shared >= len(ranked) > 1


def test_the_rows_of_a_track_stand_in_the_order_of_their_ranks(entries: list[Entry]) -> None:
    tracks = defaultdict(list)
    for entry in entries:
        tracks[entry.track].append(entry)
    for members in tracks.values():
        ranks = [float(entry.result["rank"] or math.inf) for entry in members]
        assert ranks == sorted(ranks)
        # Some tracks have no plain loop; where there is one it comes last.
        assert [entry for entry in members if entry.is_plain] in ([], members[-1:])


def test_real_images_against_real_images(committed: Site, entries: list[Entry], decimals: dict[str, int]) -> None:
    for section in committed.tables:
        runs = [run for entry in entries if entry.result["table"] == section["id"] for run in entry.runs.values()]
        cells = section.one("tfoot").all("td", "number")
        for name, cell in zip(("fid", "precision", "recall"), cells, strict=True):
            places = decimals[section["id"]] if name == "fid" else 2
            assert_shown(cell.text, [float(np.mean([run.floor(name) for run in runs]))], places)
