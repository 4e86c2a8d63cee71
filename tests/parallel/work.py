"""What the processes do in the tests: the same calls are made in one process, to compare."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import models
import torch
from builders import QUIET, Killed, KilledCheckpoint, MemoryCheckpoint, make_images
from torch import Tensor

from bench.errors import BadInput, Damaged, RunFailed
from bench.features.base import ClassifyingSpace
from bench.features.cache import FeatureCache
from bench.generators.engine import Engine
from bench.generators.network import NetworkGenerator
from bench.generators.noise import NoiseLevel
from bench.process import processes as processes_module
from bench.process.processes import FailedApart, Processes
from bench.scoring.scorer import Reference, Scorer

WEIGHTS = torch.rand(24, generator=torch.Generator().manual_seed(0))
CONDITIONS = torch.arange(24) % 3
STATE_FILE = "state.safetensors"


class PixelSpace(ClassifyingSpace):
    """Pixels, weighted, with the class of the brightest of the first ten."""

    n_classes = 10

    def __init__(self) -> None:
        super().__init__("pixels", "0" * 64, "none", "cpu", batch_size=16)
        self.matrix = torch.randn(64, 20, generator=torch.Generator().manual_seed(0))

    def embed(self, batch: Tensor) -> Tensor:
        return batch.float().flatten(1) @ self.matrix / 255

    def classify(self, features: Tensor) -> Tensor:
        return features[:, :10].argmax(1)


def fits(engine: Engine) -> dict[str, NetworkGenerator]:
    """Fitted models: with weights, flips and augmentation, R1 at every second step, and a batch of uneven shares."""
    ddpm, stylegan = models.ddpm, models.stylegan
    return {
        "ddpm": models.fit(ddpm(engine=engine, flips=True), weights=WEIGHTS),
        "ddpm-told": models.fit(
            ddpm(engine=engine, batch_size=15, images=150),
            weights=WEIGHTS,
            least_noise=WEIGHTS.flip(0) / 2,
            conditions=CONDITIONS,
        ),
        "ddpm-uneven": models.fit(ddpm(engine=engine, batch_size=15, images=150)),
        "stylegan": models.fit(stylegan(engine=engine, flips=True, stddev_group=4), weights=WEIGHTS),
        "stylegan-augment": models.fit(
            stylegan(engine=engine, augment=["color", "translation", "cutout"], stddev_group=2)
        ),
    }


def towards_the_label(noisy: Tensor, level: NoiseLevel, labels: Tensor | None) -> Tensor:
    """A correction with a gradient, of each image by its label."""
    assert labels is not None
    noisy.requires_grad_()
    energy = (noisy.mean((1, 2, 3)) - labels / 10).square().sum()
    return -torch.autograd.grad(energy, noisy)[0]


def drawn(model: NetworkGenerator) -> dict[str, Tensor]:
    """Everything that a model gives in batches; more batches than processes, the last one smaller."""
    found = {f"samples {bias}": models.sample(model, bias=bias) for bias in (1.0, 0.5)}
    found["features"] = model.features(models.POOL[:10], QUIET)
    if "loss" in vars(type(model)):
        found["losses"] = model.loss(models.POOL[:10], 0, QUIET)
    if "class_embedding.conditions" in model.state_dict():
        labels, seeds = models.LABELS, models.SEEDS
        found["conditions"] = model.sample(labels, seeds, 1.0, QUIET, steps=2, condition=2).images
        found["corrected"] = model.sample_guided(labels, seeds, [0.0] * 3, QUIET, correct=towards_the_label).images
    if hasattr(model, "_discriminator"):
        found["logits"] = model.judge(models.POOL[:10], QUIET)
    return found


def scores(processes: Processes, cache: Path) -> dict[str, Any]:
    """Scores of images, and the floor, with a cache that nobody has filled yet."""
    space = PixelSpace()
    space.processes = processes
    reference = Reference.prepare(space, make_images(50, seed=1), 5, FeatureCache(cache))
    scorer = Scorer(reference, make_images(60, seed=2), FeatureCache(cache))
    conditions = scorer.conditions(make_images(50, seed=3))
    return {
        "features": space(make_images(41).images),
        "scores": scorer.score(make_images(41)).model_dump(),
        "floor": conditions.floor.model_dump(),
    }


def work(processes: Processes, folder: Path) -> dict[str, Any]:
    """Everything that needs several processes, but no command line."""
    engine = Engine(torch.device("cpu"), processes=processes)
    given = torch.load(folder / "given")
    found: dict[str, Any] = {"rank": processes.rank, "count": processes.count, "device": str(processes.device)}

    # Training; samples of given weights.
    fitted = fits(engine)
    found["weights"] = {name: model.state_dict() for name, model in fitted.items()}
    for name, model in fitted.items():
        model.load_state_dict(given["weights"][name])
    found["drawn"] = {name: drawn(model) for name, model in fitted.items()}
    found["work"] = {name: vars(model.work) for name, model in fitted.items()}
    found |= scores(processes, folder / "cache")

    # A fit that was begun here, and one that was begun by one process.
    checkpoint = KilledCheckpoint(2)
    try:
        models.fit(models.stylegan(engine=engine), checkpoint=checkpoint)
    except Killed:
        found["state"] = checkpoint.state
    resumed = MemoryCheckpoint()
    resumed.state = given["state"]
    found["resumed"] = models.fit(models.stylegan(engine=engine), checkpoint=resumed).state_dict()

    # What the main process does alone, and what only one does.
    calls: list[int] = []
    found["from main"] = processes.from_main(lambda: calls.append(processes.rank) or [processes.rank, "told"])
    found["on main"] = processes.on_main(lambda: "its own")
    found["calls"] = len(calls)
    found["everyones"] = processes.everyones(processes.rank * 10)
    found["gathered"] = processes.gathered(lambda: None if processes.is_main else torch.arange(6).view(3, 2))
    damaged = Damaged(Path("some") / "file", "cut short")
    found["error on main"] = error_of(lambda: processes.from_main(lambda: raised(damaged)))
    found["bug on main"] = error_of(lambda: processes.from_main(lambda: raised(KeyError("k"))))
    found["error of the second"] = error_of(
        lambda: processes.gathered(lambda: torch.zeros(1) if processes.is_main else raised(BadInput("too large")))
    )
    found["same"] = error_of(lambda: processes.check_same("the pool", lambda: "a"))
    found["not the same"] = error_of(lambda: processes.check_same("the pool", lambda: str(processes.rank)))
    found["other pools"] = error_of(
        lambda: models.fit(models.ddpm(engine=engine), pool=make_images(24, seed=processes.rank))
    )
    diverged = models.ddpm(engine=engine, learning_rate=1e30)
    found["diverged"] = error_of(lambda: models.fit(diverged))

    # A failure that all have met, and at last one that leaves the others behind.
    failure = RunFailed("all alike")
    found["failed together"] = error_of(lambda: processes.together(lambda: raised(failure)))
    processes_module.FAILURE_TIMEOUT /= 30
    found["failed apart"] = error_of(
        lambda: processes.together(lambda: raised(failure) if processes.rank else "fine"), FailedApart
    )
    return found


def raised(error: Exception) -> Any:
    raise error


def error_of(call: Callable[[], Any], kind: type[Exception] = Exception) -> str | None:
    """What a call raises, its type and its text; None where it returns."""
    try:
        call()
    except kind as error:
        return f"{type(error).__name__}: {error} {vars(error) or ''}".strip()
    return None
