"""The admissible threshold: n_e by interpolation, its interval, where it crosses 1, and the picture."""

import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from builders import make_cell, make_loop

from bench.cells.data_identity import DataIdentity
from bench.cells.record import (
    Cost,
    Environment,
    GenerationResult,
    Record,
    ScoreConditions,
    Scores,
    Seconds,
)
from bench.errors import BadInput
from bench.threshold.picture import draw_phase_diagram
from bench.threshold.sweep import METHOD, PhaseDiagram, Sweep, effective_n, phase_diagram, plan_sweep

N_REAL = 100
SIZES = [25, 35, 50, 71, 100, 141, 200, 283, 400]
FALLING = 3000.0  # made-up models of n real images alone have the FID FALLING / n
SHA = "0" * 64


def sweep(**changes: object) -> Sweep:
    parameters = {
        "task": "gaussian", "generator": "gaussian", "tier": "smoke", "n_real": [N_REAL], "n_synthetic": [10, 40, 160],
        "sampling_biases": [1.0, 0.5], "seeds": [0, 1, 2], "generations": 4, "last": 2,
    }  # fmt: skip
    return Sweep(**(parameters | changes))


def scores(fid: float) -> Scores:
    return Scores(fid=fid, kid=0, kid_standard_error=0, precision=0, recall=0, density=0, coverage=0)


def record(fids: list[float], seed: int, **loop: object) -> Record:
    cell = make_cell(
        task="gaussian", generator="gaussian", loop=make_loop(generations=len(fids), **loop), seed=seed,
        method={"name": METHOD, "params": {}, "sha256": SHA},
    )  # fmt: skip
    cost = Cost(
        images_trained=0, network_evaluations=0, real_images=0, method_state_bytes=0, peak_memory_bytes=0,
        seconds=Seconds(fit=0, sample=0, score=0),
    )  # fmt: skip
    return Record(
        cell_id=cell.id,
        cell=cell,
        task_sha256=SHA,
        score=ScoreConditions(
            features="identity", features_sha256=SHA, resize="none", n=500, k=5, reference_sha256=SHA, floor=scores(0)
        ),
        data=DataIdentity(sha256=SHA, pinned=True),
        generations=tuple(
            GenerationResult(generation=t, scores=scores(fid), cost=cost, samples_sha256=SHA)
            for t, fid in enumerate(fids, start=1)
        ),
        environment=Environment(
            package_version="0", git_commit=None, dirty=None, python="3", platform="none", torch="2", diffusers="0",
            device="cpu", driver=None, threads=1, bfloat16=False, compiled=False,
                deterministic=True,
        ),
    )  # fmt: skip


def alone(n: int, fid: float, seed: int) -> Record:
    return record([fid], seed, kind="fully_synthetic", n_initial=n, n_synthetic=1)


def fresh(n_synthetic: int, bias: float, ratio: float, seed: int, spread: float = 0.0) -> Record:
    """A loop that settles where `ratio` times n_real real images alone would be, one generation on each side of it."""
    limit = FALLING / (ratio * N_REAL) * (1 + spread * (seed - 1))
    return record(
        [500.0, 90.0, limit - 0.1, limit + 0.1], seed, kind="fresh_data", n_real=N_REAL, n_synthetic=n_synthetic,
        sampling_bias=bias,
    )  # fmt: skip


def diagram(ratios: dict[float, list[float]], spread: float = 0.0) -> PhaseDiagram:
    """The diagram of made-up loops whose n_e / n_r is as given, for each sampling bias in the order of n_synthetic."""
    wanted = sweep(sampling_biases=list(ratios))
    records = [alone(n, FALLING / n, seed) for n in SIZES for seed in wanted.seeds]
    for bias, values in ratios.items():
        for n_synthetic, ratio in zip(wanted.n_synthetic, values, strict=True):
            records += [fresh(n_synthetic, bias, ratio, seed, spread) for seed in wanted.seeds]
    return phase_diagram(wanted, records)


@pytest.mark.parametrize("n", [25, 26.5, 60, 399, 400])
def test_the_effective_number_is_exact_where_the_distance_falls_with_one_over_n(n: float):
    sizes = np.array(SIZES, dtype=float)
    assert effective_n(FALLING / n, FALLING / sizes, sizes) == pytest.approx(n, rel=1e-12)


