"""What quality and diversity cost: every entry of a loop by its work and by what it reaches, and the fronts.

Work is counted in forward passes of the network for one image. An image that goes through a training step counts as
three: a backward pass is about two more. An entry is on the front where no other reaches as much for as little.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.board.cost import Cost
from bench.board.figures import F1_FIGURE, FID_FIGURE, Figure
from bench.board.line import Line
from bench.board.marks import UNRANKED
from bench.board.tables import Track
from bench.board.views import TableView

PASSES_PER_TRAINED_IMAGE = 3
FIGURES_SHOWN = (F1_FIGURE, FID_FIGURE)


@dataclass(frozen=True)
class Priced:
    """An entry of a loop.

    Attributes:
        number: its name in the charts and in the table below them, from 1.
        line: the row.
        work: as a multiple of the plain loop's, over the seeds of each.
        seconds: likewise; of machines that need not be the same.
        reached: by figure: F1 over the loop, and FID over the loop, its geometric mean.
        counts: whether it can be on a front: controls, the plain loop with images that no method is given, and what a
            mark takes the rank from cannot.
        fronts: the keys of the figures on whose front it is.
    """

    number: int
    line: Line
    work: float
    seconds: float
    reached: dict[str, float]
    counts: bool
    fronts: frozenset[str] = frozenset()


@dataclass(frozen=True)
class PricedTrack:
    """A loop with the prices of its entries, the least work first."""

    view: TableView
    track: Track
    entries: tuple[Priced, ...]


def work(cost: Cost) -> float:
    """Return how many forward passes a cell took."""
    return PASSES_PER_TRAINED_IMAGE * cost.images_trained + cost.network_evaluations


def price_tracks(views: Sequence[TableView]) -> list[PricedTrack]:
    """Return the loops that have a plain loop and something beside it, in the order of the tables."""
    return [
        PricedTrack(view, track, entries)
        for view in views
        for track in view.tracks
        if len(entries := tuple(_price(view, track))) > 1
    ]


def front(entries: Sequence[Priced], figure: Figure) -> list[Priced]:
    """Return those that no other beats: reaching as much with as little work, and more or with less; least work first.

    Two that are the same in both are both on it.
    """

    def value(entry: Priced) -> float:
        return figure.sign * entry.reached[figure.key]

    def beaten(entry: Priced) -> bool:
        return any(
            other.work <= entry.work
            and value(other) >= value(entry)
            and (other.work, value(other)) != (entry.work, value(entry))
            for other in counted
        )

    counted = [entry for entry in entries if entry.counts]
    return sorted((entry for entry in counted if not beaten(entry)), key=lambda entry: (entry.work, value(entry)))


def _price(view: TableView, track: Track) -> Iterator[Priced]:
    plain = track.plain
    if plain is None or not (usual := work(usual_cost := Cost.of(list(plain.records.values())))):
        return
    lines = [
        line
        for line in view.lines
        if line.row.track is track and line.row.entry not in track.superseded and len(line.row.entry.generations) > 1
    ]
    found = []
    for line in lines:
        row = line.row
        marked = {mark.kind for mark in row.marks} & set(UNRANKED)
        found.append(
            Priced(
                number=0,
                line=line,
                work=work(row.cost) / usual,
                seconds=row.cost.seconds / usual_cost.seconds if usual_cost.seconds else math.nan,
                reached=_reached(line),
                counts=not marked and not row.entry.is_control,
            )
        )
    fronts = {figure.key: front(found, figure) for figure in FIGURES_SHOWN}
    for number, entry in enumerate(sorted(found, key=lambda entry: (entry.work, -entry.reached["f1"])), start=1):
        on = frozenset(key for key, members in fronts.items() if any(member is entry for member in members))
        yield Priced(number, entry.line, entry.work, entry.seconds, entry.reached, entry.counts, on)


def _reached(line: Line) -> dict[str, float]:
    areas = {figure.key: list(line.row.entry.areas[figure.key].values()) for figure in FIGURES_SHOWN}
    means = {key: sum(values) / len(values) for key, values in areas.items()}
    return {"f1": means["f1"], "fid": math.exp(means["fid"])}
