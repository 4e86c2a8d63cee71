"""Sort results into sections, inside which numbers may be compared, and into the series of a section's curves."""

import json
import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from statistics import mean
from typing import Any

from bench.board.results import Result
from bench.cell import Cell
from bench.hashing import canonical_sha256
from bench.loops import LOOP_KINDS, Protocol
from bench.record import Record, Scores
from bench.task import TIERS, TierName


@dataclass(frozen=True)
class Metric:
    """A score as the page shows it.

    Attributes:
        key: its name in `Scores`.
        title: its name on the page.
        hint: how to read it.
        bounded: whether it is a share, from 0 to 1.
    """

    key: str
    title: str
    hint: str
    bounded: bool = True

    def of(self, scores: Scores) -> float | None:
        """Return this metric's value, None where the task does not have it."""
        value: float | None = getattr(scores, self.key)
        return value


METRICS = (
    Metric("fid", "FID", "lower is better", bounded=False),
    Metric("precision", "Precision", "quality, higher is better"),
    Metric("recall", "Recall", "diversity, higher is better"),
    Metric("label_agreement", "Label agreement", "higher is better"),
)


@dataclass(frozen=True)
class Conditions:
    """Everything that must be equal before two scores may stand in one table."""

    task: str
    task_version: int
    tier: TierName
    protocol: Protocol
    features: str
    features_sha256: str
    n: int
    k: int
    reference_sha256: str
    data_sha256: str
    pinned: bool

    @classmethod
    def of(cls, record: Record) -> "Conditions":
        """Return the conditions under which a record was made."""
        cell, score, data = record.cell, record.score, record.data
        return cls(
            task=cell.task,
            task_version=cell.task_version,
            tier=cell.tier,
            protocol=cell.loop.protocol,
            features=score.features,
            features_sha256=score.features_sha256,
            n=score.n,
            k=score.k,
            reference_sha256=score.reference_sha256,
            data_sha256=data.sha256,
            pinned=data.pinned,
        )

    @property
    def order(self) -> tuple[Any, ...]:
        """A sort key: tasks by name, a task's own data before any other, small tiers first."""
        values = dict(vars(self))
        leading = (values.pop("task"), not values.pop("pinned"), TIERS.index(values.pop("tier")))
        return (*leading, *values.values())


@dataclass(frozen=True)
class Spread:
    """A metric over seeds."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float | None]) -> "Spread | None":
        """Return the spread of the values that are there, None if none is."""
        known = [value for value in values if value is not None]
        return cls(mean(known), min(known), max(known)) if known else None


@dataclass(frozen=True)
class Series:
    """Cells that differ in nothing but their seed: one line of a chart.

    Attributes:
        label: what sets it apart from the section's other series.
        results: in the order of their seeds.
        points: for each generation, the spread of each metric.
    """

    label: str
    results: tuple[Result, ...]
    points: tuple[dict[str, Spread | None], ...]


@dataclass(frozen=True)
class Section:
    """Series that may be compared.

    Attributes:
        conditions: what they share.
        series: in the order of their loops, generators and methods.
        metrics: those that these results have.
        floor: for each metric, real images against real images, the mean where cells measured it more than once.
    """

    conditions: Conditions
    series: tuple[Series, ...]
    metrics: tuple[Metric, ...]
    floor: dict[str, Spread | None]

    @property
    def anchor(self) -> str:
        """The section's id in the page."""
        c = self.conditions
        return f"{c.task}-{c.tier}-{canonical_sha256(vars(c))[:8]}"

    @property
    def results(self) -> list[Result]:
        """Every cell of the section."""
        return [result for series in self.series for result in series.results]

    def decimals(self, metric: Metric) -> int:
        """Return how many decimals to show: as many for a whole column, and three digits of its smallest value."""
        if metric.bounded:
            return 3
        shown = [metric.of(s) for r in self.results for s in (r.first, r.last, r.record.score.floor)]
        smallest = min((value for value in shown if value is not None and value > 0), default=1.0)
        return min(6, max(2, 2 - math.floor(math.log10(smallest))))


