"""A row of the board: an entry with its numbers over seeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bench.board.cost import Cost
from bench.board.decline import Direction, Trend
from bench.board.marks import Changes, Mark
from bench.board.seed_statistics import Estimate
from bench.board.tables import Entry, Track
from bench.board.trust import Trust
from bench.board.verdict import Comparison, Verdict, Word
from bench.cells.floor import WITH_FLOOR, share_of_floor
from bench.cells.retraining import Kind, Use


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
        retrained: how the weights of its later generations came about; None where it has none, or where neither its
            records nor its file say.
        marks: what a reader must know of it.
        uses: what the method declares to use beyond what the loop hands to everybody; None where neither its records
            nor its file say.
        undeclared: what the engine saw it use that it does not declare.
        cost: of a cell.
        trust: the least of its cells', with the warnings of all of them.
        verdicts: against every line that it is compared with, the one that decides its word first; none for the
            reference itself and where no line has been run.
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
    retrained: Kind | None
    marks: tuple[Mark, ...]
    uses: tuple[Use, ...] | None
    undeclared: tuple[Use, ...]
    cost: Cost
    trust: Trust
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
    def verdict(self) -> Verdict | None:
        """Against the line that decides its word."""
        return self.verdicts[0] if self.verdicts else None

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
    def trend(self) -> Estimate | None:
        """The slope of log FID over the generations; None where there is one."""
        return self.mad[0].slope

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
        for key in WITH_FLOOR:
            records = self.entry.records.values()
            real = _mean([getattr(record.score.floor, key) for record in records])
            last = _mean([getattr(record.generations[-1].scores, key) for record in records])
            found[key] = share_of_floor(last, real)
        return found


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
