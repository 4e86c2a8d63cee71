"""Latent-space filtering (LSF): keep the synthetic images whose label a probe on the first model's latents believes.

A linear classifier is trained on the latents that the network of G^1 makes of the real images. In every generation
candidates are drawn for 1 / keep as many images as are needed; they are embedded by the same network of G^1, and the
share `keep` with the highest softmax probability of their own label enters the pools.

Source: Cai et al. 2025, "Stabilizing Self-Consuming Diffusion Models with Latent Space Filtering" (arXiv 2511.12742),
which filters a pool of accumulated images. Here candidates are drawn instead, so that the pool keeps its size. The
best are taken within each label, and a slot keeps its label: over all labels at once the filter would change the
frequencies of the classes, which the loop fixes. What is scored is the model's own sample, unfiltered.

Needs: labels, and a generator with features. Costs: 1 / keep times the sampling of the pool's images and an embedding
of each; the weights of G^1 and the probe as state. Loops: all.
"""

import math
from collections.abc import Mapping
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from bench import Context, Generator, ImageSet, LinearProbe, Method

PROBE = "probe."
NETWORK = "network."


class LatentFilter(Method):
    """Keep the images whose label a linear probe on G^1's latents is surest of (LSF, Cai et al. 2025)."""

    uses = ("real statistics", "labels")
    generators: ClassVar[tuple[str, ...]] = ("ddpm", "stylegan")
    needs_labels: ClassVar[bool] = True

    keep: Annotated[float, Field(gt=0, le=1, description="share of the candidates that is kept")] = 0.5

    def __init__(self) -> None:
        self._probe: LinearProbe | None = None
        self._network: dict[str, Tensor] = {}

    def prepare(self, generator: Generator, ctx: Context) -> None:
        assert ctx.n_classes is not None
        assert ctx.real.labels is not None
        self._network = generator.state_dict()
        latents = generator.features(ctx.real, ctx.progress)
        self._probe = LinearProbe.fit(latents, ctx.real.labels, ctx.n_classes)

    def synthesize(self, generator: Generator, n: int, ctx: Context) -> ImageSet:
        candidates = self.sample(generator, math.ceil(n / self.keep), ctx)
        assert candidates.labels is not None
        sureness = self._sureness(generator, candidates, ctx)
        slots = candidates.labels[:n]
        chosen = torch.empty(n, dtype=torch.int64)
        for label in slots.unique():
            own = (slots == label).nonzero()[:, 0]
            members = (candidates.labels == label).nonzero()[:, 0]
            # There are at least as many candidates of a label as slots: the slots' own images are among them.
            best = members[sureness[members].argsort(descending=True, stable=True)[: len(own)]]
            chosen[own] = best.sort().values
        return candidates[chosen]

    def _sureness(self, generator: Generator, images: ImageSet, ctx: Context) -> Tensor:
        """Return the probe's log-probability of each image's label, float64 (n,)."""
        assert self._probe is not None
        assert images.labels is not None
        own = generator.state_dict()
        generator.load_state_dict(self._network)
        latents = generator.features(images, ctx.progress)
        generator.load_state_dict(own)
        return self._probe.log_probability(latents, images.labels)

    def state_dict(self) -> dict[str, Tensor]:
        if self._probe is None:
            return {}
        parts = ((PROBE, self._probe.state_dict()), (NETWORK, self._network))
        return {prefix + name: value for prefix, part in parts for name, value in part.items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        probe, self._network = (
            {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
            for prefix in (PROBE, NETWORK)
        )
        self._probe = LinearProbe.from_state(probe) if probe else None
