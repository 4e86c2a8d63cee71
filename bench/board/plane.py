"""The plane of precision and recall: where each line of a loop starts and where its generations lead it.

Only geometry: the template draws it, so that a picture needs no script, follows the reader's colours and is text.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.board.curves import Curve

MARGIN_LEFT, MARGIN_RIGHT, MARGIN_TOP, MARGIN_BOTTOM = 40, 14, 14, 40
STEP = 0.1  # of the grid
LETTER, BOLD, LINE = 6.6, 7.4, 14  # width of an average letter and height of a line, of labels of 12 pixels
NEAR = 9  # pixels from a marker to its label
AROUND = ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (-1, -1), (1, 1), (-1, 1))  # where a label may stand
MOST_LETTERS = 26

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Traveller:
    """A line that the plane shows.

    Attributes:
        name: its label.
        kind: its word, or "plain" or "control": what it is drawn as.
        precision: over the generations.
        recall: likewise.
        said: whether its label comes before those of others.
    """

    name: str
    kind: str
    precision: Curve
    recall: Curve
    said: bool = False


@dataclass(frozen=True)
class Label:
    """A text beside a marker.

    Attributes:
        text: what it says.
        x: of its anchor, in pixels.
        y: of its baseline.
        anchor: "start", "middle" or "end".
    """

    text: str
    x: float
    y: float
    anchor: str


@dataclass(frozen=True)
class Path:
    """What is drawn of a traveller, in pixels.

    Attributes:
        traveller: whose it is.
        points: of its generations.
        label: None where there is no room for one.
    """

    traveller: Traveller
    points: tuple[tuple[float, float], ...]
    label: Label | None

    @property
    def d(self) -> str:
        """The line in SVG's words."""
        return "M" + "L".join(f"{x:g} {y:g}" for x, y in self.points)

    @property
    def end(self) -> tuple[float, float]:
        """The place of the last generation."""
        return self.points[-1]


@dataclass(frozen=True)
class Plane:
    """A drawing of the plane, in pixels.

    Attributes:
        width: of all of it.
        height: likewise.
        recall_ticks: places and texts of the axis of recall.
        precision_ticks: of precision.
        paths: in the order in which they are drawn, the first lowest.
        floor: the place of real images against real images; None where it was not measured.
        floor_label: its text.
    """

    width: int
    height: int
    recall_ticks: tuple[tuple[float, str], ...]
    precision_ticks: tuple[tuple[float, str], ...]
    paths: tuple[Path, ...]
    floor: tuple[float, float] | None
    floor_label: Label | None

    @property
    def left(self) -> float:
        """Where the axis of precision stands."""
        return MARGIN_LEFT

    @property
    def right(self) -> float:
        """Where the axis of recall ends."""
        return self.width - MARGIN_RIGHT

    @property
    def top(self) -> float:
        """Where the axis of precision ends."""
        return MARGIN_TOP

    @property
    def bottom(self) -> float:
        """Where the axis of recall stands."""
        return self.height - MARGIN_BOTTOM


def draw_plane(
    travellers: Sequence[Traveller], floor: tuple[float, float] | None, floor_name: str, width: int, height: int
) -> Plane:
    """Return the plane with the paths of some lines from generation 1 to the last.

    Both axes are shares. Each shows the tenths that something lies in, and ends at 1.

    Args:
        travellers: the more important later: they are drawn above the others.
        floor: precision and recall of real images against real images; None where it was not measured.
        floor_name: what that point is called.
        width: of the picture in pixels.
        height: likewise.
    """
    recalls = [point.mean for each in travellers for point in each.recall]
    precisions = [point.mean for each in travellers for point in each.precision]
    if floor:
        precisions.append(floor[0])
        recalls.append(floor[1])
    (low_r, ticks_r), (low_p, ticks_p) = _axis(recalls), _axis(precisions)
    right, bottom = width - MARGIN_RIGHT, height - MARGIN_BOTTOM

    def place(precision: float, recall: float) -> tuple[float, float]:
        x = MARGIN_LEFT + (recall - low_r) / (1 - low_r) * (right - MARGIN_LEFT)
        y = bottom - (precision - low_p) / (1 - low_p) * (bottom - MARGIN_TOP)
        return round(x, 1), round(y, 1)

    points = [
        tuple(place(p.mean, r.mean) for p, r in zip(each.precision, each.recall, strict=True)) for each in travellers
    ]
    floor_place = place(*floor) if floor else None
    named = [(floor_name, floor_place, True)] if floor_place else []
    named += [(each.name, path[-1], each.said) for each, path in zip(travellers, points, strict=True)]
    labels = _labels(named, width, bottom)
    floor_label = labels.pop(0) if floor_place else None
    return Plane(
        width,
        height,
        recall_ticks=tuple((place(low_p, tick)[0], _tick(tick)) for tick in ticks_r),
        precision_ticks=tuple((place(tick, low_r)[1], _tick(tick)) for tick in ticks_p),
        paths=tuple(Path(*each) for each in zip(travellers, points, labels, strict=True)),
        floor=floor_place,
        floor_label=floor_label,
    )


def _axis(values: Sequence[float]) -> tuple[float, list[float]]:
    """Return where an axis up to 1 begins, and its ticks, at most six."""
    low = min(0.9, math.floor(min(values, default=0.0) / STEP + 1e-9) * STEP)
    tenths = round((1 - low) / STEP)
    step = 1 if tenths <= 5 else 2
    return low, [round(1 - STEP * n, 1) for n in range(tenths, -1, -1) if n % step == 0]


def _tick(value: float) -> str:
    return f"{value:g}"


def _labels(named: Sequence[tuple[str, tuple[float, float], bool]], width: float, bottom: float) -> list[Label | None]:
    """Return a label for each marker that there is room for one beside, the important ones first."""
    taken: list[Box] = [(x - 5, y - 5, x + 5, y + 5) for _, (x, y), _ in named]
    found: list[Label | None] = [None] * len(named)
    for place in sorted(range(len(named)), key=lambda place: not named[place][2]):
        name, (x, y), said = named[place]
        for label, box in _places(name, x, y, BOLD if said else LETTER):
            inside = box[0] >= MARGIN_LEFT + 2 and box[2] <= width - 2 and box[1] >= 2 and box[3] <= bottom - 2
            others = (each for n, each in enumerate(taken) if n != place)
            if inside and not any(_overlap(box, other) for other in others):
                found[place] = label
                taken.append(box)
                break
    return found


def _places(name: str, x: float, y: float, letter: float) -> Iterator[tuple[Label, Box]]:
    """Yield the label of a marker at each place around it, with the room that it takes."""
    text = name if len(name) <= MOST_LETTERS else f"{name[: MOST_LETTERS - 1]}…"
    wide = len(text) * letter
    for right, down in AROUND:
        anchor = {1: "start", 0: "middle", -1: "end"}[right]
        at_x, middle = x + right * NEAR, y + down * LINE
        left = at_x - {"start": 0.0, "middle": wide / 2, "end": wide}[anchor]
        box = (left - 1, middle - LINE / 2, left + wide + 1, middle + LINE / 2)
        yield Label(text, round(at_x, 1), round(middle + 4, 1), anchor), box


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
