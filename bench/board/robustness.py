"""Whether the order of the methods of a track survives another look at the same images.

Both figures of a verdict are measured again in another way: KID in place of FID, coverage in place of recall, in
another feature space, and with a seed less. What is given is Spearman's rank correlation with the board's own figure,
over the methods of the track: 1 is the same order, 0 none, -1 the reverse.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import stats

from bench.board.conditions import Conditions
from bench.board.figures import F1_FIGURE, FID_FIGURE, FIGURES, Figure, area, harmonic_mean
from bench.board.tables import Entry, Table
from bench.cells.record import Record

FEWEST_METHODS = 4  # whose order could be another by more than chance


@dataclass(frozen=True)
class Look:
    """A figure measured in another way.

    Attributes:
        figure: which of the two.
        what: the other way, in words.
        correlation: of the two orders, the lowest where there are several; None where one of them has no order.
        methods: how many were ordered.
    """

    figure: Figure
    what: str
    correlation: float | None
    methods: int


def robustness(tables: Sequence[Table]) -> list[dict[str, tuple[Look, ...]]]:
    """Return for each table the other looks at each of its tracks, by the tracks' keys."""
    places: dict[Any, dict[str, dict[str, Entry]]] = defaultdict(dict)
    for table in tables:
        for track in table.tracks:
            entries = {entry.key: entry for entry in track.entries}
            places[_whatever_space(table), track.key][table.conditions.features] = entries
    return [
        {
            track.key: looks_at(
                [entry for entry in track.entries if entry not in track.superseded],
                {
                    space: entries
                    for space, entries in places[_whatever_space(table), track.key].items()
                    if space != table.conditions.features
                },
            )
            for track in table.tracks
        }
        for table in tables
    ]


def _whatever_space(table: Table) -> Conditions:
    """Return what the scores of a table have in common but for how they were measured."""
    return replace(table.conditions, features="", features_sha256="", n=0, k=0, reference_sha256="")


def looks_at(entries: Sequence[Entry], elsewhere: Mapping[str, Mapping[str, Entry]]) -> tuple[Look, ...]:
    """Return the other looks at the methods of a track, none where there are fewer than four.

    Args:
        entries: of the track, controls and others.
        elsewhere: the entries by their keys, in each other feature space.
    """
    methods = [
        entry for entry in entries if not entry.is_control and not entry.is_plain and len(entry.generations) > 1
    ]
    if len(methods) < FEWEST_METHODS:
        return ()
    found = [
        _look(FID_FIGURE, "KID for FID", methods, _means(methods, _kid_area)),
        _look(F1_FIGURE, "coverage for recall", methods, _means(methods, _f1_area_of_coverage)),
    ]
    found += [_without_a_seed(figure, methods) for figure in FIGURES]
    for space, others in sorted(elsewhere.items()):
        both = [entry for entry in methods if entry.key in others]
        if len(both) >= FEWEST_METHODS:
            there = [others[entry.key] for entry in both]
            found += [_look(figure, f"in {space}", both, _means(there, figure.area)) for figure in FIGURES]
    return tuple(found)


def _look(figure: Figure, what: str, methods: Sequence[Entry], other: Sequence[float]) -> Look:
    return Look(figure, what, _correlation(_own(figure, methods), other), len(methods))


def _without_a_seed(figure: Figure, methods: Sequence[Entry]) -> Look:
    """Return the lowest correlation of the order by all seeds with that by all but one."""
    several = [entry for entry in methods if len(entry.records) > 1]
    seeds = sorted({seed for entry in several for seed in entry.records})
    own = _own(figure, several)
    found = []
    for left_out in seeds:
        rest = [_mean([v for seed, v in entry.areas[figure.key].items() if seed != left_out]) for entry in several]
        found.append(_correlation(own, rest))
    known = [value for value in found if value is not None]
    return Look(figure, "without a seed", min(known, default=None), len(several))


def _correlation(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Return Spearman's rank correlation, None where either has no order."""
    if len(one) < FEWEST_METHODS or min(one) == max(one) or min(other) == max(other):
        return None
    return float(np.corrcoef(stats.rankdata(one), stats.rankdata(other))[0, 1])


def _own(figure: Figure, entries: Sequence[Entry]) -> list[float]:
    """Return the mean over seeds of a figure of each entry."""
    return [_mean(list(entry.areas[figure.key].values())) for entry in entries]


def _means(entries: Sequence[Entry], value: Callable[[Record], float]) -> list[float]:
    """Return the mean over seeds of a value of each entry."""
    return [_mean([value(record) for record in entry.records.values()]) for entry in entries]


def _kid_area(record: Record) -> float:
    return area([generation.scores.kid for generation in record.generations])


def _f1_area_of_coverage(record: Record) -> float:
    return area([harmonic_mean(each.scores.precision, each.scores.coverage) for each in record.generations])


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
