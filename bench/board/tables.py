"""Sort results into tables, tracks and entries: what may be compared, what is ranked together, the seeds of one line.

A *table* holds what was scored under the same conditions. A *track* in it is one self-consuming loop of one generator:
the same kind, sizes, sampling bias and number of generations. An *entry* of a track is one method with one set of
parameters, or one pool policy: its cells differ in nothing but their seed. The track's plain loop is the entry of the
method `none` with the pool `previous`; every other entry is compared with it, seed by seed. Records of an earlier file
of a method are an entry of their own, which stands in for the present file's until that has been run.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bench.board.conditions import Conditions
from bench.board.figures import FIGURES, FigureKey
from bench.board.metrics import METRICS, Metric
from bench.board.results import Result
from bench.cells.cell import Cell
from bench.cells.earlier_files import EarlierFile, earlier_file
from bench.cells.loops import LOOP_KINDS
from bench.cells.parameters import describe_parameters
from bench.cells.record import GenerationResult, Record
from bench.files.hashing import canonical_sha256

PLAIN = "none"
PLAIN_POOL = "previous"
SIZES = ("n_real", "n_synthetic", "n_initial", "generations")


@dataclass(frozen=True)
class Entry:
    """Cells that differ in nothing but their seed.

    Attributes:
        results: in the order of their seeds.
    """

    results: tuple[Result, ...]

    @property
    def cell(self) -> Cell:
        """The cell of the first seed."""
        return self.results[0].record.cell

    @cached_property
    def records(self) -> dict[int, Record]:
        """The records by their seeds."""
        return {result.record.cell.seed: result.record for result in self.results}

    @cached_property
    def areas(self) -> dict[FigureKey, dict[int, float]]:
        """The areas of each figure by the seeds; nothing where there is one generation."""
        if len(self.generations) < 2:
            return {figure.key: {} for figure in FIGURES}
        return {figure.key: {s: figure.area(record) for s, record in self.records.items()} for figure in FIGURES}

    @property
    def generations(self) -> tuple[GenerationResult, ...]:
        """The generations of the first seed; those of the others are as many."""
        return self.results[0].record.generations

    @cached_property
    def key(self) -> str:
        """A short name that no other entry has, for addresses: the same in every feature space."""
        return canonical_sha256(self.cell.model_dump(mode="json", exclude={"seed"}))[:12]

    @property
    def is_plain(self) -> bool:
        """Whether this is the plain loop of its track."""
        method, pool = self.cell.method, self.cell.loop.pool
        return method.name == PLAIN and not method.params and pool == PLAIN_POOL

    @property
    def is_control(self) -> bool:
        """Whether it is given what no method is given. The method `none` with another pool is the pool's, and none."""
        return self.cell.method.control and self.cell.method.name != PLAIN

    @cached_property
    def earlier_file(self) -> EarlierFile | None:
        """The file of its method, where it is one that the method had before."""
        return earlier_file(self.cell.method)

    @property
    def reads_score_features(self) -> bool:
        """Whether the method chose images in the feature space of the score, in any generation."""
        return any(result.reads_score_features for result in self.results)


@dataclass(frozen=True)
class Track:
    """Entries of one self-consuming loop of one generator.

    Attributes:
        entries: the plain loop first, then controls, then methods by name.
        label: the loop in words, with what sets it apart from the table's other tracks.
        generator: what its generator is called, with what sets it apart from those of the other tracks.
    """

    entries: tuple[Entry, ...]
    label: str
    generator: str

    @property
    def cell(self) -> Cell:
        """A cell of the track: its generator and its loop's parameters but for the pool are those of all."""
        return self.entries[0].cell

    @property
    def plain(self) -> Entry | None:
        """The plain loop that the others are compared with, None where it has not been run."""
        return next((entry for entry in self.entries if entry.is_plain and entry not in self.superseded), None)

    @cached_property
    def superseded(self) -> tuple[Entry, ...]:
        """The entries of earlier files whose method has been run again with its present one."""
        present = {_without_file(entry.cell) for entry in self.entries if not entry.earlier_file}
        return tuple(entry for entry in self.entries if entry.earlier_file and _without_file(entry.cell) in present)

    @cached_property
    def key(self) -> str:
        """A short name that no other track of a table has, for addresses."""
        return canonical_sha256(_track_of(self.cell))[:12]


@dataclass(frozen=True)
class Table:
    """Tracks whose scores were measured under the same conditions.

    Attributes:
        conditions: what they share.
        tracks: in the order of their loops and generators.
        metrics: those that these results have.
        floor: real images against real images for each metric, the mean where cells measured it more than once.
    """

    conditions: Conditions
    tracks: tuple[Track, ...]
    metrics: tuple[Metric, ...]
    floor: dict[str, float | None]

    @property
    def results(self) -> list[Result]:
        """Every result of the table."""
        return [result for track in self.tracks for entry in track.entries for result in entry.results]


