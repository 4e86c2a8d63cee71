"""Every figure, mark, word and rank of results.csv is recomputed from scores.csv and cells.csv alone.

Nothing of the benchmark is imported: the rules are written down here once more, as docs/scoring.md states them.
"""

import csv
import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from .html_pages import Site

SIGNIFICANT, FEWEST, FEWEST_RANKED = 0.05, 3, 3
LEAST = {"fid": math.log(1.02), "f1": 0.01}  # what is less is nothing
MOST_LOST, MOST_WORSE, COPIES = 0.1, math.log(1.25), 10
TRACK = ("generator", "kind", "n_real", "n_synthetic", "n_initial", "sampling_bias", "generations", "contamination")
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


def one_sided(values: Sequence[float]) -> Interval:
    """Return the mean, what the expectation is above with 95% confidence, and what it is below."""
    mean, n = float(np.mean(values)), len(values)
    half = float(stats.t.ppf(0.95, n - 1) * np.std(values, ddof=1)) / math.sqrt(n)
    return mean, mean - half, mean + half


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
    def log_fids(self) -> list[float]:
        return [math.log(max(fid, self.floor("fid"), 1e-6)) for fid in self.curve("fid")]

    @cached_property
    def areas(self) -> dict[str, float]:
        pairs = list(zip(self.curve("precision"), self.curve("recall"), strict=True))
        f1 = [0.0 if p + r == 0 else 2 * p * r / (p + r) for p, r in pairs]
        return {
            name: sum((a + b) / 2 for a, b in itertools.pairwise(curve)) / (len(curve) - 1)
            for name, curve in (("fid", self.log_fids), ("f1", f1))
        }

    def slope(self, name: str) -> float:
        values = self.log_fids if name == "fid" else self.curve(name)
        return float(np.polyfit(np.arange(len(values)), values, 1)[0])

    @property
    def fid_rises(self) -> bool:
        line = stats.linregress(np.arange(len(self.log_fids)), self.log_fids)
        return line.slope - stats.t.ppf(0.975, len(self.log_fids) - 2) * line.stderr > 0


@dataclass
class Entry:
    """A row: the runs that it names, and its row in results.csv."""

    runs: dict[int, Run]
    result: dict[str, str]

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
    def reuses_weights(self) -> bool:
        """Whether weights of earlier generations are in those of a later one, in a loop that draws them anew."""
        later = {line["retrained"] for run in self.runs.values() for line in run.lines[2:]}
        return self.cell["protocol"] == "scratch" and bool(later & {"gone on from", "not"})

    @property
    def track(self) -> tuple[str, ...]:
        return (self.result["table"], *(self.cell[name] for name in TRACK))

    def with_(self, other: "Entry", value: Callable[[Run], float]) -> list[float]:
        """Return the differences of two entries' values over the seeds that both have."""
        return [value(self.runs[seed]) - value(other.runs[seed]) for seed in self.runs.keys() & other.runs.keys()]

    def mean(self, name: str, generation: int = -1) -> float:
        return float(np.mean([run.curve(name)[generation] for run in self.runs.values()]))

    def since_first(self, plain: "Entry | None", value: Callable[[Run, int], float]) -> list[float]:
        """Return the last generation's values, less those of generation 1 of the plain loop; its own without one."""
        first = plain or self
        return [value(run, -1) - value(first.runs[seed], 0) for seed, run in self.runs.items()]


@dataclass
class Known:
    """What follows of an entry that is compared, by the rules."""

    differences: dict[str, tuple[Interval, float]]
    adjusted: dict[str, float]
    last: dict[str, tuple[Interval, float]]
    marks: list[str]
    word: str


@pytest.fixture(scope="module")
def entries(committed: Site) -> list[Entry]:
    scores = defaultdict(list)
    for line in read(committed.folder, "scores.csv"):
        scores[line["cell_id"], line["features"]].append(line)
    cells = {(cell["cell_id"], cell["features"]): cell for cell in read(committed.folder, "cells.csv")}
    found = []
    for result in read(committed.folder, "results.csv"):
        keys = [(cell_id, result["features"]) for cell_id in result["cells"].split()]
        found.append(Entry({int(cells[key]["seed"]): Run(cells[key], scores[key]) for key in keys}, result))
    # The interval of a mean of three seeds is their range; the tests below rest on it.
    assert {len(entry.runs) for entry in found} == {3}
    assert len(found) > 90
    return found


@pytest.fixture(scope="module")
def plains(entries: list[Entry]) -> dict[tuple[str, ...], Entry]:
    return {entry.track: entry for entry in entries if entry.is_plain}


