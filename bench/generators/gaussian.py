"""The Gaussian: the one generator whose self-consuming loops have closed forms (Alemohammad et al. 2023)."""

from collections.abc import Mapping

import torch
from torch import Tensor

from bench.cells.data_shape import DataShape
from bench.cells.generator_settings import GaussianSettings
from bench.data.image_set import ImageSet
from bench.errors import RunFailed
from bench.generators.base import Checkpoint, Generator
from bench.generators.engine import Engine
from bench.generators.training import relative_weights
from bench.generators.watch import Watch
from bench.process.progress import Progress


class Gaussian(Generator):
    """N(mu, Sigma) with the mean and the unbiased covariance of the pool; samples come from N(mu, lambda Sigma).

    The maximum-likelihood covariance but for the factor n / (n - 1), without which Sigma would shrink from generation
    to generation even in expectation. All is computed in float64 on the CPU, whatever the device.
    """

    def __init__(self, settings: GaussianSettings, data: DataShape, engine: Engine) -> None:
        """Start from the standard normal distribution of points."""
        super().__init__(settings, data, engine)
        (d,) = data.image_shape
        self._use(torch.zeros(d, dtype=torch.float64), torch.eye(d, dtype=torch.float64))

    def fit(
        self,
        pool: ImageSet,
        *,
        seed: int,
        from_scratch: bool,
        checkpoint: Checkpoint,
        progress: Progress,
        weights: Tensor | None = None,
        budget: float = 1.0,
        learning_rate: float = 1.0,
        least_noise: Tensor | None = None,
        conditions: Tensor | None = None,
        watch: Watch | None = None,
    ) -> None:
        """Take mean and covariance of the pool; see `Generator.fit`. It needs no seed and no checkpoint."""
        self.check_understood(least_noise=least_noise, conditions=conditions)
        if watch is not None:
            raise RunFailed("a Gaussian is fitted in closed form: there is nothing to watch, give None")
        if not from_scratch:
            raise RunFailed("a Gaussian is fitted in closed form: there is nothing to finetune, choose scratch")
        if (budget, learning_rate) != (1, 1):
            raise RunFailed("a Gaussian is fitted in closed form: budget and learning_rate must be 1")
        if len(pool) < 2:
            raise RunFailed(f"a pool of {len(pool)} has no covariance: a Gaussian needs at least 2 points")
        n = len(pool)
        shares = torch.full((n,), 1 / n, dtype=torch.float64)
        if weights is not None:
            shares *= relative_weights(weights.double(), n)
        if shares.max() == 1:
            raise RunFailed("only one point of the pool has a weight: a Gaussian needs at least 2")
        points = pool.images.double()
        mean = shares @ points
        centred = points - mean
        # Unbiased: with equal shares the denominator is (n - 1) / n.
        self._use(mean, (shares[:, None] * centred).T @ centred / (1 - shares.square().sum()))
        self.work.images_trained += self.images_per_fit(n)

    def sample(
        self,
        labels: Tensor | None,
        seeds: list[int],
        sampling_bias: float,
        progress: Progress,
        steps: int | None = None,
        condition: int = 0,
    ) -> ImageSet:
        """Draw one point per seed; see `Generator.sample`."""
        self.check_understood(steps=steps, conditions=condition or None)
        noise = torch.empty(len(seeds), len(self._mean), dtype=torch.float64)
        random = torch.Generator()
        for row, seed in zip(noise, seeds, strict=True):
            row.normal_(generator=random.manual_seed(seed))
        # What another number of points changes in the last bits of a product is gone in float32.
        return ImageSet((self._mean + sampling_bias**0.5 * noise @ self._root).float(), labels)

    def images_per_fit(self, n: int) -> int:
        """Return n: every point counts once."""
        return n

    def evaluations_per_image(self, sampling_bias: float) -> int:
        """Return 0: there is no network."""
        return 0

    def state_dict(self) -> dict[str, Tensor]:
        """Return `mean`, float64 (d,), and `covariance`, float64 (d, d)."""
        return {"mean": self._mean.clone(), "covariance": self._covariance.clone()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Put mean and covariance in place."""
        self._use(state["mean"], state["covariance"])

    def _use(self, mean: Tensor, covariance: Tensor) -> None:
        self._mean, self._covariance = mean, covariance
        # The symmetric root, because it exists for every covariance and changes smoothly with it: the same latent
        # stays near the same point from generation to generation.
        values, vectors = torch.linalg.eigh(covariance)
        self._root = vectors * values.clamp(min=0).sqrt() @ vectors.T
