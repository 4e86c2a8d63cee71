"""Marks: what a reader must know of an entry whatever its figures say.

*Loses quality* and *loses diversity* are held against generation 1 of the plain loop with the same seed, which is what
the generator makes of real images alone: not against a plain loop that has collapsed too, and not against a first
generation that the method itself has already narrowed. *Copies* is held against real images and against that
generation 1. *Reuses weights* and *another generator* follow from what the record says was trained.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.board.figures import log_fids
from bench.board.retraining import another_generator, reuses_weights
from bench.board.seed_statistics import FEWEST_SEEDS, one_sided
from bench.board.tables import Entry
from bench.cells.record import Record
from bench.cells.retraining import Kind

MarkKind = Literal["loses quality", "loses diversity", "copies", "reuses weights", "another generator"]

# Two generations that were trained on the same real images differ by chance: over the seeds of the control
# `real_only` precision by up to .06, recall by .06, log FID by .13 (standard deviations of the change on digits and
# Gaussians). A tenth is twice that, and what a reader sees.
MOST_LOST = 0.1  # of precision or recall
MOST_WORSE = 1.25  # times FID
AUTHPCT_MARGIN = 10.0  # points below that of real images
UNRANKED: tuple[MarkKind, ...] = ("another generator", "reuses weights", "copies")  # have no rank, whatever they reach


@dataclass(frozen=True)
class Mark:
    """Something that a reader must know, and why it is said."""

    kind: MarkKind
    reason: str


@dataclass(frozen=True)
class Changes:
    """What the last generation of each seed is, beside generation 1: one value for each seed, in one order.

    Attributes:
        log_fid: change of log FID.
        precision: change of precision.
        recall: change of recall.
        authpct: AuthPct of the last generation; empty where it was not measured in all cells, as the two below.
        authpct_real: that of real images.
        authpct_first: that of generation 1.
    """

    log_fid: tuple[float, ...]
    precision: tuple[float, ...]
    recall: tuple[float, ...]
    authpct: tuple[float, ...]
    authpct_real: tuple[float, ...]
    authpct_first: tuple[float, ...]

    @classmethod
    def of(cls, own: Mapping[int, Record], plain: Mapping[int, Record]) -> "Changes":
        """Return the changes of an entry from generation 1 of the plain loop, its own where that was not run."""
        pairs = [(record, plain.get(seed, record)) for seed, record in own.items()]
        scores = [(mine.generations[-1].scores, base.generations[0].scores) for mine, base in pairs]
        copied = [
            (last.authpct, mine.score.floor.authpct, first.authpct)
            for (mine, _), (last, first) in zip(pairs, scores, strict=True)
        ]
        known = [(a, b, c) for a, b, c in copied if a is not None and b is not None and c is not None]
        last_authpct, real, first_authpct = zip(*known, strict=True) if len(known) == len(pairs) else ((), (), ())
        return cls(
            log_fid=tuple(log_fids(mine)[-1] - log_fids(base)[0] for mine, base in pairs),
            precision=tuple(last.precision - first.precision for last, first in scores),
            recall=tuple(last.recall - first.recall for last, first in scores),
            authpct=last_authpct,
            authpct_real=real,
            authpct_first=first_authpct,
        )

    @property
    def holds(self) -> bool:
        """Whether the last generation is shown not to be worse than generation 1 by more than the margins.

        In FID, precision and recall, each by a one-sided test with 95% confidence over at least three seeds: all of
        them must pass, so nothing has to be corrected (Berger 1982).
        """
        if len(self.log_fid) < FEWEST_SEEDS:
            return False
        return (
            one_sided(self.log_fid)[1] < math.log(MOST_WORSE)
            and one_sided(self.precision)[0] > -MOST_LOST
            and one_sided(self.recall)[0] > -MOST_LOST
        )


def marks_of(entry: Entry, changes: Changes, retrained: Kind | None) -> tuple[Mark, ...]:
    """Return the marks of an entry."""
    return (*_of_scores(changes), *_of_weights(entry, retrained))


def _of_scores(changes: Changes) -> Iterator[Mark]:
    if _surely_below(changes.precision, -MOST_LOST):
        yield Mark("loses quality", f"precision {_since_first(changes.precision)}")
    if _surely_below(changes.recall, -MOST_LOST):
        yield Mark("loses diversity", f"recall {_since_first(changes.recall)}")
    below_real = [last - real for last, real in zip(changes.authpct, changes.authpct_real, strict=True)]
    below_first = [last - first for last, first in zip(changes.authpct, changes.authpct_first, strict=True)]
    if below_real and all(_surely_below(each, -AUTHPCT_MARGIN) for each in (below_real, below_first)):
        yield Mark(
            "copies",
            f"AuthPct {_mean(changes.authpct):.0f}, of real images {_mean(changes.authpct_real):.0f}: closer to "
            f"training images than real images are{_of_few(below_real)}",
        )


def _of_weights(entry: Entry, retrained: Kind | None) -> Iterator[Mark]:
    if reuses_weights(entry):
        did = "trains nothing after" if retrained == "not" else "keeps weights of generations before, from"
        yield Mark("reuses weights", f"{did} generation 1")
    if another_generator(entry):
        drawn = [result.drawn for record in entry.records.values() for result in record.generations]
        least = min(share for share in drawn if share is not None)
        yield Mark("another generator", f"the benchmark's generator drew {least:.0%} of the scored images")


def _surely_below(changes: Sequence[float], bound: float) -> bool:
    """Return whether the expectation is below a bound, with 95% confidence over at least three seeds.

    With fewer seeds, which give no confidence, where every one of them is below twice the bound: far beyond chance.
    """
    if len(changes) < FEWEST_SEEDS:
        return max(changes) < 2 * bound
    return one_sided(changes)[1] < bound


def _since_first(changes: Sequence[float]) -> str:
    return f"{_mean(changes):+.2f} since generation 1{_of_few(changes)}"


def _of_few(values: Sequence[float]) -> str:
    if len(values) >= FEWEST_SEEDS:
        return ""
    return ", one seed" if len(values) == 1 else f", {len(values)} seeds"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
