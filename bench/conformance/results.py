"""What goes into a hook and what comes out of it: how it is known again, and whether the loop can use it."""

from typing import Any

import torch
from torch import Tensor

from bench.conformance.fingerprint import fingerprint
from bench.data.image_set import ImageSet
from bench.errors import RunFailed
from bench.generators.base import Generator
from bench.methods.method import Context, Method
from bench.methods.pool import Pool


def inputs(arguments: tuple[Any, ...]) -> dict[str, str]:
    """Return the fingerprints of all that a hook is given and may not change."""
    values: dict[str, str] = {}
    pools = [argument for argument in arguments if isinstance(argument, Pool)]
    for pool in pools:
        values |= _pool_parts("pool", pool)
    for argument in arguments:
        if isinstance(argument, Context) and not any(argument._pool is pool for pool in pools):
            values |= _pool_parts("ctx.pool", argument._pool)  # which is no read of the method's
    return values


def _pool_parts(name: str, pool: Pool) -> dict[str, str]:
    parts = {"images": pool.data.images, "labels": pool.data.labels, "origin": pool.origin, "weights": pool.weights}
    return {f"{part} of {name}": fingerprint(value) for part, value in parts.items()}


def outcome(method: Method, hook: str, result: Any, arguments: tuple[Any, ...]) -> str:
    """Return the fingerprint of what a hook gave: its result, the trained generator, or what the method learned."""
    if hook in ("fit", "refine"):
        generator: Generator = arguments[0]
        return fingerprint(generator.state_dict())
    return fingerprint(vars(method)) if hook == "prepare" else fingerprint(result)


def check_result(call: str, result: Any, ctx: Context | None) -> None:
    """Raise RunFailed where a hook gave what the loop cannot use, and would not say in words of the method."""
    match result:
        case Pool() if ctx is not None:
            _check_images(call, result.data, ctx.n_classes)
            weights, n = result.weights, len(result)
            if result.origin.dtype != torch.int64:
                raise RunFailed(f"{call} returned origins of type {result.origin.dtype}, not torch.int64")
            if weights is not None and weights.shape != (n,):
                raise RunFailed(f"{call} returned weights of shape {tuple(weights.shape)}, not ({n},)")
            if weights is not None and not (torch.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
                raise RunFailed(f"{call} returned weights that are not all finite and at least 0, or all 0")
        case ImageSet() if ctx is not None:
            _check_images(call, result, ctx.n_classes)
        case dict() if call == "state_dict":
            if wrong := [k for k, v in result.items() if not (isinstance(k, str) and isinstance(v, Tensor))]:
                kind = type(result[wrong[0]]).__name__
                raise RunFailed(f"state_dict returned {kind} for {wrong[0]!r}: its values must be tensors")
        case _ if call == "state_dict":
            raise RunFailed(f"state_dict returned {type(result).__name__}, not a dict of tensors")


def _check_images(call: str, images: ImageSet, n_classes: int | None) -> None:
    labels = images.labels
    if (
        labels is not None
        and n_classes is not None
        and len(labels)
        and not 0 <= labels.min() <= labels.max() < n_classes
    ):
        raise RunFailed(
            f"{call} returned labels from {labels.min()} to {labels.max()}: choose from 0 to {n_classes - 1}"
        )
    if not torch.isfinite(images.images.float()).all():
        raise RunFailed(f"{call} returned points that are not finite")
