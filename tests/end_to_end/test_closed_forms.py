"""The whole loop against the closed forms of the Gaussian loop (Alemohammad et al. 2023)."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from builders import CPU, QUIET, comparable, make_cell, make_loop
from numpy.typing import NDArray
from safetensors.torch import load_file
from scipy.linalg import sqrtm

from bench.cells.data_identity import DataIdentity
from bench.cells.data_shape import DataShape
from bench.cells.generator_settings import GaussianSettings
from bench.cells.record import ScoreConditions, Scores, read_record
from bench.cells.task import Task, load_task
from bench.cli.main import main
from bench.data.draws import RealDraws
from bench.data.real import RealData, load_real_data
from bench.features.base import FeatureSpace
from bench.features.identity import IdentitySpace
from bench.generators.gaussian import Gaussian
from bench.logs.run_log import RunLog
from bench.loop import LoopRun
from bench.methods.contexts import Contexts
from bench.methods.file import load_method
from bench.methods.hooks import Hooks
from bench.methods.lineage import Lineage
from bench.runs import environment
from bench.runs.journal import Journal
from bench.runs.meter import Costs
from bench.runs.run_folder import RunFolder
from bench.runs.stored import Conditions

D = 100
NO_SCORES = Scores(fid=0, kid=0, kid_standard_error=0, precision=0, recall=0, density=0, coverage=0)
ZEROS = "0" * 64
Models = tuple[NDArray[np.float64], NDArray[np.float64]]


class NoScorer:
    """Stands for the scorer, which would take most of the time and changes nothing in the loop."""

    def score(self, samples: object, progress: object) -> Scores:
        return NO_SCORES


def no_space() -> FeatureSpace:
    raise AssertionError("no method here asks for features")


@pytest.fixture(scope="module")
def task() -> Task:
    return load_task("gaussian")


@pytest.fixture(scope="module")
def data(task: Task) -> RealData:
    return load_real_data(task)


@pytest.fixture(scope="module")
def models(data: RealData, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Models]:
    """Run a loop for several seeds: the models' means, (seeds, generations, d), and tr Sigma / d beside them."""
    described = environment.describe(CPU)
    conditions = ScoreConditions(
        features="none", features_sha256=ZEROS, resize="none", n=2, k=1, reference_sha256=ZEROS, floor=NO_SCORES
    )

    def run(kind: str, seeds: int, name: str = "none", **parameters: object) -> Models:
        method = load_method(name)
        runs = tmp_path_factory.mktemp("runs")
        means, variances = [], []
        for seed in range(seeds):
            loop = make_loop(kind, **parameters)
            cell = make_cell(
                task="gaussian", generator="gaussian", loop=loop, method=method.identity.model_dump(), seed=seed
            )
            folder = RunFolder.open(
                runs, cell, Conditions(task_sha256=ZEROS, data_sha256=ZEROS, reference_sha256=ZEROS)
            )
            generator = Gaussian(GaussianSettings(), DataShape((D,)), CPU)
            identity = DataIdentity(sha256=ZEROS, pinned=True)
            LoopRun(
                cell=cell, draws=RealDraws(data.training, cell.task, seed), generator=generator,
                method=Hooks(name, method.build(), data.training),
                contexts=Contexts(cell, data.training, None, 2, generator, no_space, IdentitySpace()),
                scorer=NoScorer(), n_score=2, costs=Costs(generator),
                lineage=Lineage(generator, data.training),
                journal=Journal(runs, folder, conditions, identity, described, QUIET, RunLog({}, QUIET)),
            ).run()  # fmt: skip
            states = [folder.tensors(t, "model") for t in range(1, loop.generations + 1)]
            means.append([state["mean"].numpy() for state in states])
            variances.append([float(state["covariance"].trace()) / D for state in states])
        return np.array(means), np.array(variances)

    return run


def assert_mean_is(expected: NDArray[np.float64] | float, found: NDArray[np.float64], within: float) -> None:
    """Assert that the mean over seeds is what is expected, by a confidence interval that is itself narrow.

    Args:
        expected: of each column, or of all.
        found: (seeds, columns).
        within: how wide, in shares of what is expected, the interval of 4 standard errors may be.
    """
    error = found.std(0, ddof=1) / len(found) ** 0.5
    assert (4 * error / expected).max() < within
    assert (np.abs(found.mean(0) - expected) / error).max() < 4


@pytest.mark.parametrize("sampling_bias", [1.0, 0.8])
def test_fully_synthetic_covariance_decays_by_the_sampling_bias_and_the_mean_walks(models, sampling_bias):
    means, variances = models(
        "fully_synthetic", 30, sampling_bias=sampling_bias, n_initial=50, n_synthetic=50, generations=8
    )
    t = np.arange(8)
    assert_mean_is(sampling_bias**t, variances, within=0.25)
    # Each generation adds the error of a mean of n_synthetic points of variance lambda * Sigma_{t-1}.
    walked = 1 / 50 + np.cumsum(np.where(t > 0, sampling_bias**t, 0)) / 50
    assert_mean_is(walked, np.square(means).mean(2), within=0.25)


