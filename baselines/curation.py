"""Curation: of K candidates for each image of the pool one is kept, with probability softmax(reward / temperature).

This is the Bradley-Terry (Plackett-Luce) choice of a person who is shown K images; its fixed point has the highest
reward, and what the reward neglects is lost. The K candidates of a slot share its label: they are K rounds of samples
with the same labels and other seeds, so that the frequencies of the labels cannot drift, but the classes themselves
can: the most typical images of each are kept.

Source: Ferbach et al. 2024, "Self-Consuming Generative Models with Curated Data Provably Optimize Human Preferences"
(arXiv 2407.09499), whose rewards on CIFAR-10 come from a classifier. Without people to ask, the reward here is the
log-probability of the image's label under a logistic regression on the embedding of the tier, trained on the real
images of generation 1; with a temperature of 1 a candidate is kept in proportion to its probability. What is scored
is the model's own sample, uncurated.

Needs: labels. Costs: K times the sampling of the pool's images; a linear classifier as state. Loops: all.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from bench import Context, Generator, ImageSet, LinearProbe, Method, concatenate


class Curation(Method):
    """Keep one of K candidates with probability softmax(reward), a stand-in for people's choice (Ferbach et al.)."""

    uses = ("real statistics", "labels")
    needs_labels: ClassVar[bool] = True

    candidates: Annotated[int, Field(ge=1, description="K, images that one is chosen from")] = 4
    temperature: Annotated[float, Field(gt=0, description="of the choice; small values keep the best")] = 1.0

    def __init__(self) -> None:
        self._probe: LinearProbe | None = None

    def prepare(self, generator: Generator, ctx: Context) -> None:
        assert ctx.n_classes is not None
        assert ctx.real.labels is not None
        self._probe = LinearProbe.fit(ctx.embed(ctx.real), ctx.real.labels, ctx.n_classes)

    def synthesize(self, generator: Generator, n: int, ctx: Context) -> ImageSet:
        seeds, labels = ctx.seeds(self.candidates * n), ctx.labels(n)
        rounds = [
            generator.sample(labels, seeds[r * n : (r + 1) * n], ctx.loop.sampling_bias, ctx.progress)
            for r in range(self.candidates)
        ]
        rewards = torch.stack([self._rewards(images, ctx) for images in rounds], dim=1)
        chances = (rewards / self.temperature).softmax(1)
        chosen = torch.multinomial(chances, 1, generator=ctx.random)[:, 0]
        return concatenate(rounds)[chosen * n + torch.arange(n)]

    def _rewards(self, images: ImageSet, ctx: Context) -> Tensor:
        """Return the log-probability of each image's label, float64 (n,)."""
        assert self._probe is not None
        assert images.labels is not None
        return self._probe.log_probability(ctx.embed(images), images.labels)

    def state_dict(self) -> dict[str, Tensor]:
        return {} if self._probe is None else self._probe.state_dict()

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self._probe = LinearProbe.from_state(state) if state else None
