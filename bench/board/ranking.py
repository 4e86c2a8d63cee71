"""What each entry of a track did, beside the plain loop: its numbers over seeds, its word, its marks and its rank.

The plain loop is what the board compares with; `autophagy compare` takes any other entry for it.

The rules in words are in leaderboard/site/rules.html.jinja; docs/scoring.md has a worked example.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import get_args

import numpy as np
from numpy.typing import NDArray
from scipy import special

from bench.board.cost import Cost
from bench.board.decline import Direction, Trend, directions, fid_trend
from bench.board.figures import FIGURES
from bench.board.marks import UNRANKED, Changes, Mark, marks_of
from bench.board.seed_statistics import FEWEST_SEEDS, Estimate, estimate
from bench.board.tables import Entry, Track
from bench.board.trust import Level, Trust
from bench.board.verdict import SIGNIFICANT, Comparison, Verdict, Word, compare_entries, verdict

FEWEST_RANKED = 3  # with fewer, only what is shown to be better than the plain loop has a rank
WORD_ORDER: tuple[Word | None, ...] = ("cures", "helps", "trades", "no difference shown", "hurts", None)


@dataclass(frozen=True)
class Row:
    """An entry with its numbers.

    Attributes:
        entry: the cells.
        track: that it belongs to.
        mad: the three ways of going MAD, each by name.
        trends: of each cell's log FID, by seed; those of one generation are left out.
        f1_area: its own area under F1, an expectation over seeds; None where there is one generation.
        changes: from generation 1 to the last.
        marks: what a reader must know of it.
        cost: of a cell.
        trust: the least of its cells', with the warnings of all of them.
        verdict: against the line that decides its word; None for the reference itself and where no line has been run.
        verdicts: against every line that it is compared with, the deciding one first.
        rank: in its track, None where it is not ranked.
        rank_range: the lowest and the highest rank that ties leave; None where it is not ranked.
        unranked_because: why it has no rank; None where it has one.
        reference: what the entries of the track are compared with; None where it has not been run.
    """

    entry: Entry
    track: Track
    mad: tuple[Direction, Direction, Direction]
    trends: dict[int, Trend]
    f1_area: Estimate | None
    changes: Changes
    marks: tuple[Mark, ...]
    cost: Cost
    trust: Trust
    verdict: Verdict | None
    verdicts: tuple[Verdict, ...]
    rank: int | None
    rank_range: tuple[int, int] | None
    unranked_because: str | None
    reference: Entry | None

    @property
    def is_plain(self) -> bool:
        """Whether it is the plain loop that the board compares the others of its track with."""
        return self.entry is self.track.plain

    @property
    def word(self) -> Word | None:
        """What can be said of it; None where it is compared with nothing."""
        return self.verdict.word if self.verdict else None

    @property
    def trades(self) -> tuple[str, str] | None:
        """What it is better in and what it is worse in, where it trades."""
        return self.verdict.trades if self.verdict else None

    @property
    def against(self) -> str | None:
        """The line that its word is against."""
        return self.verdict.against if self.verdict else None

    @property
    def comparison(self) -> Comparison | None:
        """With the line that decides its word."""
        return self.verdict.comparison if self.verdict else None

    @property
    def is_mad(self) -> bool:
        """Whether it is shown to go MAD in any of the three ways."""
        return any(direction.is_shown for direction in self.mad)

    @property
    def n_mad(self) -> int:
        """In how many of its cells FID rises, each by itself."""
        return sum(trend.is_mad for trend in self.trends.values())

    @property
    def authpct(self) -> float | None:
        """Mean AuthPct of the last generation; None where it was not measured in all cells."""
        return _mean(self.changes.authpct) if self.changes.authpct else None

    @property
    def authpct_real(self) -> float | None:
        """Mean AuthPct of real images, likewise."""
        return _mean(self.changes.authpct_real) if self.changes.authpct_real else None

    @cached_property
    def coverage(self) -> float:
        """Mean coverage of the last generation."""
        return _mean([record.generations[-1].scores.coverage for record in self.entry.records.values()])

    @cached_property
    def floor_shares(self) -> dict[str, float | None]:
        """Precision and recall of the last generation, as shares of what real images reach among themselves."""
        found: dict[str, float | None] = {}
        for key in ("precision", "recall"):
            records = self.entry.records.values()
            real = _mean([getattr(record.score.floor, key) for record in records])
            last = _mean([getattr(record.generations[-1].scores, key) for record in records])
            found[key] = last / real if real else None
        return found

    @property
    def uses(self) -> tuple[str, ...] | None:
        """What the method declares that it knows beside the loop's own images; None where no record says."""
        return None