@pytest.mark.parametrize(("fid", "n"), [(1000.0, 25), (1.0, 400)])
def test_the_effective_number_is_not_sought_outside_of_what_was_trained(fid: float, n: int):
    sizes = np.array(SIZES, dtype=float)
    assert effective_n(fid, FALLING / sizes, sizes) == pytest.approx(n)


def test_a_point_is_the_mean_of_the_last_generations_against_the_curve_of_real_images_alone():
    found = diagram({1.0: [1.2, 1.5, 1.8], 0.5: [1.3, 1.1, 0.4]})
    ratios = {(p.sampling_bias, p.n_synthetic): p.ratio for p in found.points}
    assert ratios == pytest.approx(
        {(1.0, 10): 1.2, (1.0, 40): 1.5, (1.0, 160): 1.8, (0.5, 10): 1.3, (0.5, 40): 1.1, (0.5, 160): 0.4}
    )
    assert [(r.n, r.fid) for r in found.real_only] == [(n, pytest.approx(FALLING / n)) for n in SIZES]
    assert {p.bound for p in found.points} == {None}


@pytest.mark.parametrize(("last", "drift"), [(4, -0.1), (3, -0.1), (1, 0.0)])
def test_a_loop_that_still_moves_has_not_settled(last: int, drift: float):
    wanted = sweep(seeds=[0], sampling_biases=[1.0], n_synthetic=[10], last=last)
    fids = [20.0, 20, 18, 18] if last == 4 else [99.0, 20, 19, 18]
    loop = record(fids, 0, kind="fresh_data", n_real=N_REAL, n_synthetic=10)
    [point] = phase_diagram(wanted, [*(alone(n, FALLING / n, 0) for n in SIZES), loop]).points
    assert (point.drift, point.settled) == (pytest.approx(drift), drift == 0)


def test_a_loop_beyond_what_was_trained_alone_is_a_bound():
    found = diagram({1.0: [0.1, 1.0, 9.0]})
    assert [(p.ratio, p.bound) for p in found.points] == [
        (pytest.approx(0.25), "at most"), (pytest.approx(1), None), (pytest.approx(4), "at least")
    ]  # fmt: skip


def test_the_threshold_is_the_largest_admissible_number_and_where_the_ratio_crosses_one():
    found = diagram({1.0: [1.2, 1.5, 1.8], 0.5: [1.3, 1.25, 0.8], 0.25: [0.9, 0.8, 0.7]})
    assert [(t.sampling_bias, t.largest_admissible) for t in found.thresholds] == [(1.0, 160), (0.5, 40), (0.25, None)]
    # 1.25 and 0.8 are as far from 1 on a logarithmic scale: half-way from 40 to 160 there.
    assert [t.crossing for t in found.thresholds] == [None, pytest.approx(80), None]


def test_the_interval_holds_the_ratio_and_is_as_wide_as_the_seeds_differ():
    exact, spread = (diagram({1.0: [1.2, 1.5, 1.8]}, spread).points[1] for spread in (0.0, 0.1))
    assert (exact.low, exact.high) == (pytest.approx(1.5), pytest.approx(1.5))
    # All draws of the seed with the largest or the smallest distance: more than 1 in 40 of those of three seeds.
    assert (spread.low, spread.high) == (pytest.approx(1.5 / 1.1), pytest.approx(1.5 / 0.9))


def test_the_interval_of_the_crossing_is_that_of_the_seeds_that_are_drawn():
    ratios = {1.0: [1.2, 1.5, 1.8], 0.5: [1.3, 1.25, 0.8], 0.25: [1.05, 0.8, 0.7], 0.75: [1.2, 1.2, 0.95]}
    found = diagram(ratios, 0.1)
    # As above, draws of the seed with the largest or the smallest distance alone: its ratios are 1.1 or .9 times less.
    low, high = (40 * 4 ** (math.log(1.25 / by) / math.log(1.25 / 0.8)) for by in (1.1, 0.9))
    assert [t.interval for t in found.thresholds] == [
        (None, None),
        (pytest.approx(low), pytest.approx(high)),
        (0, pytest.approx(10 * 4 ** (math.log(1.05 / 0.9) / math.log(1.05 / 0.8)))),
        (pytest.approx(40 * 4 ** (math.log(1.2 / 1.1) / math.log(1.2 / 0.95))), None),
    ]


