"""What quality and diversity cost."""

import math

import pytest

from bench.board import price_chart
from bench.board.board import build_board
from bench.board.price import PASSES_PER_TRAINED_IMAGE, front, price_tracks
from bench.board.price_chart import HEIGHT, WIDTH, charts
from bench.board.results import find_results
from bench.board.trust import Trust
from bench.board.views import views
from bench.cells.record import Record

from .made_up import Results, make_record

# Cost of each of three generations: images trained, network evaluations; then FID, precision and recall at the end.
ENTRIES = {
    "none": (1000, 1000, 8.0, 0.6, 0.4),
    "cheap": (1000, 500, 8.0, 0.6, 0.4),
    "dear": (2000, 1000, 2.0, 0.8, 0.8),
    "wasteful": (3000, 1000, 4.0, 0.8, 0.8),
    "even": (1000, 500, 8.0, 0.6, 0.4),
}


def record(method: str, seed: int) -> Record:
    trained, evaluated, fid, precision, recall = ENTRIES[method]
    made = make_record(method=method, seed=seed, fids=(fid,) * 3)
    generations = tuple(
        each.model_copy(
            update={
                "scores": each.scores.model_copy(update={"precision": precision, "recall": recall}),
                "cost": each.cost.model_copy(update={"images_trained": trained, "network_evaluations": evaluated}),
            }
        )
        for each in made.generations
    )
    return made.model_copy(update={"generations": generations})


@pytest.fixture
def priced(results: Results):
    for method in ENTRIES:
        for seed in range(3):
            results.add(record(method, seed))
    found = find_results(results.folder)
    [track] = price_tracks(views(build_board(found, {each.record.cell_id: Trust() for each in found})))
    return track


def test_work_counts_a_trained_image_thrice_and_is_a_multiple_of_the_plain_loops(priced):
    work = {entry.line.cell.method.name: entry.work for entry in priced.entries}
    assert PASSES_PER_TRAINED_IMAGE == 3
    assert work == {
        "none": 1.0,
        "cheap": pytest.approx(3.5 / 4),
        "even": pytest.approx(3.5 / 4),
        "dear": pytest.approx(7 / 4),
        "wasteful": pytest.approx(10 / 4),
    }


def test_what_is_reached_is_the_area_under_f1_and_the_geometric_mean_of_fid(priced):
    reached = {entry.line.cell.method.name: entry.reached for entry in priced.entries}
    assert reached["dear"]["f1"] == pytest.approx(0.8)
    assert reached["none"]["f1"] == pytest.approx(2 * 0.6 * 0.4 / (0.6 + 0.4))
    assert reached["wasteful"]["fid"] == pytest.approx(4.0)


def test_on_the_front_is_what_nothing_beats_and_equals_share_it(priced):
    on = {entry.line.cell.method.name: set(entry.fronts) for entry in priced.entries}
    both = {"f1", "fid"}
    assert on == {"none": set(), "cheap": both, "even": both, "dear": both, "wasteful": set()}


def test_entries_are_numbered_by_their_work(priced):
    assert [entry.number for entry in priced.entries] == [1, 2, 3, 4, 5]
    works = [entry.work for entry in priced.entries]
    assert works == sorted(works)


def test_the_front_goes_up_with_work(priced):
    for chart in charts(priced):
        members = front(priced.entries, chart.figure)
        values = [chart.figure.sign * entry.reached[chart.figure.key] for entry in members]
        assert values == sorted(values)


def test_every_entry_has_a_spot_inside_the_chart_and_the_chart_says_its_front(priced):
    for chart in charts(priced):
        assert [spot.entry.number for spot in chart.spots] == [1, 2, 3, 4, 5]
        assert all(0 <= spot.x <= WIDTH and 0 <= spot.y <= HEIGHT for spot in chart.spots)
        assert "dear (1.75 times the work" in chart.spoken.lower()
        assert "wasteful" not in chart.spoken.lower()


def test_more_is_higher_for_f1_and_less_is_lower_for_fid(priced):
    f1, fid = charts(priced)
    height = {
        chart.figure.key: {spot.entry.line.cell.method.name: spot.y for spot in chart.spots} for chart in (f1, fid)
    }
    assert height["f1"]["dear"] < height["f1"]["none"]
    assert height["fid"]["dear"] > height["fid"]["wasteful"] > height["fid"]["none"]
    # Logarithmic: 2 to 4 is as far as 4 to 8.
    steps = [height["fid"]["dear"] - height["fid"]["wasteful"], height["fid"]["wasteful"] - height["fid"]["none"]]
    assert math.isclose(*steps, rel_tol=1e-9)


def test_of_very_many_entries_only_the_front_is_labelled(priced, monkeypatch):
    monkeypatch.setattr(price_chart, "MOST_LABELS", 4)
    for chart in charts(priced):
        labelled = {spot.entry.number for spot in chart.spots if spot.text}
        assert labelled == {entry.number for entry in front(priced.entries, chart.figure)}
        assert len(chart.spots) == 5