def marks_of(entry: Entry, plain: Entry | None) -> list[str]:
    found = []
    for mark, name in (("loses quality", "precision"), ("loses diversity", "recall")):
        if one_sided(entry.since_first(plain, lambda run, t, name=name: run.curve(name)[t]))[2] < -MOST_LOST:
            found.append(mark)
    below_first = entry.since_first(plain, lambda run, t: run.curve("authpct")[t])
    below_real = [run.curve("authpct")[-1] - run.floor("authpct") for run in entry.runs.values()]
    if one_sided(below_first)[2] < -COPIES and one_sided(below_real)[2] < -COPIES:
        found.append("copies")
    if entry.reuses_weights:
        found.append("reuses weights")
    return found


def holds(entry: Entry, plain: Entry) -> bool:
    """Whether the last generation is shown not to be worse than generation 1 by more than the margins."""
    precision, recall = (
        entry.since_first(plain, lambda run, t, n=n: run.curve(n)[t]) for n in ("precision", "recall")
    )
    fid = entry.since_first(plain, lambda run, t: run.log_fids[t])
    return one_sided(fid)[2] < MOST_WORSE and min(one_sided(precision)[1], one_sided(recall)[1]) > -MOST_LOST


@pytest.fixture(scope="module")
def known(entries: list[Entry], plains: dict[tuple[str, ...], Entry]) -> dict[int, Known]:
    """What follows of every entry that is compared, by its identity."""
    tracks = defaultdict(list)
    for entry in entries:
        if not entry.is_plain and entry.track in plains:
            tracks[entry.track].append(entry)
    found = {}
    for track, members in tracks.items():
        plain = plains[track]
        differences = [
            {name: student(each.with_(plain, lambda run, name=name: run.areas[name])) for name in LEAST}
            for each in members
        ]
        adjusted = iter(stats.false_discovery_control([each[name][1] for each in differences for name in LEAST]))
        for entry, figures in zip(members, differences, strict=True):
            p = {name: float(next(adjusted)) for name in LEAST}
            last = {
                name: student(entry.with_(plain, lambda run, name=name: run.curve(name)[-1]))
                for name in ("precision", "recall")
            }
            marks = marks_of(entry, plain)
            sign = {"fid": -1, "f1": 1}
            shown = {
                name: np.sign(mean) * sign[name] if p[name] < SIGNIFICANT and abs(mean) >= LEAST[name] else 0
                for name, ((mean, *_), _) in figures.items()
            }
            lost = any(
                mark in marks and last[name][0][0] < 0 and last[name][1] < 2 * SIGNIFICANT
                for mark, name in (("loses quality", "precision"), ("loses diversity", "recall"))
            )
            better, worse = 1 in shown.values(), -1 in shown.values()
            word = "helps" if better else "hurts" if worse else "no difference shown"
            if better and (worse or lost):
                word = "trades"
            elif better and holds(entry, plain) and not holds(plain, plain) and not entry.reuses_weights:
                word = "cures"
            found[id(entry)] = Known(figures, p, last, marks, word)
    assert len(found) > 50
    return found


def assert_exact(row: dict[str, str], expected: dict[str, float]) -> None:
    for name, value in expected.items():
        assert float(row[name]) == pytest.approx(value, rel=1e-9, abs=1e-9), (row["method"], name)


def assert_estimate(row: dict[str, str], name: str, interval: Interval, p: float) -> None:
    assert_exact(row, dict(zip((name, f"{name}_low", f"{name}_high", f"{name}_p"), (*interval, p), strict=True)))


@pytest.mark.parametrize("name", ["fid", "precision", "recall"])
def test_scores(entries: list[Entry], name: str) -> None:
    for entry in entries:
        last = [run.curve(name)[-1] for run in entry.runs.values()]
        columns = {f"{name}_first": entry.mean(name, 0), f"{name}_last": entry.mean(name)}
        assert_exact(entry.result, columns | {f"{name}_last_low": min(last), f"{name}_last_high": max(last)})


def test_copying_coverage_and_the_share_of_what_real_images_reach(entries: list[Entry]) -> None:
    for entry in entries:
        assert_exact(entry.result, {f"{name}_last": entry.mean(name) for name in ("authpct", "coverage")})
        real = {n: np.mean([run.floor(n) for run in entry.runs.values()]) for n in ("authpct", "precision", "recall")}
        shares = {f"{name}_of_real": entry.mean(name) / real[name] for name in ("precision", "recall")}
        assert_exact(entry.result, shares | {"authpct_real": real["authpct"]})


