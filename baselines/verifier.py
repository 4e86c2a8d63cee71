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
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from bench.data.image_set import ImageSet
from bench.errors import RunFailed
from bench.generators.base import Generator
from bench.method import Context, Method


class Verifier(Method):
    """Keep the synthetic images whose label a classifier of the first real images agrees with (Feng et al. 2024)."""

    needs_labels = True
    oversample: Annotated[int, Field(ge=1, description="candidates drawn for each image that enters the pool")] = 2
    _weight: Tensor | None = None  # float64, (n_classes, d)
    _bias: Tensor | None = None  # float64, (n_classes,), minus infinity for a class without a real image

    def prepare(self, generator: Generator, ctx: Context) -> None:
        assert ctx.n_classes is not None
        assert ctx.real.labels is not None
        features = ctx.embed(ctx.real).double()
        mean, deviation = features.mean(0), features.std(0, correction=0)
        deviation[deviation == 0] = 1  # a constant feature, such as a pixel that is always black
        if len(ctx.real.labels.unique()) < 2:
            raise RunFailed("the verifier needs real images of at least 2 classes, found 1")
        fitted = LogisticRegression(max_iter=1000).fit((features - mean) / deviation, ctx.real.labels)
        weight, bias = torch.from_numpy(fitted.coef_), torch.from_numpy(fitted.intercept_)
        if len(fitted.classes_) == 2:  # one row, the log-odds of the second class
            weight, bias = torch.cat([0 * weight, weight]), torch.cat([0 * bias, bias])
        # The standardisation is folded into the coefficients.
        weight = weight / deviation
        known = torch.from_numpy(fitted.classes_)
        self._weight = weight.new_zeros(ctx.n_classes, weight.shape[1])
        self._weight[known] = weight
        self._bias = bias.new_full((ctx.n_classes,), -torch.inf)
        self._bias[known] = bias - weight @ mean

    def synthesize(self, generator: Generator, n: int, ctx: Context) -> ImageSet:
        candidates = self.sample(generator, self.oversample * n, ctx)
        assert self._weight is not None
        assert self._bias is not None
        assert candidates.labels is not None
        log_probability = (ctx.embed(candidates).double() @ self._weight.T + self._bias).log_softmax(1)
        agreed = log_probability.argmax(1) == candidates.labels
        of_label = log_probability.gather(1, candidates.labels.view(-1, 1)).flatten()
        # All that agree come first and in their order, then the others by their probability.
        rank = torch.where(agreed, torch.inf, of_label).argsort(descending=True, stable=True)
        return candidates[rank[:n].sort().values]

    def state_dict(self) -> dict[str, Tensor]:
        return {} if self._weight is None or self._bias is None else {"weight": self._weight, "bias": self._bias}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self._weight, self._bias = state.get("weight"), state.get("bias")
