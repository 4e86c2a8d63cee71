"""What an entry did, beside the plain loop of its track: its numbers over seeds, what they decide, and its rank.

The plain loop is what the board compares with; `autophagy compare` takes any other entry for it.

The rules in words are in leaderboard/site/rules.html.jinja; docs/scoring.md has a worked example.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from bench.board.metrics import METRICS, Metric
from bench.board.seed_statistics import FEWEST_SEEDS, Estimate, estimate, paired_difference
from bench.board.tables import Entry, Track
from bench.board.trend import Trend, fid_trend, log_fid_area
from bench.board.trust import Level, Trust
from bench.cells.record import Record

SIGNIFICANT = 0.05

Effect = Literal["helps", "hurts", "no difference shown"]


@dataclass(frozen=True)
class Cost:
    """What an entry cost over all generations, means over seeds.

    Attributes:
        images_trained: images that went through a training step.
        network_evaluations: forward passes of the network for one image, but for those of training.
        real_images: different real images touched, the most of any generation.
        state_bytes: size of what the method keeps for later generations, the most of any generation.
        seconds: of fitting, sampling and scoring.
    """

    images_trained: float
    network_evaluations: float
    real_images: float
    state_bytes: float
    seconds: float

    @classmethod
    def of(cls, records: Sequence[Record]) -> "Cost":
        """Return the mean cost of some cells."""
        costs = [[generation.cost for generation in record.generations] for record in records]
        return cls(
            images_trained=_mean(sum(c.images_trained for c in cell) for cell in costs),
            network_evaluations=_mean(sum(c.network_evaluations for c in cell) for cell in costs),
            real_images=_mean(max(c.real_images for c in cell) for cell in costs),
            state_bytes=_mean(max(c.method_state_bytes for c in cell) for cell in costs),
            seconds=_mean(sum(sum(vars(c.seconds).values()) for c in cell) for cell in costs),
        )


@dataclass(frozen=True)
class Comparison:
    """An entry beside the reference, which is the plain loop on the board, over the seeds that both have.

    Attributes:
        log_fid_area: difference of the areas under log FID.
        last: of each metric, the difference in the last generation.
        adjusted_p: p-value of the area's difference, adjusted for the number of entries in the track.
        training: images trained, as a multiple of the reference's; None where that trains without steps.
        evaluations: network evaluations, likewise.
    """

    log_fid_area: Estimate
    last: dict[str, Estimate]
    adjusted_p: float
    training: float | None
    evaluations: float | None

    @property
    def fid_ratio(self) -> tuple[float, float, float]:
        """FID as a multiple of the reference's, averaged over the loop, with the ends of its 95% interval."""
        area = self.log_fid_area
        return tuple(map(_exp, (area.mean, area.low, area.high)))  # type: ignore[return-value]

    @property
    def effect(self) -> Effect:
        """What can be said of the entry against the reference."""
        if self.log_fid_area.seeds < FEWEST_SEEDS or self.adjusted_p >= SIGNIFICANT:
            return "no difference shown"
        return "helps" if self.log_fid_area.mean < 0 else "hurts"


@dataclass(frozen=True)
class Row:
    """An entry with its numbers.

    Attributes:
        entry: the cells.
        track: that it belongs to.
        trend: slope of FID over generations, an expectation over seeds; None where there is one generation.
        trends: of each cell, by seed.
        cost: of a cell.
        trust: the least of its cells', with the warnings of all of them.
        comparison: with the reference; None for the reference itself and where it has not been run.
        rank: in its track, None where it is not ranked.
        reference: what the entries of the track are compared with; None where it has not been run.
    """

    entry: Entry
    track: Track
    trend: Estimate | None
    trends: dict[int, Trend]
    cost: Cost
    trust: Trust
    comparison: Comparison | None
    rank: int | None
    reference: Entry | None

    @property
    def is_plain(self) -> bool:
        """Whether it is the plain loop that the board compares the others of its track with."""
        return self.entry is self.track.plain

    @property
    def is_mad(self) -> bool:
        """Whether FID increases over the generations, with 95% confidence over at least three seeds."""
        return self.trend is not None and self.trend.seeds >= FEWEST_SEEDS and self.trend.low > 0

    @property
    def n_mad(self) -> int:
        """How many of its cells are MAD each by itself."""
        return sum(trend.is_mad for trend in self.trends.values())

    @cached_property
    def unranked_because(self) -> str | None:
        """Why it has no rank; None where it has one."""
        if self.rank is not None:
            return None
        return _unranked_because(self.track, self.reference, self.entry, self.comparison, self.trust)


def rank_track(track: Track, trust: Mapping[str, Trust], reference: Entry | None) -> list[Row]:
    """Return the rows of a track: ranked ones first, by rank and then by ranking figure; the plain loop last of all.

    Args:
        track: the entries.
        trust: of each cell, by its id.
        reference: the entry that the others are compared with; None where it has not been run.
    """
    comparisons = _compare(track, reference)
    trusts = [least_trust([trust[record.cell_id] for record in entry.records.values()]) for entry in track.entries]
    reasons = [
        _unranked_because(track, reference, *each) for each in zip(track.entries, comparisons, trusts, strict=True)
    ]
    ranked = [place for place, reason in enumerate(reasons) if reason is None]
    ranks = dict(zip(ranked, _ranks([track.entries[place] for place in ranked]), strict=True))
    rows = []
    for place, (entry, comparison, entry_trust) in enumerate(zip(track.entries, comparisons, trusts, strict=True)):
        records = list(entry.records.values())
        trends = {seed: trend for seed, record in entry.records.items() if (trend := fid_trend(record))}
        rows.append(
            Row(
                entry,
                track,
                trend=estimate([trend.slope for trend in trends.values()]) if trends else None,
                trends=trends,
                cost=Cost.of(records),
                trust=entry_trust,
                comparison=comparison,
                rank=ranks.get(place),
                reference=reference,
            )
        )
    return sorted(rows, key=_row_order)