def test_both_figures_over_the_loop(entries: list[Entry], known: dict[int, Known]) -> None:
    for entry in entries:
        if int(entry.cell["generations"]) > 1:
            assert_estimate(entry.result, "f1_area", *student([run.areas["f1"] for run in entry.runs.values()]))
        if found := known.get(id(entry)):
            assert_estimate(entry.result, "log_fid_area_difference", *found.differences["fid"])
            assert_estimate(entry.result, "f1_area_difference", *found.differences["f1"])
            p = {"adjusted_p": found.adjusted["fid"], "adjusted_f1_p": found.adjusted["f1"]}
            assert_exact(entry.result, p)


def test_f1_of_each_generation_is_the_harmonic_mean(entries: list[Entry]) -> None:
    for run in (run for entry in entries for run in entry.runs.values()):
        for line in run.lines:
            precision, recall = float(line["precision"]), float(line["recall"])
            expected = stats.hmean([precision, recall]) if precision and recall else 0
            assert float(line["f1"]) == pytest.approx(expected)


def test_marks(entries: list[Entry], plains: dict[tuple[str, ...], Entry]) -> None:
    seen = set()
    for entry in entries:
        marks = marks_of(entry, plains.get(entry.track))
        assert entry.result["marks"] == "; ".join(marks), entry.result["method"]
        assert len(entry.result["marks_because"].split("; ")) == max(1, len(marks))
        seen |= set(marks)
    assert seen == {"loses quality", "loses diversity", "copies", "reuses weights"}


def test_words(entries: list[Entry], known: dict[int, Known]) -> None:
    seen = set()
    for entry in entries:
        word = known[id(entry)].word if id(entry) in known else ""
        assert entry.result["word"] == word, (entry.track, entry.result["method"])
        assert entry.result["against"] == ("the plain loop" if word else "")
        assert bool(entry.result["better_in"]) == bool(entry.result["worse_in"]) == (word == "trades")
        seen.add(word)
    assert seen == {"cures", "helps", "trades", "hurts", "no difference shown", ""}


@pytest.mark.parametrize("name", ["precision", "recall"])
def test_differences_of_the_last_generation(entries: list[Entry], known: dict[int, Known], name: str) -> None:
    for entry in entries:
        if found := known.get(id(entry)):
            assert_estimate(entry.result, f"{name}_last_difference", *found.last[name])


def test_the_three_ways_of_going_mad(entries: list[Entry]) -> None:
    ways = {"fid": ("fid_rises", "log_fid_trend"), "precision": ("precision_falls", "precision_trend")}
    ways["recall"] = ("recall_falls", "recall_trend")
    seen = set()
    for entry in entries:
        for name, (state, trend) in ways.items():
            interval, p = student([run.slope(name) for run in entry.runs.values()])
            assert_estimate(entry.result, trend, interval, p)
            mad = interval[1] > 0 if name == "fid" else interval[2] < 0
            assert entry.result[state] == ("shown" if mad else "not shown")
            seen.add((name, mad))
        assert int(entry.result["cells_mad"]) == sum(run.fid_rises for run in entry.runs.values())
    assert len(seen) == 6


def test_costs(entries: list[Entry], plains: dict[tuple[str, ...], Entry]) -> None:
    for entry in entries:
        state = float(np.mean([max(run.curve("method_state_bytes")) for run in entry.runs.values()]))
        assert float(entry.result["state_bytes"]) == pytest.approx(state)
        if entry.is_plain or entry.track not in plains:
            continue
        for name, column in (("images_trained", "training_ratio"), ("network_evaluations", "evaluations_ratio")):
            pair = (entry, plains[entry.track])
            own, usual = (np.mean([sum(run.curve(name)) for run in each.runs.values()]) for each in pair)
            assert (
                entry.result[column] == "" if not usual else float(entry.result[column]) == pytest.approx(own / usual)
            )


def test_the_plain_loop_is_compared_with_nothing(entries: list[Entry]) -> None:
    for entry in entries:
        if entry.is_plain:
            assert {entry.result[n] for n in ("word", "adjusted_p", "log_fid_area_difference", "against")} == {""}


def above(one: Entry, other: Entry) -> bool:
    """Whether an entry is shown to be better than another in one figure, and worse in none."""
    shown = []
    for name, sign in (("fid", -1), ("f1", 1)):
        (mean, *_), p = student(one.with_(other, lambda run, name=name: run.areas[name]))
        shown.append(np.sign(mean) * sign if p < SIGNIFICANT and abs(mean) >= LEAST[name] else 0)
    return 1 in shown and -1 not in shown


