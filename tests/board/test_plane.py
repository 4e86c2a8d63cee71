"""The plane of precision and recall: places, ticks and labels."""

import itertools

import pytest

from bench.board.curves import Point
from bench.board.plane import (
    MARGIN_BOTTOM,
    MARGIN_LEFT,
    MARGIN_RIGHT,
    MARGIN_TOP,
    Label,
    Plane,
    Traveller,
    draw_plane,
)  # fmt: skip

WIDTH, HEIGHT = 600, 400


def traveller(name: str, *places: tuple[float, float], kind: str = "helps", said: bool = False) -> Traveller:
    """Return a line that goes through these places of precision and recall."""
    precision, recall = (tuple(Point(v, v, v) for v in values) for values in zip(*places, strict=True))
    return Traveller(name, kind, precision, recall, said)


def draw(*travellers: Traveller, floor: tuple[float, float] | None = None) -> Plane:
    return draw_plane(travellers, floor, "real against real", WIDTH, HEIGHT)


def boxes(plane: Plane) -> list[tuple[float, float, float, float]]:
    """Return about the room that each label takes, with narrower letters than the drawing reckons with."""
    found = []
    labels: list[Label | None] = [plane.floor_label, *(path.label for path in plane.paths)]
    for label in filter(None, labels):
        wide = 6 * len(label.text)
        left = label.x - {"start": 0, "middle": wide / 2, "end": wide}[label.anchor]
        found.append((left, label.y - 9, left + wide, label.y + 2))
    return found


def test_recall_grows_to_the_right_and_precision_upwards() -> None:
    plane = draw(traveller("one", (0.5, 0.5), (1.0, 0.75)))
    (path,) = plane.paths
    right, bottom = WIDTH - MARGIN_RIGHT, HEIGHT - MARGIN_BOTTOM
    assert path.points[0] == (MARGIN_LEFT, bottom)
    assert path.points[1] == ((MARGIN_LEFT + right) / 2, MARGIN_TOP)
    assert path.end == path.points[1]
    assert path.d == f"M{MARGIN_LEFT} {bottom}L{(MARGIN_LEFT + right) / 2:g} {MARGIN_TOP}"


def test_each_axis_shows_the_tenths_that_something_lies_in_and_ends_at_1() -> None:
    plane = draw(traveller("one", (0.93, 0.12)), floor=(0.97, 0.85))
    assert [tick for _, tick in plane.precision_ticks] == ["0.9", "1"]
    assert [tick for _, tick in plane.recall_ticks] == ["0.2", "0.4", "0.6", "0.8", "1"]
    assert plane.recall_ticks[-1][0] == WIDTH - MARGIN_RIGHT


def test_real_images_have_a_place_of_their_own() -> None:
    plane = draw(traveller("one", (0.5, 0.5)), floor=(1.0, 1.0))
    assert plane.floor == (WIDTH - MARGIN_RIGHT, MARGIN_TOP)
    assert plane.floor_label is not None
    assert draw(traveller("one", (0.5, 0.5))).floor is None


def test_labels_lie_in_the_picture_and_over_no_other_and_no_mark() -> None:
    places = [(0.5 + 0.03 * (n % 5), 0.5 + 0.02 * n) for n in range(20)]
    plane = draw(*(traveller(f"method {n}", place) for n, place in enumerate(places)), floor=(0.9, 0.9))
    found = boxes(plane)
    assert len(found) > 10
    for a, b in itertools.combinations(found, 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
    for left, top, right, bottom in found:
        assert left >= MARGIN_LEFT
        assert right <= WIDTH
        assert top >= 0
        assert bottom <= HEIGHT - MARGIN_BOTTOM
        assert not [path for path in plane.paths if left < path.end[0] < right and top < path.end[1] < bottom]


def test_where_there_is_no_room_those_that_are_said_first_have_a_label() -> None:
    crowd = [traveller(f"one of many {n}", (0.75, 0.75), said=n == 30) for n in range(40)]
    labels = [path.label for path in draw(*crowd).paths]
    assert labels[30] is not None
    assert labels.count(None) > 25


@pytest.mark.parametrize("length", [1, 26, 27, 400])
def test_a_long_name_is_cut(length: int) -> None:
    (path,) = draw(traveller("x" * length, (0.75, 0.75))).paths
    assert path.label is not None
    assert path.label.text == ("x" * length if length <= 26 else "x" * 25 + "…")


def test_an_empty_plane_can_be_drawn() -> None:
    assert draw().paths == ()
