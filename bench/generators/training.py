"""What the training loops and samplers of the generators share."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim import Optimizer

from bench.errors import RunFailed
from bench.seeds import derive_generator

WARMUP_FRACTION = 0.05
DIVERGED = 1e4  # losses are of the order of one; the gradient penalty of a GAN starts with hundreds


@dataclass(frozen=True)
class Training:
    """What a fit changes.

    Attributes:
        weights: lists of weights by name; "average" is the moving average of those called `averaged`.
        averaged: a name in `weights`.
        optimizers: by the name of the weights that they train.
        steps: how many there are in all.
        learning_rate: of this fit.
    """

    weights: dict[str, list[Parameter]]
    averaged: str
    optimizers: dict[str, Optimizer]
    steps: int
    learning_rate: float


class EpochOrder:
    """Which images each step trains on: every image once an epoch, in an order that the seed and the epoch fix."""

    def __init__(self, n: int, seed: int) -> None:
        self._n = n
        self._seed = seed
        self._orders: dict[int, Tensor] = {}

    def batch(self, step: int, size: int) -> Tensor:
        """Return the indices, int64 (size,), of a step; a batch may reach over the end of one or more epochs."""
        first = step * size
        epochs = range(first // self._n, (first + size - 1) // self._n + 1)
        self._orders = {
            epoch: self._orders[epoch]
            if epoch in self._orders
            else torch.randperm(self._n, generator=derive_generator(self._seed, "order", epoch))
            for epoch in epochs
        }
        start = first - epochs[0] * self._n
        return torch.cat([self._orders[epoch] for epoch in epochs])[start : start + size]


def ema_decay(step: int, steps: int, halflife: float) -> float:
    """Return the decay of the weight average at a step; early on the half-life is short (Karras et al. 2022)."""
    return float(0.5 ** (1 / min(halflife * steps, 0.1 * step)))


def warmed_cosine(done: float) -> float:
    """Return the share of the full learning rate: a linear warm-up, then half a cosine down to zero at the end."""
    if done < WARMUP_FRACTION:
        return done / WARMUP_FRACTION
    return 0.5 * (1 + math.cos(math.pi * (done - WARMUP_FRACTION) / (1 - WARMUP_FRACTION)))


def check_losses(losses: Mapping[str, float], step: int, steps: int, learning_rate: float) -> None:
    """Raise RunFailed where a loss is not finite, or so large that training has diverged."""
    for name, loss in losses.items():
        if not math.isfinite(loss) or abs(loss) > DIVERGED:
            raise RunFailed(
                f"the {name} is {loss:.4g} after {step} of {steps} steps, training has diverged: lower learning_rate "
                f"({learning_rate}) in the task file"
            )


def check_weights(weights: Sequence[Tensor], steps: int, learning_rate: float) -> None:
    """Raise RunFailed where a weight is not finite; a last gradient that is not finite shows in no loss."""
    if not math.isfinite(torch.stack(torch._foreach_norm(list(weights))).sum().item()):
        raise RunFailed(
            f"weights are not finite after {steps} of {steps} steps, training has diverged: lower learning_rate "
            f"({learning_rate}) in the task file"
        )


def from_uint8(images: Tensor) -> Tensor:
    """Return uint8 images as float32 in [-1, 1]."""
    return images.float() / 127.5 - 1


def to_uint8(images: Tensor) -> Tensor:
    """Return images in [-1, 1] as uint8 on the CPU; what is outside is clipped."""
    return images.float().mul(127.5).add(127.5).round().clamp(0, 255).to(torch.uint8).cpu()


def normals(seeds: list[int], count: int) -> Tensor:
    """Return standard normal numbers, float32 (len(seeds), count); each row is a function of its seed alone."""
    return torch.stack([torch.randn(count, generator=torch.Generator().manual_seed(seed)) for seed in seeds])


def check_labels(labels: Tensor | None, n_classes: int | None, asked: str) -> None:
    """Raise RunFailed where labels, (n,), are not those of a task with so many classes.

    Args:
        labels: None where there are none.
        n_classes: None for none.
        asked: what was asked of the generator: "fit", "sample" or "loss".
    """
    if (labels is None) != (n_classes is None):
        if labels is None:
            raise RunFailed(f"{asked} was given no labels: choose from 0 to {(n_classes or 0) - 1}")
        raise RunFailed(f"{asked} was given labels: give none")
    if labels is None or n_classes is None or not len(labels):
        return
    if labels.min() < 0 or labels.max() >= n_classes:
        raise RunFailed(
            f"{asked} was given labels from {labels.min()} to {labels.max()}: choose from 0 to {n_classes - 1}"
        )


def check_per_image(values: Tensor, n: int, name: str, most: float = math.inf) -> Tensor:
    """Return what was said of each of n images; RunFailed where it is not (n,), or not from 0 to `most`."""
    if values.shape != (n,):
        raise RunFailed(f"{name} of a pool of {n} images must be ({n},), found {tuple(values.shape)}")
    if not bool(((values >= 0) & (values <= most)).all()):
        wanted = "the least is 0" if most == math.inf else f"choose from 0 to {most:g}"
        raise RunFailed(f"{name} is {values.min().item():.4g} to {values.max().item():.4g}: {wanted}")
    return values


def relative_weights(weights: Tensor, n: int) -> Tensor:
    """Return the weights of n images, (n,), scaled so that their mean is 1; RunFailed where they cannot be used."""
    if weights.shape != (n,) or not torch.isfinite(weights).all() or bool((weights < 0).any()) or not weights.any():
        raise RunFailed(
            f"the weights of a pool of {n} images must be ({n},), finite, at least 0 and not all 0, found "
            f"{tuple(weights.shape)} from {weights.min().item():.4g} to {weights.max().item():.4g}"
        )
    return weights / weights.mean()


def mean_loss(losses: Tensor, weights: Tensor | None) -> Tensor:
    """Return the mean of losses, (n, ...), in which each of the n images counts by its weight."""
    if weights is None:
        return losses.mean()
    return (losses.flatten(1).mean(1) if losses.ndim > 1 else losses).mul(weights).mean()


def snapshot(
    step: int, weights: Mapping[str, list[Parameter]], optimizers: Mapping[str, Optimizer], random: torch.Generator
) -> dict[str, Tensor]:
    """Return everything that the rest of a fit depends on.

    Args:
        step: how many steps are done.
        weights: lists of weights by name.
        optimizers: by the name of the weights that they train.
        random: the random generator of the fit.
    """
    state = {"step": torch.tensor(step), "random": random.get_state()}
    for name, members in weights.items():
        state |= {f"{name}.{i}": weight.detach() for i, weight in enumerate(members)}
    for name, optimizer in optimizers.items():
        for i, weight in enumerate(weights[name]):
            state |= {f"optimizer.{name}.{i}.{key}": value for key, value in optimizer.state[weight].items()}
    return state


def restore(
    saved: Mapping[str, Tensor],
    weights: Mapping[str, list[Parameter]],
    optimizers: Mapping[str, Optimizer],
    random: torch.Generator,
) -> int:
    """Put what `snapshot` returned in place and return the number of steps that are done."""
    with torch.no_grad():
        for name, members in weights.items():
            for i, weight in enumerate(members):
                weight.copy_(saved[f"{name}.{i}"])
    for name, optimizer in optimizers.items():
        moments = {
            i: {key: saved[f"optimizer.{name}.{i}.{key}"] for key in ("step", "exp_avg", "exp_avg_sq")}
            for i in range(len(weights[name]))
        }
        optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
    random.set_state(saved["random"].cpu())
    return int(saved["step"])