def test_fully_synthetic_covariance_goes_to_zero_without_sampling_bias_too(models):
    _, variances = models("fully_synthetic", 3, n_initial=10, n_synthetic=10, generations=120)
    assert variances[:, 0] == pytest.approx(1, abs=0.3)
    assert variances[:, -1].max() < 1e-3


@pytest.mark.parametrize(
    ("n_real", "n_synthetic", "sampling_bias", "expected"), [(1000, 1000, 0.7, 0.7692), (100, 900, 0.8, 0.3571)]
)
def test_fresh_data_with_sampling_bias_settles_at_the_fixed_point_of_the_variance(
    models, n_real, n_synthetic, sampling_bias, expected
):
    _, variances = models(
        "fresh_data", 3, n_real=n_real, n_initial=n_real, n_synthetic=n_synthetic, sampling_bias=sampling_bias,
        generations=25,
    )  # fmt: skip
    assert expected == pytest.approx(1 / (1 + n_synthetic / n_real * (1 - sampling_bias)), abs=1e-4)
    assert variances[:, 15:].mean() == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize(
    ("n_real", "n_synthetic", "seeds", "generations", "expected"),
    [(100, 100, 10, 20, 1.5), pytest.param(1000, 10_000, 5, 8, 1.909, marks=pytest.mark.slow)],
)
def test_fresh_data_is_worth_more_real_points_for_the_mean(models, n_real, n_synthetic, seeds, generations, expected):
    # n_initial is the limit already, so that the loop has nothing to settle from.
    assert expected == pytest.approx((n_real + 2 * n_synthetic) / (n_real + n_synthetic), abs=1e-3)
    means, _ = models(
        "fresh_data", seeds, n_real=n_real, n_initial=round(expected * n_real), n_synthetic=n_synthetic,
        generations=generations,
    )  # fmt: skip
    n_effective = 1 / np.square(means[:, 2:]).mean((1, 2))
    assert n_effective.mean() / n_real == pytest.approx(expected, rel=0.08)


@pytest.mark.slow  # many points; baselines/test_golden_ratio.py has the weights
def test_golden_ratio_weighting_is_worth_the_golden_ratio_of_real_points(models):
    # He, Xu & Cheng 2025: 1.618 at n_real = n_synthetic, where the plain loop has 1.5. n_initial is the limit already.
    golden = (1 + 5**0.5) / 2
    found = {}
    for name, worth in (("golden_ratio", golden), ("none", 1.5)):
        means, _ = models(
            "fresh_data", 12, name, n_real=100, n_initial=round(100 * worth), n_synthetic=100, generations=30
        )
        found[name] = 1 / np.square(means[:, 3:]).mean((1, 2)) / 100
        error = found[name].std(ddof=1) / 12**0.5
        assert abs(found[name].mean() - worth) < 4 * error
        assert 4 * error < golden - 1.5
    assert found["golden_ratio"].mean() > found["none"].mean()


def run_cell(tmp_path: Path, capsys: pytest.CaptureFixture[str], runs: str = "runs") -> Path:
    arguments = "run --task gaussian --generator gaussian --loop fresh_data --sampling-bias 0.8 --generations 3 --json"
    assert main([*arguments.split(), "--device", "cpu", "--runs", str(tmp_path / runs)]) == 0
    [outcome] = json.loads(capsys.readouterr().out)
    return Path(outcome["record"])


def test_a_cell_has_the_wasserstein_distance_of_its_gaussians_and_no_strip(tmp_path, capsys, data):
    path = run_cell(tmp_path, capsys)
    record = read_record(path)
    assert record.data.pinned
    reference = data.reference.images[: record.score.n].double().numpy()
    for result in record.generations:
        folder = path.parent / f"generation-00{result.generation}"
        drawn = load_file(folder / "samples.safetensors")["images"][: record.score.n].double().numpy()
        a, b = np.cov(reference.T), np.cov(drawn.T)
        distance = np.square(reference.mean(0) - drawn.mean(0)).sum() + np.trace(a + b - 2 * sqrtm(a @ b).real)
        assert result.scores.fid == pytest.approx(distance, rel=1e-6)
        assert not (folder / "strip.safetensors").exists()
    assert not (path.parent / "strip.png").exists()
    assert main(["board", "--results", str(tmp_path / "runs"), "--out", str(tmp_path / "site")]) == 0
    assert list((tmp_path / "site" / "strips").iterdir()) == []


def test_a_cell_goes_on_where_it_was_with_the_same_record(tmp_path, capsys):
    path = run_cell(tmp_path, capsys)
    whole = comparable(path)
    path.unlink()
    (path.parent / "generation-003" / "generation.json").unlink()
    assert comparable(run_cell(tmp_path, capsys)) == whole
    assert comparable(run_cell(tmp_path, capsys, "others")) == whole