def build_tables(results: Iterable[Result]) -> list[Table]:
    """Sort results into tables that hold only what may be compared."""
    by_conditions: dict[Conditions, list[Result]] = defaultdict(list)
    for result in results:
        by_conditions[Conditions.of(result.record)].append(result)
    return [_table(c, by_conditions[c]) for c in sorted(by_conditions, key=lambda c: c.order)]


def _table(conditions: Conditions, results: list[Result]) -> Table:
    by_track: dict[str, dict[str, list[Result]]] = defaultdict(lambda: defaultdict(list))
    for result in sorted(results, key=lambda r: _cell_order(r.record.cell)):
        cell = result.record.cell
        without_seed = cell.model_dump(mode="json", exclude={"seed"})
        by_track[canonical_sha256(_track_of(cell))][canonical_sha256(without_seed)].append(result)
    grouped = [tuple(Entry(tuple(members)) for members in entries.values()) for entries in by_track.values()]
    cells = [entries[0].cell for entries in grouped]
    floors = {m.key: [v for r in results if (v := m.of(r.record.score.floor)) is not None] for m in METRICS}
    return Table(
        conditions,
        tracks=tuple(
            Track(entries, _track_label(entries[0].cell, cells), _generator_label(entries[0].cell, cells))
            for entries in grouped
        ),
        metrics=tuple(m for m in METRICS if any(m.last(r.record) is not None for r in results)),
        floor={key: sum(values) / len(values) if values else None for key, values in floors.items()},
    )


def _track_of(cell: Cell) -> dict[str, Any]:
    """Return what the cells of a track have in common."""
    return {
        "generator": cell.generator.model_dump(mode="json"),
        "loop": cell.loop.model_dump(mode="json", exclude={"pool"}),
    }


def _without_file(cell: Cell) -> tuple[str, str, str]:
    """Return what an entry has in common with one of another file of its method, within a track."""
    return cell.method.name, describe_params(cell), cell.loop.pool


def _cell_order(cell: Cell) -> tuple[Any, ...]:
    """A sort key: loops in the paper's order, the plain loop before controls and methods, seeds innermost."""
    loop, method = cell.loop, cell.method
    track = (LOOP_KINDS.index(loop.kind), loop.contamination or 0, -loop.sampling_bias)
    generator = (cell.generator.from_file, cell.generator.option, cell.generator.sha256 or "")
    sizes = tuple(getattr(loop, name) for name in SIZES)
    plain_first = (method.name != PLAIN, loop.pool != PLAIN_POOL, not method.control)
    method_order = (method.name, describe_params(cell), method.sha256, loop.pool)
    return (*track, *generator, *sizes, *plain_first, *method_order, cell.seed)


def _track_label(cell: Cell, others: Sequence[Cell]) -> str:
    """Say the loop and every deviation from the plain one in words, the rest only where it differs from the others."""
    loop = cell.loop

    def of_kind(other: Cell) -> bool:
        same = (other.generator, other.loop.kind, other.loop.contamination, other.loop.sampling_bias)
        return same == (cell.generator, loop.kind, loop.contamination, loop.sampling_bias)

    words = [loop.kind.replace("_", " ")]
    if any(other.generator != cell.generator for other in others):
        words.append(_generator_label(cell, others))
    if loop.contamination is not None:
        words.append(f"contaminated {loop.contamination:g}")
    if loop.sampling_bias != 1:
        words.append(f"sampling bias {loop.sampling_bias:g}")
    for name in SIZES:
        if any(getattr(other.loop, name) != getattr(loop, name) for other in filter(of_kind, others)):
            words.append(f"{name.replace('_', ' ')} {getattr(loop, name):,}")
    return ", ".join(words)


def _generator_label(cell: Cell, others: Sequence[Cell]) -> str:
    """Return the name of a generator; of one from a file also what sets it apart from others of the same name."""
    generator = cell.generator
    if not generator.from_file:
        return generator.name
    same = [other.generator for other in others if other.generator.name == generator.name]
    words = [f"{generator.name}.py"]
    if any(other.sha256 != generator.sha256 for other in same):
        words.append(f"({(generator.sha256 or '')[:8]})")
    apart = {k: v for k, v in generator.params.items() if any(other.params.get(k) != v for other in same)}
    return ":".join(filter(None, (" ".join(words), describe_parameters(apart))))


def describe_params(cell: Cell) -> str:
    """Return a method's parameters as "name=value, ...", nothing where it has none."""
    params = sorted(cell.method.params.items())
    return ", ".join(f"{name}={json.dumps(value, sort_keys=True)}" for name, value in params)
