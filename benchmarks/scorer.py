"""The scorer beside its peers: metrics of the same features, and features of the same images.

    python benchmarks/scorer.py --json scorer.json

Metrics: what a further generation costs in a loop, n generated features against a reference that was prepared before
(this package: moments, radii, kernel sums; torch-fidelity and torchmetrics: moments; what a peer cannot prepare, it
computes again). Features: the same image files through each tool's own Inception pipeline, decoding and resize
included; the weights are random, which changes no time. Every measurement has a process of its own, the candidates
take turns, and the medians over the rounds are printed. Memory is the growth of the process's peak above what it had
with the features, or the network, loaded.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import resource
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

THREADS = 2
BATCHES = {"cpu": 32, "cuda": 64}  # of the peers' pipelines
K = 5
Scores = dict[str, float]
Score = Callable[[], Scores]


def ours(real, fake) -> Score:
    from bench.metrics.frechet import GaussianMoments, frechet_distance
    from bench.metrics.manifold import Manifold, manifold_scores

    manifold, moments = Manifold.of(real, K), GaussianMoments.of(real)
    frechet_distance(moments, moments)  # prepares the factor of the reference

    def score() -> Scores:
        fid = frechet_distance(moments, GaussianMoments.of(fake))
        return {"fid": fid} | vars(manifold_scores(manifold, Manifold.of(fake, K)))

    return score


def our_kid(real, fake) -> Score:
    from bench.metrics.kernel import KernelSet, kernel_distance

    prepared = KernelSet.of(real)
    return lambda: {"kid": kernel_distance(prepared, KernelSet.of(fake))[0]}


def our_authpct(real, fake) -> Score:
    from bench.metrics.manifold import Manifold
    from bench.metrics.memorisation import memorisation_scores

    prepared = Manifold.of(real, 1)
    return lambda: {"authpct": memorisation_scores(prepared, fake).authpct}


def torch_fidelity_fid(real, fake) -> Score:
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    prepared = fid_features_to_statistics(real)

    def score() -> Scores:
        found = fid_statistics_to_metric(prepared, fid_features_to_statistics(fake), verbose=False)
        return {"fid": found["frechet_inception_distance"]}

    return score


def torch_fidelity_precision_recall(real, fake) -> Score:
    from torch_fidelity.metric_prc import calculate_precision_recall_full

    return lambda: dict(zip(("precision", "recall"), calculate_precision_recall_full(fake, real, K), strict=True))


def torch_fidelity_kid(real, fake) -> Score:
    from torch_fidelity.metric_kid import kid_features_to_metric

    options = {"kid_subset_size": min(1000, len(fake)), "verbose": False}
    return lambda: {"kid": kid_features_to_metric(fake, real, **options)["kernel_inception_distance_mean"]}


def torchmetrics_fid(real, fake) -> Score:
    import torch
    from torchmetrics.image.fid import FrechetInceptionDistance

    network = torch.nn.Identity()
    network.num_features = real.shape[1]
    metric = FrechetInceptionDistance(feature=network)
    metric.update(real, real=True)

    def score() -> Scores:
        metric.update(fake, real=False)
        return {"fid": float(metric.compute())}

    return score


def prdc(real, fake) -> Score:
    from prdc import compute_prdc

    def score() -> Scores:
        with contextlib.redirect_stdout(None):
            found = compute_prdc(real.numpy(), fake.numpy(), K)
        return {name: float(value) for name, value in found.items()}

    return score


METRICS = {
    "autophagy-bench FID, precision, recall, density, coverage": ours,
    "torch-fidelity FID": torch_fidelity_fid,
    "torchmetrics FID": torchmetrics_fid,
    "prdc precision, recall, density, coverage": prdc,
    "torch-fidelity precision, recall": torch_fidelity_precision_recall,
    "autophagy-bench KID, all pairs": our_kid,
    "torch-fidelity KID, 100 subsets of 1,000": torch_fidelity_kid,
    "autophagy-bench AuthPct": our_authpct,
}


def measure_metrics(candidate: str, n: int, dim: int, result: Connection) -> None:
    """Send the seconds, the memory in MiB and the scores of one candidate."""
    import torch

    torch.set_num_threads(THREADS)
    random = torch.Generator().manual_seed(0)
    real = torch.randn(n, dim, generator=random).relu()
    fake = (torch.randn(n, dim, generator=random) + 0.02).relu()
    METRICS[candidate](real[:100, :8], fake[:100, :8])  # imports are not the memory that is meant
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    score = METRICS[candidate](real, fake)
    started = time.perf_counter()
    scores = score()
    seconds = time.perf_counter() - started
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    result.send((seconds, memory, scores))


def our_space(weights: Path, device):
    """Return our Inception space with weights of their own."""
    from bench.features.inception import load_inception
    from bench.features.weights import WeightsFile
    from bench.files.hashing import file_sha256
    from bench.process.progress import Progress

    published = WeightsFile("inception", weights.resolve().as_uri(), file_sha256(weights))
    return load_inception(device, weights, Progress(visible=False), published)


def our_features(weights: Path, device: str = "cpu") -> Callable[[Path], object]:
    from bench.data.read import read_images

    space = our_space(weights, device)
    return lambda folder: space(read_images(folder).images)


def clean_fid_features(weights: Path, device: str = "cpu") -> Callable[[Path], object]:
    import torch
    from cleanfid.fid import get_folder_features
    from cleanfid.inception_torchscript import InceptionV3W

    network = InceptionV3W(str(weights.parent), download=False).to(device)
    workers = 0 if device == "cpu" else 12  # its own number
    return lambda folder: get_folder_features(
        str(folder), network, num_workers=workers, batch_size=BATCHES[device], device=torch.device(device),
        verbose=False,
    )  # fmt: skip


def torch_fidelity_features(weights: Path, device: str = "cpu") -> Callable[[Path], object]:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    from torch_fidelity.utils import create_feature_extractor, extract_featuresdict_from_input_id

    # Its published weights have to be downloaded; what the network was initialised with does for a timing.
    FeatureExtractorInceptionV3.load_state_dict = lambda self, state: None
    options = {"feature_extractor_weights_path": str(weights), "cuda": device == "cuda", "verbose": False}
    options["batch_size"] = BATCHES[device]
    network = create_feature_extractor("inception-v3-compat", ["2048"], **options)
    return lambda folder: extract_featuresdict_from_input_id(1, network, input1=str(folder), **options)


FEATURES = {
    "autophagy-bench inception": our_features,
    "clean-fid": clean_fid_features,
    "torch-fidelity": torch_fidelity_features,
}


def measure_features(candidate: str, weights: Path, folder: Path, n: int, result: Connection) -> None:
    """Send the images per second and the memory in MiB of one candidate; a first pass over them warms it up."""
    import torch

    warnings.simplefilter("ignore")
    torch.set_num_threads(THREADS)
    extract = FEATURES[candidate](weights)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    extract(folder)
    started = time.perf_counter()
    extract(folder)
    seconds = time.perf_counter() - started
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    result.send((n / seconds, memory, {}))


def write_random_inception(path: Path) -> None:
    """Write Inception-v3 with random weights as the TorchScript archive that clean-fid reads."""
    import torch
    from torchvision.models import inception_v3

    class Base(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            network = inception_v3(weights=None, init_weights=False, aux_logits=False, transform_input=False).eval()
            network.fc = network.dropout = torch.nn.Identity()
            self.layers = torch.jit.trace(network, torch.zeros(1, 3, 299, 299))

        def forward(self, images, return_features: bool = False):
            return self.layers(images)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(Base().eval()).save(path)


def write_images(folder: Path, n: int, size: int) -> None:
    """Write n random colour images as PNG files."""
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(0)
    folder.mkdir()
    for i in range(n):
        Image.fromarray(random.integers(0, 256, (size, size, 3), dtype=np.uint8)).save(folder / f"{i:05d}.png")


def take_turns(candidates: dict, rounds: int, measure: Callable, *arguments: object) -> dict[str, dict]:
    """Measure the candidates in turn, each time in a new process, and return the medians."""
    context = multiprocessing.get_context("spawn")
    found: dict[str, list] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, results in found.items():
            receiver, sender = context.Pipe(duplex=False)
            process = context.Process(target=measure, args=(name, *arguments, sender))
            process.start()
            sender.close()
            results.append(receiver.recv())
            process.join()
    return {
        name: {
            "value": statistics.median(value for value, _, _ in results),
            "memory_mib": statistics.median(memory for _, memory, _ in results),
            "scores": results[0][2],
        }
        for name, results in found.items()
    }


def main() -> None:
    """Measure, print tables, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=10_000, help="features of each set [10000]")
    parser.add_argument("--dim", type=int, default=2048, help="their dimensions [2048]")
    parser.add_argument("--images", type=int, default=64, help="images through each pipeline [64]")
    parser.add_argument("--size", type=int, default=32, help="their height and width [32]")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(THREADS)

    print(f"{THREADS} threads, medians of {arguments.rounds} rounds")
    print(f"\nscores of {arguments.n:,} features against {arguments.n:,}, {arguments.dim:,} dimensions")
    metrics = take_turns(METRICS, arguments.rounds, measure_metrics, arguments.n, arguments.dim)
    for name, row in metrics.items():
        scores = "  ".join(f"{key} {value:.6g}" for key, value in row["scores"].items())
        print(f"{name:58} {row['value']:6.1f} s  +{row['memory_mib']:5.0f} MiB  {scores}")
    own, peers = (
        [metrics[name]["value"] for name in names]
        for names in (list(METRICS)[:1], ("torch-fidelity FID", "prdc precision, recall, density, coverage"))
    )
    print(f"ours takes {sum(own) / sum(peers):.0%} of the time of torch-fidelity's FID and prdc")

    print(f"\nInception features of {arguments.images} images, {arguments.size}x{arguments.size}")
    with tempfile.TemporaryDirectory() as folder:
        weights, images = Path(folder) / "inception-2015-12-05.pt", Path(folder) / "images"
        write_random_inception(weights)
        write_images(images, arguments.images, arguments.size)
        features = take_turns(FEATURES, arguments.rounds, measure_features, weights, images, arguments.images)
    for name, row in features.items():
        print(f"{name:58} {row['value']:6.1f} images/s  +{row['memory_mib']:5.0f} MiB")

    if arguments.json:
        content = {
            "conditions": {name: value for name, value in vars(arguments).items() if name != "json"}
            | {"threads": THREADS},
            "metrics": {name: row | {"seconds": row.pop("value")} for name, row in metrics.items()},
            "features": {name: row | {"images_per_second": row.pop("value")} for name, row in features.items()},
        }
        arguments.json.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
