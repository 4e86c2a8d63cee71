"""The word that an entry gets: what its figures say against the line that it is compared with.

Two figures, FID and F1 over the loop, each paired by seed and tested by Student's t; the p-values of both figures of
all entries of a track are adjusted together (Benjamini and Hochberg 1995), so that of noise at most one track in
twenty gets any other word than "no difference shown".
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import stats

from bench.board.cost import Cost
from bench.board.decline import ratio
from bench.board.figures import F1_FIGURE, FID_FIGURE, FIGURES, Figure
from bench.board.marks import Changes, Mark
from bench.board.metrics import METRICS
from bench.board.seed_statistics import FEWEST_SEEDS, SIGNIFICANT, Estimate, estimate
from bench.board.tables import Entry
from bench.cells.record import Record

Word = Literal["cures", "helps", "trades", "hurts", "no difference shown"]


@dataclass(frozen=True)
class Comparison:
    """An entry beside another, which is the plain loop on the board, over the seeds that both have.

    Attributes:
        log_fid_area: difference of the areas under log FID.
        f1_area: difference of the areas under F1.
        last: of each metric, the difference in the last generation.
        adjusted_p: p-value of `log_fid_area`, adjusted for all that is compared in the track.
        adjusted_f1_p: of `f1_area`.
        training: images trained, as a multiple of the other's; None where that trains without steps.
        evaluations: network evaluations, likewise.
    """

    log_fid_area: Estimate
    f1_area: Estimate
    last: dict[str, Estimate]
    adjusted_p: float
    adjusted_f1_p: float
    training: float | None
    evaluations: float | None

    @property
    def fid_ratio(self) -> tuple[float, float, float]:
        """FID as a multiple of the other's, averaged over the loop, with the ends of its 95% interval."""
        area = self.log_fid_area
        return tuple(map(ratio, (area.mean, area.low, area.high)))  # type: ignore[return-value]

    @property
    def seeds(self) -> int:
        """How many seeds both have."""
        return self.log_fid_area.seeds

    def shown(self, figure: Figure) -> int:
        """Return 1 where the entry is shown to be better in a figure, -1 where worse, 0 where neither is shown."""
        found, p = (self.log_fid_area, self.adjusted_p) if figure is FID_FIGURE else (self.f1_area, self.adjusted_f1_p)
        if found.seeds < FEWEST_SEEDS or p >= SIGNIFICANT or abs(found.mean) < figure.least:
            return 0
        return 1 if found.mean * figure.sign > 0 else -1


@dataclass(frozen=True)
class Verdict:
    """What can be said of an entry against a line.

    Attributes:
        against: the line, in words.
        comparison: with it.
        word: what can be said.
        trades: what it is better in and what it is worse in, where it trades.
    """

    against: str
    comparison: Comparison
    word: Word
    trades: tuple[str, str] | None

    @property
    def is_good(self) -> bool:
        """Whether it cures or helps."""
        return self.word in ("cures", "helps")


def compare_entries(pairs: Sequence[tuple[Entry, Entry]]) -> list[Comparison | None]:
    """Compare each entry with its line, and adjust the p-values for all of them and both figures.

    None for pairs that have no seed in common or a single generation.
    """
    found = [_compare(*pair) for pair in pairs]
    tested = {place: each for place, each in enumerate(found) if each and each.seeds >= FEWEST_SEEDS}
    if tested:
        p_values = [[each.log_fid_area.p, each.f1_area.p] for each in tested.values()]
        adjusted = stats.false_discovery_control(np.ravel(p_values)).reshape(-1, 2).tolist()
        for (place, each), (p, f1_p) in zip(tested.items(), adjusted, strict=True):
            found[place] = replace(each, adjusted_p=p, adjusted_f1_p=f1_p)
    return found


def _compare(entry: Entry, line: Entry) -> Comparison | None:
    seeds = sorted(entry.records.keys() & line.records.keys())
    if not seeds or len(line.generations) < 2:
        return None
    own, others = ([which.records[seed] for seed in seeds] for which in (entry, line))
    cost, usual = Cost.of(own), Cost.of(others)
    areas = [(entry.areas[figure.key], line.areas[figure.key]) for figure in FIGURES]
    log_fid, f1 = (estimate([mine[seed] - other[seed] for seed in seeds]) for mine, other in areas)
    return Comparison(
        log_fid_area=log_fid,
        f1_area=f1,
        last=_last_differences(own, others),
        adjusted_p=1.0,
        adjusted_f1_p=1.0,
        training=cost.images_trained / usual.images_trained if usual.images_trained else None,
        evaluations=cost.network_evaluations / usual.network_evaluations if usual.network_evaluations else None,
    )


def verdict(
    against: str, comparison: Comparison, changes: Changes, marks: Sequence[Mark], *, may_cure: bool
) -> Verdict:
    """Return what can be said of an entry.

    Args:
        against: the line that it is compared with, in words.
        comparison: with that line.
        changes: of the entry, from generation 1 to the last.
        marks: of the entry.
        may_cure: whether there is something to cure, and it is not kept from declining by training nothing.
    """
    better = [figure for figure in FIGURES if comparison.shown(figure) > 0]
    worse = [figure for figure in FIGURES if comparison.shown(figure) < 0]
    lost = _lost_more(comparison, marks)
    if better and (worse or lost):
        gains = [name for figure in better for name in _names(figure, comparison, 1)]
        losses = [name for figure in worse for name in _names(figure, comparison, -1)]
        return Verdict(against, comparison, "trades", (_list(gains), _list([*losses, *lost])))
    word: Word = "helps" if better else "hurts" if worse else "no difference shown"
    if word == "helps" and may_cure and changes.holds:
        word = "cures"
    return Verdict(against, comparison, word, None)


def _lost_more(comparison: Comparison, marks: Sequence[Mark]) -> list[str]:
    """Return which of precision and recall an entry has lost since generation 1, and has less of than its line.

    FID and F1 can both hide it: where precision grows by what recall loses, F1 stays.
    """
    kinds = {mark.kind for mark in marks}
    keys = {"loses quality": "precision", "loses diversity": "recall"}
    return [key for kind, key in keys.items() if kind in kinds and _surely(comparison.last[key], -1)]


def _surely(difference: Estimate, sign: int) -> bool:
    """Return whether a difference has this sign, by a one-sided test: the claim goes one way."""
    return difference.mean * sign > 0 and difference.p < 2 * SIGNIFICANT


def _names(figure: Figure, comparison: Comparison, sign: int) -> list[str]:
    """Return a figure's name; of F1 that of its parts which differ likewise in the last generation, if any does."""
    if figure is not F1_FIGURE:
        return [figure.title]
    ends = {key: comparison.last[key] for key in ("precision", "recall")}
    return [key for key, found in ends.items() if _surely(found, sign)] or [figure.title]


def _list(words: Sequence[str]) -> str:
    return " and ".join(dict.fromkeys(words))


def _last_differences(own: Sequence[Record], others: Sequence[Record]) -> dict[str, Estimate]:
    """Return the paired differences of the last generation's scores, of those that all have."""
    found = {}
    for metric in METRICS:
        pairs = [(metric.last(mine), metric.last(other)) for mine, other in zip(own, others, strict=True)]
        differences = [mine - other for mine, other in pairs if mine is not None and other is not None]
        if len(differences) == len(pairs):
            found[metric.key] = estimate(differences)
    return found