def least_trust(trusts: Sequence[Trust]) -> Trust:
    """Return the lowest level of some cells, with the reproductions and the warnings of all of them."""
    return Trust(
        level=min((trust.level for trust in trusts), key=get_args(Level).index),
        reproductions=tuple(each for trust in trusts for each in trust.reproductions),
        warnings=tuple(dict.fromkeys(each for trust in trusts for each in trust.warnings)),
    )


def mean_scores(records: Sequence[Record], metric: Metric) -> tuple[float, float] | None:
    """Return the means over seeds of a metric in the first and in the last generation, None where a cell lacks it."""
    first = [metric.of(record.generations[0].scores) for record in records]
    last = [metric.last(record) for record in records]
    if None in first or None in last:
        return None
    return _mean(v for v in first if v is not None), _mean(v for v in last if v is not None)


def _compare(track: Track, reference: Entry | None) -> list[Comparison | None]:
    """Compare each entry with the reference.

    None for the reference itself, for what has no seed in common with it, and for what was made again since.
    """
    areas: dict[int, Estimate] = {}
    for place, entry in enumerate(track.entries):
        if reference is None or entry is reference or entry in track.superseded:
            continue
        if reference.records.keys() & entry.records.keys() and len(reference.generations) > 1:
            areas[place] = paired_difference(entry.records, reference.records, log_fid_area)
    tested = [place for place, area in areas.items() if area.seeds >= FEWEST_SEEDS]
    p_values = stats.false_discovery_control([areas[place].p for place in tested]) if tested else []
    adjusted = dict(zip(tested, map(float, p_values), strict=True))
    comparisons: list[Comparison | None] = [None] * len(track.entries)
    for place, area in areas.items():
        assert reference is not None
        own, others = _common(track.entries[place], reference)
        cost, usual = Cost.of(own), Cost.of(others)
        comparisons[place] = Comparison(
            log_fid_area=area,
            last=_last_differences(own, others),
            adjusted_p=adjusted.get(place, 1.0),
            training=cost.images_trained / usual.images_trained if usual.images_trained else None,
            evaluations=cost.network_evaluations / usual.network_evaluations if usual.network_evaluations else None,
        )
    return comparisons


def _common(entry: Entry, other: Entry) -> list[list[Record]]:
    """Return the records of both, of the seeds that both have, in the same order."""
    seeds = sorted(entry.records.keys() & other.records.keys())
    return [[which.records[seed] for seed in seeds] for which in (entry, other)]


def _last_differences(own: Sequence[Record], others: Sequence[Record]) -> dict[str, Estimate]:
    """Return the paired differences of the last generation's scores, of those that all have."""
    found = {}
    for metric in METRICS:
        pairs = [(metric.last(mine), metric.last(other)) for mine, other in zip(own, others, strict=True)]
        differences = [mine - other for mine, other in pairs if mine is not None and other is not None]
        if len(differences) == len(pairs):
            found[metric.key] = estimate(differences)
    return found


def _ranks(entries: Sequence[Entry]) -> list[int]:
    """Return the rank of each entry: one more than the number of entries that are better with 95% confidence."""
    seeds = sorted({seed for entry in entries for seed in entry.records})
    areas = np.full((len(entries), len(seeds)), np.nan)
    for row, entry in enumerate(entries):
        for seed, record in entry.records.items():
            areas[row, seeds.index(seed)] = log_fid_area(record)
    return [1 + int(np.count_nonzero(_better(areas, areas[row]))) for row in range(len(entries))]


def _better(areas: NDArray[np.float64], own: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which rows have a smaller area than `own`, by paired t-tests over common seeds (NaN: not there)."""
    differences = areas - own
    there = ~np.isnan(differences)
    n = there.sum(1)
    mean = np.where(there, differences, 0).sum(1) / np.maximum(n, 1)
    squares = np.where(there, differences - mean[:, None], 0) ** 2
    error = np.sqrt(squares.sum(1) / np.maximum(n - 1, 1) / np.maximum(n, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * special.stdtr(np.maximum(n - 1, 1), -np.abs(mean / error))
    better: NDArray[np.bool_] = (n >= FEWEST_SEEDS) & (mean < 0) & (p < SIGNIFICANT)
    return better


def _unranked_because(
    track: Track, reference: Entry | None, entry: Entry, comparison: Comparison | None, trust: Trust
) -> str | None:
    if entry in track.superseded:
        return "made again with the present file"
    if entry.is_plain:
        return "the plain loop"
    if entry is reference:
        return "the reference"
    if entry.is_control:
        return "control"
    if comparison is None:
        other = "plain loop" if reference in (None, track.plain) else reference.cell.method.option
        return f"no {other} with these seeds" if len(entry.generations) > 1 else "one generation"
    if comparison.log_fid_area.seeds < FEWEST_SEEDS:
        return f"fewer than {FEWEST_SEEDS} seeds"
    return "warning" if trust.warnings else None


def _row_order(row: Row) -> tuple[float, ...]:
    figure = row.comparison.log_fid_area.mean if row.comparison else math.inf
    return (math.inf if row.rank is None else row.rank, row.is_plain, row.entry.is_control, figure)


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def _exp(value: float) -> float:
    """Return e to a power; infinity where that is too large for a float."""
    return math.exp(value) if value < 700 else math.inf
