"""The metrics on several processes, each of which has a part of the features."""

import json
from pathlib import Path

import pytest
import torch
import torch.distributed
from forked import ranks
from scipy.spatial.distance import cityblock
from sklearn.metrics import accuracy_score
from torch import Tensor

from bench.metrics.frechet import FrechetDistance, GaussianMoments, frechet_distance
from bench.metrics.kernel import KernelDistance, KernelSet, kernel_distance
from bench.metrics.labels import ClassImbalance, LabelAgreement
from bench.metrics.manifold import PRDC, Manifold, manifold_scores
from bench.metrics.memorisation import Memorisation, memorisation_scores

N_PROCESSES = 2
REAL, FAKE, TRAINING = (
    torch.randn(n, 6, generator=torch.Generator().manual_seed(n)) * scale for n, scale in ((90, 1), (70, 0.8), (80, 1))
)
LABELS, PREDICTED = (torch.randint(4, (len(FAKE),), generator=torch.Generator().manual_seed(i)) for i in range(2))
# Which of FAKE come in which batches of each process: neither as many nor as large.
BATCHES = [[range(0, 20), range(20, 45)], [range(45, 70)]]


def compute(rank: int, folder: Path) -> None:
    """Compute every metric of this process's batches together with the other processes, and write them to a file."""
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder / 'store'}", rank=rank, world_size=N_PROCESSES
    )
    training = Manifold.of(TRAINING, 1)
    of_features = {
        "frechet": FrechetDistance(GaussianMoments.of(REAL)),
        "kernel": KernelDistance(KernelSet.of(REAL)),
        "manifold": PRDC(Manifold.of(REAL, 3)),
        "memorisation": Memorisation(training, memorisation_scores(training, REAL)),
    }
    agreement, imbalance = LabelAgreement(), ClassImbalance(torch.tensor([1, 2, 3, 4]))
    for batch in map(list, BATCHES[rank]):
        for metric in of_features.values():
            metric.update(FAKE[batch])
        agreement.update(PREDICTED[batch], LABELS[batch])
        imbalance.update(PREDICTED[batch])
    found = {name: metric.compute() for name, metric in of_features.items()}
    found |= {"agreement": agreement.compute(), "imbalance": imbalance.compute()}
    (folder / f"{rank}.json").write_text(json.dumps(found, default=Tensor.tolist))
    torch.distributed.destroy_process_group()


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """What each process found."""
    folder = tmp_path_factory.mktemp("processes")
    ranks(compute, N_PROCESSES, folder)
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(N_PROCESSES)]


def test_all_processes_find_the_same(found: list[dict]):
    assert found[0] == found[1]


def test_frechet_distance_is_that_of_all_features(found: list[dict]):
    expected = frechet_distance(GaussianMoments.of(REAL), GaussianMoments.of(FAKE))
    assert found[0]["frechet"] == pytest.approx(expected, rel=1e-9)


def test_kernel_distance_and_its_error_are_those_of_all_features(found: list[dict]):
    expected = kernel_distance(KernelSet.of(REAL), KernelSet.of(FAKE))
    assert tuple(found[0]["kernel"]) == pytest.approx(expected, rel=1e-6)


def test_precision_recall_density_and_coverage_are_those_of_all_features(found: list[dict]):
    assert found[0]["manifold"] == vars(manifold_scores(Manifold.of(REAL, 3), Manifold.of(FAKE, 3)))


def test_memorisation_is_that_of_all_features(found: list[dict]):
    training = Manifold.of(TRAINING, 1)
    fake, real = memorisation_scores(training, FAKE), memorisation_scores(training, REAL)
    assert found[0]["memorisation"] == {
        "authpct": fake.authpct,
        "training_distance_ratio": fake.median_distance / real.median_distance,
    }


def test_label_agreement_and_class_imbalance_are_those_of_all_images(found: list[dict]):
    shares = PREDICTED.bincount(minlength=4).double().numpy() / len(PREDICTED)
    assert found[0]["agreement"] == accuracy_score(LABELS, PREDICTED)
    assert found[0]["imbalance"] == pytest.approx(cityblock(shares, [0.1, 0.2, 0.3, 0.4]) / 2, rel=1e-6)
