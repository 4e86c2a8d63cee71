"""What a fit is asked for, and what tells one fit from another."""

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.data.image_set import ImageSet
from bench.errors import RunFailed
from bench.files.hashing import canonical_sha256
from bench.generators.batch import Batch
from bench.generators.training import check_labels, check_per_image, relative_weights
from bench.generators.watch import Watch


@dataclass(frozen=True)
class FitPlan:
    """What a fit is asked for, besides the pool; see `Generator.fit`."""

    seed: int
    from_scratch: bool
    weights: Tensor | None
    budget: float
    learning_rate: float
    least_noise: Tensor | None
    conditions: Tensor | None
    watch: Watch | None

    @property
    def n_conditions(self) -> int:
        """How many conditions there must be room for."""
        return 1 if self.conditions is None else int(self.conditions.max()) + 1

    def of_pool(self, pool: ImageSet, n_classes: int | None) -> Batch:
        """Return the whole pool, its images still uint8, with what the fit is told of them.

        Raises:
            RunFailed: what it is told cannot be said of these images.
        """
        n = len(pool)
        check_labels(pool.labels, n_classes, "fit")
        weights, least_noise, conditions = self.weights, self.least_noise, self.conditions
        if weights is not None:
            weights = relative_weights(weights, n)
        if least_noise is not None:
            least_noise = check_per_image(least_noise, n, "least_noise", most=1).float()
            if bool((least_noise == 1).all()):
                raise RunFailed("least_noise is 1 for all images, which trains on nothing: give less for some")
        if conditions is not None:
            if conditions.dtype != torch.int64:
                raise RunFailed(f"conditions must be torch.int64, found {conditions.dtype}")
            check_per_image(conditions, n, "conditions")
        return Batch(pool.images, pool.labels, weights, least_noise, conditions)

    def identity(self, pool: ImageSet) -> Tensor:
        """Return what tells this fit of a generator from another, uint8 (32,)."""
        said = {
            name: hashlib.sha256(value.numpy().tobytes()).hexdigest() if isinstance(value, Tensor) else value
            for name, value in vars(self).items()
        }
        # What a watch measures and decides is code, which the file of the method stands for.
        watched = None if self.watch is None else [self.watch.times, self.watch.keep_best]
        digest = canonical_sha256(said | {"watch": watched, "pool": pool.sha256})
        return torch.frombuffer(bytearray.fromhex(digest), dtype=torch.uint8)
