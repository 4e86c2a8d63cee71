"""Verification: only synthetic images whose label a verifier agrees with enter the pool.

The verifier is a linear classifier (logistic regression, as the linear verifiers of the source's theory) on
standardised features, trained at generation 1 on the real images and their labels, and never again. Of
`oversample` x n candidates the first n are taken that the verifier gives the label they were drawn for; where fewer
agree, the rejected ones with the highest probability of their label fill up.

Feng, Dohmatob, Yang, Charton, Kempe 2024, "Beyond Model Collapse: Scaling Up with Synthesized Data Requires
Verification" (arXiv 2406.07515). The source verifies a fixed amount of synthesised data and trains on what is left,
in tasks that predict a label or a text; here candidates are drawn until, if possible, n are verified, so that the
amount of data stays that of the plain loop, and the label is the one that the generator was given.

Needs: labels. Costs: `oversample` times the sampling for the pool, and an embedding of every candidate. Loops: all.
"""

from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from bench import Context, Generator, ImageSet, LinearProbe, Method


class Verifier(Method):
    """Keep the synthetic images whose label a classifier of the first real images agrees with (Feng et al. 2024)."""

    uses = ("real statistics", "labels")
    needs_labels = True
    oversample: Annotated[int, Field(ge=1, description="candidates drawn for each image that enters the pool")] = 2
    _probe: LinearProbe | None = None

    def prepare(self, generator: Generator, ctx: Context) -> None:
        assert ctx.n_classes is not None
        assert ctx.real.labels is not None
        self._probe = LinearProbe.fit(ctx.embed(ctx.real), ctx.real.labels, ctx.n_classes)

    def synthesize(self, generator: Generator, n: int, ctx: Context) -> ImageSet:
        candidates = self.sample(generator, self.oversample * n, ctx)
        assert self._probe is not None
        assert candidates.labels is not None
        features = ctx.embed(candidates)
        agreed = self._probe.log_probabilities(features).argmax(1) == candidates.labels
        of_label = self._probe.log_probability(features, candidates.labels)
        # All that agree come first and in their order, then the others by their probability.
        rank = torch.where(agreed, torch.inf, of_label).argsort(descending=True, stable=True)
        return candidates[rank[:n].sort().values]

    def state_dict(self) -> dict[str, Tensor]:
        return {} if self._probe is None else self._probe.state_dict()

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self._probe = LinearProbe.from_state(state) if state else None
