"""The charts of prices: drawn when the site is built, so that they are there without JavaScript and on paper."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bench.board.figures import F1_FIGURE, Figure
from bench.board.price import FIGURES_SHOWN, Priced, PricedTrack, front

WIDTH, HEIGHT = 440, 330
LEFT, RIGHT, TOP, BOTTOM = 34, 18, 14, 38
LETTER, BOLD, LINE = 6.4, 7.4, 12.0  # pixels of a label's letter, of one in bold, and of its line
MOST_LABELS = 60  # in a chart; of more entries only those on the front are labelled
MOST_LETTERS = 22  # of a name in a chart: it fits on one side of any spot, and the table has it whole

Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True)
class Spot:
    """A place in a chart, with its label."""

    entry: Priced
    x: float
    y: float
    text: str
    text_x: float
    text_y: float
    anchor: str
    leader: bool


@dataclass(frozen=True)
class Tick:
    """A mark of an axis."""

    at: float
    text: str


@dataclass(frozen=True)
class PriceChart:
    """A figure against work, as a drawing of WIDTH x HEIGHT.

    Attributes:
        figure: of the vertical axis.
        spots: of each entry.
        stairs: the path of the front.
        x_ticks: of work, on a logarithmic axis.
        y_ticks: of the figure; FID on a logarithmic axis.
        spoken: what the chart says, in words.
    """

    figure: Figure
    spots: tuple[Spot, ...]
    stairs: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    spoken: str


def charts(priced: PricedTrack) -> list[PriceChart]:
    """Return the charts of a loop."""
    return [_chart(priced, figure) for figure in FIGURES_SHOWN]


def _chart(priced: PricedTrack, figure: Figure) -> PriceChart:
    entries, key = priced.entries, figure.key
    works = [math.log(entry.work) for entry in entries if entry.work > 0]
    x_low, x_high = min(works, default=0.0) - 0.15, max(works, default=0.0) + 0.4
    values = [entry.reached[key] for entry in entries]
    scale: Callable[[float], float]
    if figure is F1_FIGURE:
        scale, y_low, y_high = float, max(0.0, min(values) - 0.1), min(1.0, max(values) + 0.1)
        steps = [step / 10 for step in range(11)]
    else:
        scale, y_low, y_high = _log, _log(min(values)) - 0.1, _log(max(values)) + 0.1
        steps = _round_steps(y_low, y_high)

    def x(value: float) -> float:
        at = _log(value) if value > 0 else x_low
        return LEFT + (at - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (scale(value) - y_low) / ((y_high - y_low) or 1) * (HEIGHT - TOP - BOTTOM)

    members = front(entries, figure)
    corners = [(x(entry.work), y(entry.reached[key])) for entry in members]
    stairs = "".join(
        f"M{left:.1f} {top:.1f}" if not i else f"H{left:.1f}V{top:.1f}" for i, (left, top) in enumerate(corners)
    )
    best = ", ".join(
        f"{entry.line.title} ({entry.work:.2f} times the work, {figure.title} {entry.reached[key]:.2f})"
        for entry in members
    )
    return PriceChart(
        figure,
        tuple(_labelled([(entry, x(entry.work), y(entry.reached[key])) for entry in entries], key)),
        stairs + (f"H{WIDTH - RIGHT}" if stairs else ""),
        tuple(Tick(x(step), f"{step:g}×") for step in _round_steps(x_low, x_high)),
        tuple(Tick(y(step), f"{step:g}") for step in steps if y_low <= scale(step) <= y_high),
        f"{figure.title} over the loop against work, {len(entries)} entries. On the front: {best or 'nothing'}. "
        "All numbers are in the table below.",
    )


def _labelled(places: Sequence[tuple[Priced, float, float]], key: str) -> Iterator[Spot]:
    """Yield the spots with labels that do not cover each other: names on the front first, then numbers."""
    taken = [(x - 5, y - 5, x + 5, y + 5) for _, x, y in places]
    spots = {}
    for entry, x, y in sorted(places, key=lambda place: (key not in place[0].fronts, place[0].number)):
        if len(places) > MOST_LABELS and key not in entry.fronts:
            spots[entry.number] = Spot(entry, x, y, "", x, y, "start", leader=False)
            continue
        text = f"{entry.number} {_short(entry.line.title)}" if key in entry.fronts else str(entry.number)
        letter = BOLD if key in entry.fronts else LETTER
        box, anchor = _free_place(x, y, letter * len(text), taken)
        taken.append(box)
        middle = (box[1] + box[3]) / 2
        text_x = box[0] if anchor == "start" else box[2]
        spots[entry.number] = Spot(entry, x, y, text, text_x, middle + 4, anchor, abs(middle - y) > LINE)
    yield from (spots[number] for number in sorted(spots))


def _short(text: str) -> str:
    return text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS - 1].rstrip(' ,')}…"


def _free_place(x: float, y: float, width: float, taken: Sequence[Box]) -> tuple[Box, str]:
    """Return where a label fits beside a spot, as near as it can be, and from which of its ends it is written."""
    for shift in sorted(range(-12, 13), key=abs):
        for anchor, left in (("start", x + 8), ("end", x - 8 - width)):
            middle = y + shift * LINE / 2
            box = (left, middle - LINE / 2, left + width, middle + LINE / 2)
            inside = left >= LEFT and box[2] <= WIDTH and box[1] >= 0 and box[3] <= HEIGHT - BOTTOM
            if inside and not any(_overlap(box, other) for other in taken):
                return box, anchor
    return ((x + 8, y, x + 8, y), "start") if x < WIDTH / 2 else ((x - 8, y, x - 8, y), "end")


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _log(value: float) -> float:
    return math.log(value)


def _round_steps(low: float, high: float) -> list[float]:
    """Return the round numbers whose logarithms lie between two."""
    digits = (1, 2, 5) if high - low > 1 else (1, 1.5, 2, 3, 4, 5, 6, 8)
    found = [digit * 10.0**power for power in range(-6, 13) for digit in digits]
    return [step for step in found if low <= math.log(step) <= high]
