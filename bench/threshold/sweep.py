"""How many synthetic images do good in the fresh-data loop (Alemohammad et al. 2023).

n_e is the number of real images that alone, without a loop, give the distance at which the loop settles. Synthetic
data are admissible where n_e / n_r >= 1: the loop is then no worse than its real images would be without them.

Both distances are FIDs of the tier's n_score images. Their bias grows with the spread of the generator, so that few
images flatter a loop that has lost diversity: the larger n_score, the better n_e.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np

from bench.cells.choices import Choices
from bench.cells.record import Record, ScoreConditions
from bench.cells.task import load_task
from bench.errors import BadInput
from bench.executors.grid import PlannedCell, plan_cells
from bench.seeds import derive_seed
from bench.threshold.crossing import Numbers, Threshold, find_threshold

# The distance is that of the model itself, so the bias must not act on the images that are scored.
METHOD = "biased_pool"
# Real images alone: from a quarter of n_real to four times as many, in steps of the square root of two.
REAL_STEPS = range(-4, 5)
RESAMPLES = 1000
# A loop whose FID still moves by more than this share within the last generations has not reached its limit.
SETTLED = 0.02


@dataclass(frozen=True)
class Sweep:
    """What to sweep.

    Attributes:
        task: name or file of the task.
        generator: trained in every loop.
        tier: of the task.
        n_real: real images in each generation, several for several diagrams.
        n_synthetic: synthetic images in each generation.
        sampling_biases: of what enters the pools.
        seeds: one loop for each.
        generations: of each loop; None for the task file's.
        last: of how many generations at the end the mean FID is the loop's limit.
    """

    task: str
    generator: str
    tier: str
    n_real: Sequence[int]
    n_synthetic: Sequence[int]
    sampling_biases: Sequence[float]
    seeds: Sequence[int]
    generations: int | None
    last: int


@dataclass(frozen=True)
class RealOnly:
    """Models that were trained on n real images and nothing else.

    Attributes:
        n: how many.
        fid: mean over seeds.
    """

    n: int
    fid: float


@dataclass(frozen=True)
class Point:
    """What the synthetic images of one loop are worth.

    Attributes:
        n_real: real images in each generation.
        n_synthetic: synthetic images in each generation.
        sampling_bias: of what enters the pools.
        fid: the loop's limit, mean over seeds.
        ratio: n_e / n_r.
        low: start of its 95% bootstrap interval over seeds; None for a single seed.
        high: end of the interval.
        drift: change of FID from the first half of the last generations to the second, as a share.
        bound: whether n_e is outside what was trained on real images alone, so that the ratio is only a bound.
    """

    n_real: int
    n_synthetic: int
    sampling_bias: float
    fid: float
    ratio: float
    low: float | None
    high: float | None
    drift: float
    bound: Literal["at most", "at least"] | None

    @property
    def settled(self) -> bool:
        """Whether the loop is at its limit, so far as its last generations show."""
        return abs(self.drift) <= SETTLED


@dataclass(frozen=True)
class PhaseDiagram:
    """The result of a sweep.

    Attributes:
        sweep: what was swept.
        score: the conditions under which FID was measured, with the floor but for its memorisation scores.
        real_only: in the order of n.
        points: of each loop.
        thresholds: of each n_real and sampling bias.
    """

    sweep: Sweep
    score: ScoreConditions
    real_only: list[RealOnly]
    points: list[Point]
    thresholds: list[Threshold]


def plan_sweep(sweep: Sweep) -> list[PlannedCell]:
    """Return the cells of a sweep: models of real images alone, and the loops.

    Raises:
        BadInput: a name that does not exist, a value that is not allowed, or too few real images.
    """
    available = load_task(sweep.task).data.training
    if min(sweep.n_real) < 1:
        raise BadInput(f"--n-real {min(sweep.n_real)}: choose a whole number from 1")
    sizes = {max(2, round(n * 2 ** (step / 2))) for n in sweep.n_real for step in REAL_STEPS}
    cells = []
    for n in sorted(size for size in sizes if size <= available):
        cells += plan_cells(_choices(sweep, "fully_synthetic", [1.0], n_initial=n, n_synthetic=1, generations=1))
    for n_real, n_synthetic in product(sweep.n_real, sweep.n_synthetic):
        # The limit does not depend on the first generation; this one is not far from it.
        cells += plan_cells(
            _choices(
                sweep, "fresh_data", sweep.sampling_biases, n_initial=n_real, n_real=n_real, n_synthetic=n_synthetic,
                generations=sweep.generations,
            )
        )  # fmt: skip
    generations = cells[-1].cell.loop.generations
    if not 1 <= sweep.last <= generations:
        raise BadInput(f"--last {sweep.last}: choose from 1 to the number of generations, {generations}")
    return cells


def _choices(
    sweep: Sweep,
    loop: str,
    sampling_biases: Sequence[float],
    *,
    n_initial: int,
    n_synthetic: int,
    generations: int | None,
    n_real: int | None = None,
) -> Choices:
    return Choices(
        tasks=[sweep.task],
        generators=[sweep.generator],
        loops=[loop],
        methods=[METHOD],
        sampling_biases=sampling_biases,
        seeds=sweep.seeds,
        tier=sweep.tier,
        pool="previous",
        protocol="scratch",
        generations=generations,
        n_initial=n_initial,
        n_real=n_real,
        n_synthetic=n_synthetic,
    )


def phase_diagram(sweep: Sweep, records: Sequence[Record]) -> PhaseDiagram:
    """Return what the records of a sweep's cells say."""
    by_n: dict[int, dict[int, float]] = {}
    by_loop: dict[tuple[int, float, int], dict[int, list[float]]] = {}
    for record in records:
        loop, fids = record.cell.loop, [result.scores.fid for result in record.generations]
        if loop.kind == "fully_synthetic":
            by_n.setdefault(loop.n_initial, {})[record.cell.seed] = fids[0]
        else:
            key = (loop.n_real, loop.sampling_bias, loop.n_synthetic)
            by_loop.setdefault(key, {})[record.cell.seed] = fids[-sweep.last :]

    # Over seeds: as they are, and drawn again and again with replacement, the same seeds for all cells.
    n = np.array(sorted(by_n), dtype=np.float64)
    alone = np.array([[by_n[int(size)][seed] for size in n] for seed in sweep.seeds])
    drawn = np.random.default_rng(derive_seed("threshold", *sweep.seeds)).integers(
        len(sweep.seeds), size=(RESAMPLES, len(sweep.seeds))
    )
    # More real images are no worse: made monotone, so that noise gives no distance two numbers of images.
    curve, curves = (np.minimum.accumulate(fids, axis=-1) for fids in (alone.mean(0), alone[drawn].mean(1)))
    points = []
    drawn_ratios = []
    for (n_real, sampling_bias, n_synthetic), fids_by_seed in sorted(by_loop.items()):
        last = np.array([fids_by_seed[seed] for seed in sweep.seeds])
        limits, half = last.mean(1), sweep.last // 2
        fid = float(limits.mean())
        low = high = None
        if len(sweep.seeds) > 1:
            again = [effective_n(*pair, n) / n_real for pair in zip(limits[drawn].mean(1), curves, strict=True)]
            drawn_ratios.append(again)
            low, high = (float(value) for value in np.quantile(again, (0.025, 0.975)))
        points.append(
            Point(
                n_real=n_real,
                n_synthetic=n_synthetic,
                sampling_bias=sampling_bias,
                fid=fid,
                ratio=effective_n(fid, curve, n) / n_real,
                low=low,
                high=high,
                drift=float(last[:, -half:].mean() / last[:, :half].mean() - 1) if half else 0.0,
                bound="at most" if fid > curve[0] else "at least" if fid < curve[-1] else None,
            )
        )
    thresholds = []
    for n_real, bias in product(sweep.n_real, sweep.sampling_biases):
        at = [i for i, point in enumerate(points) if (point.n_real, point.sampling_bias) == (n_real, bias)]
        thresholds.append(
            find_threshold(
                n_real,
                bias,
                np.array([points[i].n_synthetic for i in at]),
                np.array([points[i].ratio for i in at]),
                np.array([drawn_ratios[i] for i in at]) if drawn_ratios else None,
            )
        )
    real_only = [RealOnly(int(size), float(fid)) for size, fid in zip(n, curve, strict=True)]
    return PhaseDiagram(sweep, _shared_conditions(records), real_only, points, thresholds)


def _shared_conditions(records: Sequence[Record]) -> ScoreConditions:
    """Return the conditions of all cells; what a floor says of memorisation belongs to the real images of one cell."""
    score = records[0].score
    floor = score.floor.model_copy(update={"authpct": None, "training_distance_ratio": None})
    return score.model_copy(update={"floor": floor})


def effective_n(fid: float, curve: Numbers, n: Numbers) -> float:
    """Return the number of real images that alone give a FID.

    Args:
        fid: of the loop.
        curve: FID of models of n real images alone, nowhere rising.
        n: the numbers of real images, rising.

    Returns:
        n, interpolated between log n and log FID, a straight line where FID falls with 1/n; not outside of `n`.
    """
    return float(np.exp(np.interp(-np.log(fid), -np.log(curve), np.log(n))))
