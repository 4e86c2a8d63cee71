"""Small drawings of a single cell."""

import re

from bench.board.cell_curves import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, cell_curves

from .made_up import make_record


def corners(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"([\d.]+) ([\d.]+)", path)]


def test_a_curve_goes_from_edge_to_edge_and_higher_values_stand_higher():
    fid = cell_curves(make_record(fids=(2.0, 4.0, 8.0)), None)[0]
    points = corners(fid.own)
    assert [x for x, _ in points] == [LEFT, LEFT + (WIDTH - LEFT - RIGHT) / 2, WIDTH - RIGHT]
    heights = [HEIGHT - BOTTOM - y for _, y in points]
    assert abs(heights[2] / heights[0] - 4) < 0.02
    assert abs(heights[1] / heights[0] - 2) < 0.02
    assert heights[2] <= HEIGHT - TOP - BOTTOM


def test_a_dot_stands_at_every_corner_and_is_of_no_length():
    fid = cell_curves(make_record(fids=(2.0, 4.0, 8.0)), None)[0]
    assert corners(fid.dots) == corners(fid.own)
    assert fid.dots.count("M") == fid.dots.count("h0") == 3


def test_the_plain_loop_is_drawn_beside_it_on_the_same_scale():
    own, plain = make_record(fids=(2.0, 1.0), method="mine"), make_record(fids=(2.0, 10.0))
    fid = cell_curves(own, plain)[0]
    assert corners(fid.own)[0] == corners(fid.plain)[0]
    assert fid.plain_last == 10.0
    assert corners(fid.plain)[1][1] < corners(fid.own)[1][1]


def test_shares_go_from_0_to_1_and_real_images_have_their_line():
    precision = cell_curves(make_record(), None)[1]
    assert precision.metric.key == "precision"
    assert [text for _, text in precision.ticks] == ["0", "0.25", "0.5", "0.75", "1"]
    assert abs(precision.floor - (HEIGHT - BOTTOM - 0.9375 * (HEIGHT - TOP - BOTTOM))) < 0.1


def test_many_generations_have_no_dots_and_one_generation_stands_in_the_middle():
    assert cell_curves(make_record(fids=tuple(range(1, 14))), None)[0].dots == ""
    [(x, _)] = corners(cell_curves(make_record(fids=(3.0,)), None)[0].dots)
    assert x == LEFT + (WIDTH - LEFT - RIGHT) / 2


def test_a_score_that_the_task_does_not_have_has_no_curve():
    keys = [curve.metric.key for curve in cell_curves(make_record(label_agreement=None), None)]
    assert keys == ["fid", "precision", "recall"]


def test_each_tick_has_a_line_through_the_middle_of_its_text():
    precision = cell_curves(make_record(), None)[1]
    lines = [(float(x), float(y)) for x, y in re.findall(r"M([\d.]+) ([\d.]+)H", precision.grid)]
    assert [y + 4 for _, y in lines] == [at for at, _ in precision.ticks]
    assert {x for x, _ in lines} == {LEFT}