def test_a_single_seed_has_no_interval():
    wanted = sweep(seeds=[0], sampling_biases=[1.0], n_synthetic=[10])
    found = phase_diagram(wanted, [*(alone(n, FALLING / n, 0) for n in SIZES), fresh(10, 1.0, 1.2, 0)])
    assert (found.points[0].low, found.points[0].high, found.thresholds[0].interval) == (None, None, None)


def test_noise_in_the_curve_of_real_images_gives_no_distance_two_numbers():
    wanted = sweep(seeds=[0], sampling_biases=[1.0], n_synthetic=[10])
    noisy = [alone(n, FALLING / n * (1.6 if n == 141 else 1), 0) for n in SIZES]
    found = phase_diagram(wanted, [*noisy, fresh(10, 1.0, 1.9, 0)])
    assert N_REAL * found.points[0].ratio == pytest.approx(190, rel=0.03)


def test_real_images_alone_are_planned_around_each_number_of_real_images_and_every_loop_once():
    cells = [planned.cell for planned in plan_sweep(sweep(n_real=[100, 200]))]
    assert sorted({c.loop.n_initial for c in cells if c.loop.kind == "fully_synthetic"}) == [*SIZES, 566, 800]
    loops = [c.loop for c in cells if c.loop.kind == "fresh_data"]
    assert len(loops) == 2 * 3 * 2 * 3
    assert {(loop.n_real == loop.n_initial, loop.generations) for loop in loops} == {(True, 4)}
    assert {c.method.name for c in cells} == {METHOD}
    assert len({c.id for c in cells}) == len(cells)


def test_no_more_real_images_alone_are_planned_than_the_task_has():
    cells = [planned.cell for planned in plan_sweep(sweep(n_real=[20_000], generations=2))]
    assert max(c.loop.n_initial for c in cells if c.loop.kind == "fully_synthetic") == 40_000


@pytest.mark.parametrize("last", [0, 5])
def test_more_last_generations_than_there_are_are_refused(last: int):
    with pytest.raises(BadInput, match=rf"--last {last}: choose from 1 to the number of generations, 4"):
        plan_sweep(sweep(last=last))


def test_the_picture_is_valid_and_shows_every_point_and_crossing():
    found = diagram({1.0: [1.2, 1.5, 9.0], 0.5: [1.3, 1.25, 0.8]}, spread=0.1)
    root = ElementTree.fromstring(draw_phase_diagram(found))
    space = "{http://www.w3.org/2000/svg}"
    width, height = float(root.get("width")), float(root.get("height"))
    circles = root.findall(f".//{space}circle")
    assert len(circles) == 6
    assert all(0 < float(c.get("cx")) < width and 0 < float(c.get("cy")) < height for c in circles)
    assert [c.get("fill") for c in circles].count("#ffffff") == 1
    assert len(root.findall(f".//{space}polygon")) == 2
    crossing = found.thresholds[1].crossing
    assert crossing is not None
    assert f"{crossing:,.0f}" in {text.text for text in root.iter(f"{space}text")}
    # The interval of the other loops is open at both ends, and shows nothing.
    (bar,) = root.findall(f".//{space}path[@class='interval']")
    start, end = (float(x) for x in re.match(r"M([\d.]+) [\d.]+H([\d.]+)$", bar.get("d")).groups())
    (dotted,) = root.findall(f".//{space}path[@stroke-dasharray]")
    assert start < float(dotted.get("d")[1:].split()[0]) < end


def test_the_picture_escapes_the_name_of_the_task():
    found = diagram({1.0: [1.2, 1.5, 1.8]})
    hostile = PhaseDiagram(sweep(task="<a&b>.toml", sampling_biases=[1.0]), *list(vars(found).values())[1:])
    assert "<a&b>.toml" in "".join(ElementTree.fromstring(draw_phase_diagram(hostile)).itertext())


def test_a_sweep_of_a_single_number_has_a_picture():
    wanted = sweep(seeds=[0], sampling_biases=[1.0], n_synthetic=[10])
    found = phase_diagram(wanted, [*(alone(n, FALLING / n, 0) for n in SIZES), fresh(10, 1.0, 1.2, 0)])
    assert math.isfinite(float(ElementTree.fromstring(draw_phase_diagram(found)).find(".//*[@cx]").get("cx")))
