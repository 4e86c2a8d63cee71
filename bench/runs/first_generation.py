"""Models of generation 1, which the loops and methods of a seed share: trained by whichever cell needs one first."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor

from bench import generators
from bench.cells.cell import GeneratorIdentity
from bench.data.image_set import ImageSet
from bench.errors import Damaged
from bench.files.atomic import make_folder, remove_unfinished
from bench.files.claim import Claim
from bench.files.hashing import canonical_sha256, code_sha256
from bench.files.sealed import write_sealed
from bench.files.set_aside import set_aside
from bench.files.tensors import read_hashed_tensors, write_hashed_tensors
from bench.generators.base import Generator
from bench.process.processes import Processes
from bench.process.progress import Progress
from bench.runs.checkpoints import SharedCheckpoint
from bench.runs.fit_checkpoint import FitCheckpoint
from bench.runs.meter import Meter
from bench.runs.stored import StoredModel, TrainingCost, validated


def first_generation(
    runs: Path,
    identity: GeneratorIdentity,
    generator: Generator,
    real: ImageSet,
    seed: int,
    processes: Processes,
    progress: Progress,
) -> TrainingCost:
    """Train G^1 plainly, or take it from the runs folder where another loop or method has trained it.

    Args:
        runs: the folder of all runs.
        identity: of the generator.
        generator: what becomes G^1.
        real: the n_initial real images.
        seed: of the fit.
        processes: those that train together.
        progress: where progress is shown.

    Returns:
        What the training has cost, whoever did it.
    """
    cache = FirstGenerationCache(runs, _key(identity, generator, real, seed), progress)
    with cache.claimed() if processes.is_main else nullcontext():
        if (cached := processes.from_main(cache.load)) is not None:
            weights, training = cached
            generator.load_state_dict(weights)
            progress.note("taken from the runs folder: another loop or method of this seed has trained it")
            return training
        checkpoint = SharedCheckpoint(cache.checkpoint(str(seed)), processes)
        with Meter(generator) as fit:
            generator.fit(real, seed=seed, from_scratch=True, checkpoint=checkpoint, progress=progress)
        training = TrainingCost(images=fit.images_trained, seconds=fit.seconds + checkpoint.earlier_seconds)
        processes.from_main(lambda: cache.save(generator.state_dict(), training))
        checkpoint.remove()
        return training


class FirstGenerationCache:
    """Models of generation 1, by the hash of everything that they are a function of."""

    def __init__(self, runs: Path, key: str, progress: Progress) -> None:
        self._folder = runs / "g1" / key
        self._progress = progress
        self._claim = Claim(self._folder)

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Be the one that looks for this model and trains it; others wait."""
        make_folder(self._folder)
        self._claim.wait(self._progress)
        try:
            remove_unfinished(self._folder)
            yield
        finally:
            self._claim.release()

    def load(self) -> tuple[dict[str, Tensor], TrainingCost] | None:
        """Return the weights and what their training cost, or None where the model has not been trained.

        A damaged model is set aside.
        """
        file, model = self._folder / "cost.json", self._folder / "model.safetensors"
        if not file.exists():
            return None
        try:
            stored = validated(StoredModel, file)
            return read_hashed_tensors(model, stored.model_sha256), stored.training
        except Damaged as error:
            set_aside([file, model], error, "generation 1 is trained again", self._progress)
            return None

    def checkpoint(self, key: str) -> FitCheckpoint:
        """Return the place for the unfinished fit of this model."""
        return FitCheckpoint(self._folder / "fit.safetensors", key, self._progress, self._claim.check)

    def save(self, weights: Mapping[str, Tensor], training: TrainingCost) -> None:
        """Keep a trained model."""
        self._claim.check()
        sha256 = write_hashed_tensors(self._folder / "model.safetensors", weights)
        stored = StoredModel(training=training, model_sha256=sha256)
        write_sealed(self._folder / "cost.json", stored.model_dump(mode="json"))


def _key(identity: GeneratorIdentity, generator: Generator, real: ImageSet, seed: int) -> str:
    """Return the hash of all that a trained G^1 is a function of, the code of the generators included."""
    return canonical_sha256(
        {
            "generator": identity.model_dump(mode="json"),  # of one from a file with its parameters and its hash
            "settings": generator.settings.model_dump(mode="json"),
            "pool": real.sha256,
            "seed": seed,
            "code": code_sha256(generators),
            "device": generator.device.type,
            "torch": torch.__version__,
            "diffusers": version("diffusers"),
        }
    )
