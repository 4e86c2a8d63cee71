"""Small drawings of a single cell: each score over the generations, beside the plain loop with the same seed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.board.metrics import METRICS, Metric
from bench.cells.record import Record

WIDTH, HEIGHT = 280, 150
LEFT, RIGHT, TOP, BOTTOM = 40, 10, 10, 22
MOST_DOTS = 12
TEXT_BELOW = 4  # pixels from the middle of a text to the line that it stands on


@dataclass(frozen=True)
class CellCurve:
    """A score of a cell as a drawing of WIDTH x HEIGHT.

    Attributes:
        metric: the score.
        own: path of the cell's curve.
        dots: a path of no length at each of its points, which round ends make a dot; empty where they would run
            together.
        plain: path of the plain loop's curve with the same seed; None for the plain loop and where it was not run.
        floor: height at which real images against real images lie; None where the task has no such value.
        ticks: of the vertical axis: heights of their texts, with these.
        grid: path of the lines at the ticks.
        generations: how many there are.
        values: of the cell.
        plain_last: the plain loop's score in the last generation.
    """

    metric: Metric
    own: str
    dots: str
    plain: str | None
    floor: float | None
    ticks: tuple[tuple[float, str], ...]
    grid: str
    generations: int
    values: tuple[float, ...]
    plain_last: float | None


def cell_curves(record: Record, plain: Record | None) -> list[CellCurve]:
    """Return the curves of a cell, of the scores that it has in every generation.

    Args:
        record: of the cell.
        plain: of the plain loop with the same seed, in the same feature space; None for the plain loop itself.
    """
    return [
        _curve(metric, own, _values(metric, plain), metric.of(record.score.floor))
        for metric in METRICS
        if (own := _values(metric, record))
    ]


def _values(metric: Metric, record: Record | None) -> tuple[float, ...]:
    found = [metric.of(generation.scores) for generation in record.generations] if record else []
    return () if None in found else tuple(value for value in found if value is not None)


def _curve(metric: Metric, own: Sequence[float], plain: Sequence[float], floor: float | None) -> CellCurve:
    top = 1.0 if metric.bounded else 1.05 * max([*own, *plain, floor or 0.0]) or 1.0
    last = max(len(own), len(plain))

    def x(generation: int) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (generation / (last - 1) if last > 1 else 0.5), 1)

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top, 1)

    path = _path(own, x, y)
    steps = [(y(value), f"{value:g}") for value in _steps(top)]
    return CellCurve(
        metric,
        own=path,
        dots="M" + path[1:].replace("L", "h0M") + "h0" if len(own) <= MOST_DOTS else "",
        plain=_path(plain, x, y) if plain else None,
        floor=y(floor) if floor is not None else None,
        ticks=tuple((at + TEXT_BELOW, text) for at, text in steps),
        grid="".join(f"M{LEFT} {at}H{WIDTH - RIGHT}" for at, _ in steps),
        generations=last,
        values=tuple(own),
        plain_last=plain[-1] if plain else None,
    )


def _path(values: Sequence[float], x: Callable[[int], float], y: Callable[[float], float]) -> str:
    return "M" + "L".join(f"{x(i)} {y(value)}" for i, value in enumerate(values))


def _steps(top: float) -> list[float]:
    """Return about four round values from 0 to `top`."""
    step = next(
        digit * 10.0**power for power in range(-9, 13) for digit in (1, 2, 2.5, 5) if digit * 10.0**power >= top / 4.5
    )
    return [round(i * step, 10) for i in range(int(top / step) + 1)]