def test_ranks_and_why_there_is_none(entries: list[Entry], known: dict[int, Known]) -> None:
    ranked = defaultdict(list)
    for entry in entries:
        found = known.get(id(entry))
        reason = None
        if entry.is_plain:
            reason = "the plain loop"
        elif entry.is_control:
            reason = "control"
        elif found is None:
            reason = "no plain loop with these seeds"
        elif "copies" in found.marks:
            reason = "copies"
        elif found.word in ("trades", "hurts"):
            reason = found.word
        if reason is None:
            ranked[entry.track].append(entry)
        else:
            assert (entry.result["rank"], entry.result["unranked_because"]) == ("", reason)
    assert sum(map(len, ranked.values())) > 25
    for track, members in ranked.items():
        if len(members) < FEWEST_RANKED:
            for entry in [entry for entry in members if known[id(entry)].word == "no difference shown"]:
                assert entry.result["unranked_because"] == "no difference shown, among fewer than 3"
                ranked[track] = members = [each for each in members if each is not entry]
        for entry in members:
            others = [other for other in members if other is not entry]
            lowest = 1 + sum(above(other, entry) for other in others)
            highest = len(members) - sum(above(entry, other) for other in others)
            columns = ("rank", "rank_lowest", "rank_highest", "unranked_because")
            assert [entry.result[name] for name in columns] == [str(lowest), str(lowest), str(highest), ""]


def test_other_looks_at_the_order(committed: Site, entries: list[Entry]) -> None:
    def with_coverage(run: Run) -> float:
        pairs = zip(run.curve("precision"), run.curve("coverage"), strict=True)
        f1 = [0.0 if p + c == 0 else 2 * p * c / (p + c) for p, c in pairs]
        return sum((a + b) / 2 for a, b in itertools.pairwise(f1)) / (len(f1) - 1)

    def kid(run: Run) -> float:
        return sum((a + b) / 2 for a, b in itertools.pairwise(run.curve("kid"))) / (len(run.curve("kid")) - 1)

    rows = read(committed.folder, "robustness.csv")
    assert len(rows) == 4 * len({tuple(row[name] for name in TRACK) for row in rows}) >= 20
    for row in rows:
        methods = [
            e for e in entries if e.track == tuple(row[n] for n in ("table", *TRACK)) and not e.is_plain
            and not e.is_control
        ]  # fmt: skip
        assert int(row["methods"]) == len(methods)

        def own(entry: Entry, seeds: Sequence[int], figure: str = row["figure"]) -> float:
            return float(np.mean([entry.runs[seed].areas[figure] for seed in seeds]))

        order = [own(entry, [0, 1, 2]) for entry in methods]
        if row["look"] == "without a seed":
            rest = [[own(entry, pair) for entry in methods] for pair in itertools.combinations(range(3), 2)]
            expected = min(stats.spearmanr(order, each).statistic for each in rest)
        else:
            other = {"KID for FID": kid, "coverage for recall": with_coverage}[row["look"]]
            means = [np.mean([other(run) for run in entry.runs.values()]) for entry in methods]
            expected = stats.spearmanr(order, means).statistic
        assert float(row["correlation"]) == pytest.approx(expected)


def test_the_rows_of_a_track_stand_in_the_order_of_their_ranks_and_then_of_f1(entries: list[Entry]) -> None:
    tracks = defaultdict(list)
    for entry in entries:
        tracks[entry.track].append(entry)
    for members in tracks.values():
        keys = [
            (int(e.result["rank"]), -float(e.result["f1_area"])) if e.result["rank"] else (math.inf, 0)
            for e in members
        ]
        assert keys == sorted(keys)
        # Some tracks have no plain loop; where there is one it comes last.
        assert [entry for entry in members if entry.is_plain] in ([], members[-1:])


def test_no_first_place_has_lost_diversity_where_another_method_keeps_it(
    entries: list[Entry], plains: dict[tuple[str, ...], Entry]
) -> None:
    """Nor one with lost quality: controls apart, which are given what no method is given."""
    firsts = [entry for entry in entries if entry.result["rank"] == "1"]
    assert len(firsts) > 5
    for entry in firsts:
        plain = plains[entry.track]
        others = [e for e in entries if e.track == entry.track and not e.is_plain and not e.is_control]
        for name in ("precision", "recall"):
            lost = np.mean(entry.since_first(plain, lambda run, t, name=name: run.curve(name)[t]))
            keepers = [
                other
                for other in others
                if np.mean(other.since_first(plain, lambda run, t, name=name: run.curve(name)[t])) >= -MOST_LOST
                and other.mean("fid") < plain.mean("fid")
            ]
            assert lost >= -MOST_LOST or not keepers, (entry.track, entry.result["method"])