def group(results: Iterable[Result]) -> list[Section]:
    """Sort results into sections that hold only what may be compared."""
    by_conditions: dict[Conditions, list[Result]] = defaultdict(list)
    for result in results:
        by_conditions[Conditions.of(result.record)].append(result)
    return [_section(c, by_conditions[c]) for c in sorted(by_conditions, key=lambda c: c.order)]


def _section(conditions: Conditions, results: list[Result]) -> Section:
    by_series: dict[str, list[Result]] = defaultdict(list)
    for result in sorted(results, key=lambda r: _cell_order(r.record.cell)):
        without_seed = result.record.cell.model_dump(mode="json", exclude={"seed"})
        by_series[canonical_sha256(without_seed)].append(result)
    cells = [members[0].record.cell for members in by_series.values()]
    floors = [result.record.score.floor for result in results]
    return Section(
        conditions,
        series=tuple(_series(_label(cell, cells), m) for cell, m in zip(cells, by_series.values(), strict=True)),
        metrics=tuple(m for m in METRICS if any(m.of(r.last) is not None for r in results)),
        floor={m.key: Spread.of(m.of(floor) for floor in floors) for m in METRICS},
    )


def _series(label: str, members: list[Result]) -> Series:
    generations = zip(*(result.record.generations for result in members), strict=True)
    points = tuple({m.key: Spread.of(m.of(g.scores) for g in same) for m in METRICS} for same in generations)
    return Series(label, tuple(members), points)


def _cell_order(cell: Cell) -> tuple[Any, ...]:
    """A sort key: the plain loop before any method, unbiased sampling before biased, seeds innermost."""
    loop, method = cell.loop, cell.method
    sizes = (loop.n_real, loop.n_synthetic, loop.n_initial, loop.generations)
    which = (method.name != "none", method.name, method_params(cell), method.sha256)
    variant = (loop.contamination or 0, loop.pool != "previous", loop.pool, -loop.sampling_bias)
    return (LOOP_KINDS.index(loop.kind), cell.generator, *which, *variant, *sizes, cell.seed)


def _label(cell: Cell, others: list[Cell]) -> str:
    """Say what sets a series apart: its loop and every deviation from the plain loop, the rest only where it differs.

    Args:
        cell: a cell of the series.
        others: a cell of each series of the section.
    """
    loop, method = cell.loop, cell.method
    kind = (loop.kind, loop.contamination)
    same_loop = [other for other in others if (other.loop.kind, other.loop.contamination) == kind]
    same_name = [other for other in others if other.method.name == method.name]

    def differs(key: str, among: list[Cell]) -> bool:
        get = attrgetter(key)
        return any(get(other) != get(cell) for other in among)

    words = [loop.kind.replace("_", " ")]
    if differs("generator", others):
        words.append(cell.generator)
    if method.name != "none":
        words.append(method.name)
    if differs("method.params", same_name):
        words.append(method_params(cell))
    if differs("method.sha256", same_name):
        words.append(f"file {method.sha256[:8]}")
    if loop.pool != "previous":
        words.append(f"pool {loop.pool}")
    if loop.contamination is not None:
        words.append(f"contaminated {loop.contamination:g}")
    if loop.sampling_bias != 1:
        words.append(f"sampling bias {loop.sampling_bias}")
    for name in ("n_real", "n_synthetic", "n_initial", "generations"):
        if differs(f"loop.{name}", same_loop):
            words.append(f"{name} {getattr(loop, name):,}")
    return ", ".join(words)


def method_params(cell: Cell) -> str:
    """Return a method's parameters as "name=value, ...", or "no parameters"."""
    params = sorted(cell.method.params.items())
    return ", ".join(f"{name}={json.dumps(value, sort_keys=True)}" for name, value in params) or "no parameters"
