"""Moment matching: from many candidates, the synthetic images whose mean and covariance are those of real images.

Of `candidates` x n candidates, n are chosen one after the other, each time the one that brings the mean of
phi(x) = (x, upper triangle of x x^T) over the chosen images closest to its mean over the real images of generation 1.
x is the image's embedding on the first `components` principal components of the real images, divided by the standard
deviation there, so the real mean is 0 and the real covariance I; with the off-diagonal entries times sqrt(2) the
squared distance is |mean|^2 + |second moment - I|^2 (Frobenius). The greedy choice is kernel herding (Chen, Welling,
Smola 2010, arXiv 1203.3472) without repetition, with the kernel <phi(x), phi(y)>.

The greedy choice on principal components is covariance matching by Rezaei, Kovacevic, Locatello, Mondelli 2026,
"High-dimensional Analysis of Synthetic Data Selection" (arXiv 2510.08123); Qiao et al. 2026, "When Sample Selection
Bias Precipitates Model Collapse" (arXiv 2606.13732), use it in a self-consuming loop, N images from 4 N, and
warn of a reference that covers the real distribution badly. The source matches the covariance alone, per class, in 32
components. Here the mean is matched too, all classes are chosen from together, and the components are whitened, so
that each counts the same, and fewer, so that the moments of a few hundred images can be matched. To cost n steps of
bounded size, the choice goes through the candidates in blocks of 4,096, from each its part of the n; up to 4,096
candidates it is the greedy choice from all.

Needs: nothing. Costs: `candidates` times the sampling for the pool, and an embedding of every candidate. Loops: all.
"""

from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from bench import BadInput, Context, Generator, ImageSet, Method, RunFailed, Setting

BLOCK = 4096  # candidates among which a choice is made


class MomentMatching(Method):
    """Choose, from 4 n candidates, n that have the mean and covariance of real images (Rezaei et al. 2026)."""

    uses = ("real statistics",)
    candidates: Annotated[int, Field(ge=1, description="candidates drawn for each image that enters the pool")] = 4
    components: Annotated[int, Field(ge=1, description="principal components whose moments are matched")] = 8
    _mean: Tensor | None = None  # float64, (d,): of the real images in the embedding
    _whitening: Tensor | None = None  # float64, (d, components)

    def check(self, setting: Setting) -> None:
        if setting.loop.n_initial < 2:
            raise BadInput("needs at least 2 real images in generation 1, found 1")

    def prepare(self, generator: Generator, ctx: Context) -> None:
        features = ctx.embed(ctx.real).double()
        self._mean = features.mean(0)
        centred = features - self._mean
        variances, directions = torch.linalg.eigh(centred.T @ centred / len(centred))
        # From the largest variance on; directions in which the real images do not vary have no moments to match.
        largest = variances.flip(0)[: self.components]
        largest = largest[largest > 1e-10 * variances[-1]]
        if not len(largest):
            raise RunFailed("moment matching needs real images that differ in the embedding, found all the same")
        self._whitening = (directions.flip(1)[:, : len(largest)] / largest.sqrt()).contiguous()

    def synthesize(self, generator: Generator, n: int, ctx: Context) -> ImageSet:
        drawn = self.sample(generator, self.candidates * n, ctx)
        assert self._mean is not None
        assert self._whitening is not None
        moments, target = _moments((ctx.embed(drawn).double() - self._mean) @ self._whitening)
        return drawn[_herd(moments, target, n)]

    def state_dict(self) -> dict[str, Tensor]:
        if self._mean is None or self._whitening is None:
            return {}
        return {"mean": self._mean, "whitening": self._whitening}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self._mean, self._whitening = state.get("mean"), state.get("whitening")


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return phi of the rows of x, (n, k + k (k + 1) / 2), and its mean where the mean is 0 and the covariance I."""
    row, column = torch.triu_indices(x.shape[1], x.shape[1])
    twice = torch.where(row == column, 1.0, 2**0.5).to(x.dtype)  # the Frobenius norm has those off the diagonal twice
    target = torch.cat([x.new_zeros(x.shape[1]), (row == column).to(x.dtype)])
    return torch.cat([x, x[:, row] * x[:, column] * twice], 1), target


def _herd(features: Tensor, target: Tensor, n: int) -> Tensor:
    """Return the sorted indices of n rows whose mean is near to the target, chosen greedily block by block."""
    chosen: list[int] = []
    total = torch.zeros_like(target)
    for start in range(0, len(features), BLOCK):
        block = features[start : start + BLOCK]
        squares = block.square().sum(1)
        # The part of n that is due after this block, so that all blocks give the same share of theirs.
        due = n * (start + len(block)) // len(features)
        while len(chosen) < due:
            # |(total + f) / m - target|^2 is smallest where |f|^2 - 2 <f, m target - total> is.
            missing = (len(chosen) + 1) * target - total
            index = int(torch.addmv(squares, block, missing, alpha=-2).argmin())
            chosen.append(start + index)
            total += block[index]
            squares[index] = torch.inf
    return torch.tensor(chosen).sort().values