def rank_track(track: Track, trust: Mapping[str, Trust], reference: Entry | None) -> list[Row]:
    """Return the rows of a track: ranked ones first, by rank and then by F1; the plain loop last of all.

    Args:
        track: the entries.
        trust: of each cell, by its id.
        reference: the entry that the others are compared with; None where it has not been run.
    """
    plain = track.plain.records if track.plain else {}
    trusts = [least_trust([trust[record.cell_id] for record in entry.records.values()]) for entry in track.entries]
    changes = [Changes.of(entry.records, plain) for entry in track.entries]
    marks = [tuple(marks_of(each)) for each in changes]
    verdicts = _verdicts(track, reference, changes, marks)
    reasons = [
        _unranked_because(track, reference, *each) for each in zip(track.entries, verdicts, marks, trusts, strict=True)
    ]
    ranked = [place for place, reason in enumerate(reasons) if reason is None]
    if len(ranked) < FEWEST_RANKED:
        for place in ranked:
            if (found := verdicts[place]) and found[0].word == "no difference shown":
                reasons[place] = f"no difference shown, among fewer than {FEWEST_RANKED}"
        ranked = [place for place, reason in enumerate(reasons) if reason is None]
    ranks = dict(zip(ranked, _ranks([track.entries[place] for place in ranked]), strict=True))
    rows = []
    for place, entry in enumerate(track.entries):
        records = list(entry.records.values())
        found = verdicts[place]
        areas = list(entry.areas["f1"].values())
        rows.append(
            Row(
                entry,
                track,
                mad=directions(records),
                trends={seed: trend for seed, record in entry.records.items() if (trend := fid_trend(record))},
                f1_area=estimate(areas) if areas else None,
                changes=changes[place],
                marks=marks[place],
                cost=Cost.of(records),
                trust=trusts[place],
                verdict=found[0] if found else None,
                verdicts=found,
                rank=ranks[place][0] if place in ranks else None,
                rank_range=ranks.get(place),
                unranked_because=reasons[place],
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


def _verdicts(
    track: Track, reference: Entry | None, changes: Sequence[Changes], marks: Sequence[tuple[Mark, ...]]
) -> list[tuple[Verdict, ...]]:
    """Return what can be said of each entry.

    Nothing of the reference itself, of what has no seed in common with it, and of what was made again since.
    """
    found: list[tuple[Verdict, ...]] = [()] * len(track.entries)
    if reference is None:
        return found
    against = "the plain loop" if reference is track.plain else reference.cell.method.option
    plain_holds = track.plain is not None and changes[track.entries.index(track.plain)].holds
    compared = [place for place, entry in enumerate(track.entries)
                if entry is not reference and entry not in track.superseded]  # fmt: skip
    comparisons = compare_entries([(track.entries[place], reference) for place in compared])
    for place, comparison in zip(compared, comparisons, strict=True):
        if comparison:
            found[place] = (verdict(against, comparison, changes[place], marks[place], plain_holds),)
    return found


def _ranks(entries: Sequence[Entry]) -> list[tuple[int, int]]:
    """Return the lowest and the highest rank of each entry that ties leave; the lowest is its rank.

    One entry is above another where it is better with 95% confidence in one figure and worse in none.
    """
    seeds = sorted({seed for entry in entries for seed in entry.records})
    better = np.zeros((len(entries), len(entries)), dtype=bool)
    worse = np.zeros_like(better)
    for figure in FIGURES:
        areas = np.full((len(entries), len(seeds)), np.nan)
        for place, entry in enumerate(entries):
            for seed, value in entry.areas[figure.key].items():
                areas[place, seeds.index(seed)] = value * figure.sign
        for place in range(len(entries)):
            shown = _shown(areas - areas[place])
            better[:, place] |= shown > 0
            worse[:, place] |= shown < 0
    above = better & ~worse
    lowest, highest = 1 + above.sum(0), len(entries) - above.sum(1)
    return list(zip(lowest.tolist(), highest.tolist(), strict=True))


def _shown(differences: NDArray[np.float64]) -> NDArray[np.int8]:
    """Return the sign of each row's mean where it is shown by a t-test over seeds, else 0 (NaN: not there)."""
    there = ~np.isnan(differences)
    n = there.sum(1)
    mean = np.where(there, differences, 0).sum(1) / np.maximum(n, 1)
    squares = np.where(there, differences - mean[:, None], 0) ** 2
    error = np.sqrt(squares.sum(1) / np.maximum(n - 1, 1) / np.maximum(n, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * special.stdtr(np.maximum(n - 1, 1), -np.abs(mean / error))
    found: NDArray[np.int8] = np.where((n >= FEWEST_SEEDS) & (p < SIGNIFICANT), np.sign(mean), 0).astype(np.int8)
    return found


def _unranked_because(
    track: Track,
    reference: Entry | None,
    entry: Entry,
    verdicts: tuple[Verdict, ...],
    marks: tuple[Mark, ...],
    trust: Trust,
) -> str | None:
    if entry in track.superseded:
        return "made again with the present file"
    if entry.is_plain:
        return "the plain loop"
    if entry is reference:
        return "the reference"
    if entry.is_control:
        return "control"
    kinds = [mark.kind for mark in marks]
    if kind := next((kind for kind in UNRANKED if kind in kinds), None):
        return kind
    if not verdicts:
        other = "plain loop" if reference in (None, track.plain) else reference.cell.method.option
        return f"no {other} with these seeds" if len(entry.generations) > 1 else "one generation"
    if verdicts[0].comparison.seeds < FEWEST_SEEDS:
        return f"fewer than {FEWEST_SEEDS} seeds"
    if verdicts[0].word in ("trades", "hurts"):
        return verdicts[0].word
    return "warning" if trust.warnings else None


def _row_order(row: Row) -> tuple[float, ...]:
    figure = row.comparison.log_fid_area.mean if row.comparison else math.inf
    f1 = row.f1_area.mean if row.f1_area else 0.0
    last = (row.is_plain, row.entry.is_control)
    if row.rank is not None:
        return (row.rank, *last, 0, -f1, figure)
    return (math.inf, *last, WORD_ORDER.index(row.word), -f1, figure)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
