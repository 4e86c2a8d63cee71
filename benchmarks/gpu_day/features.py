"""Stage d, feature networks: images/s of ours, and of the pipelines of torch-fidelity and clean-fid on the same files.

The Inception network has random weights in the format of the published ones, which changes no time. Ours is given
images as a loop has them, uint8 in memory; beside its peers it reads the same PNG files as they do.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from scorer import FEATURES, our_space, write_images, write_random_inception
from torch import Tensor

from bench.errors import BadInput
from bench.features.base import FeatureSpace
from bench.features.build import space_named
from gpu_day.worker import Bench, NotHere

SIDE = 32
IMAGES = 50_000
FILES = 4_000
PEERS = {"ours": "autophagy-bench inception", "torch-fidelity": "torch-fidelity", "clean-fid": "clean-fid"}
SPARE_SECONDS = 10.0


def measure(bench: Bench, part: str) -> Iterator[dict[str, Any]]:
    """Measure d.inception, d.efficientnet-lite0, or d.features.NAME: a pipeline from files."""
    if part.startswith("d.features."):
        yield from of_files(bench, part.removeprefix("d.features."))
    elif part == "d.inception":
        yield from of_space(bench, our_space(random_inception(bench), bench.device))
    else:
        try:
            space = space_named("efficientnet-lite0", bench.device, None, bench.quiet)
        except BadInput as error:
            raise NotHere(f"not installed: {error}") from error
        yield from of_space(bench, space)


def random_inception(bench: Bench) -> Path:
    """Write the network once, and return its path."""
    path = bench.folder.work / "inception-2015-12-05.pt"
    if not path.exists():
        unfinished = path.with_suffix(".part")
        write_random_inception(unfinished)
        unfinished.replace(path)
    return path


def of_space(bench: Bench, space: FeatureSpace) -> Iterator[dict[str, Any]]:
    """Yield images/s of a few batches, and then the seconds of 50,000 images where they fit into the time."""
    images = random_images(bench.pick(IMAGES, 4))
    few = min(len(images), 10 * space.batch_size)
    space(images[: space.batch_size])
    space(images[: space.batch_size])  # a scripted network is optimised in its second call
    found: dict[str, Any] = {"batch": space.batch_size, "side": SIDE}
    found["images_per_second"] = few / seconds_of(bench, space, images[:few])
    yield found
    if len(images) / found["images_per_second"] < bench.seconds_left - SPARE_SECONDS:
        found |= {"n": len(images), "seconds": seconds_of(bench, space, images)}
        found["images_per_second"] = len(images) / found["seconds"]
        yield found


def seconds_of(bench: Bench, space: FeatureSpace, images: Tensor) -> float:
    """Return how long the features of images take."""
    bench.wait()
    began = time.perf_counter()
    space(images)
    bench.wait()
    return time.perf_counter() - began


def random_images(n: int) -> Tensor:
    """Return noise, uint8 (n, 3, SIDE, SIDE)."""
    return torch.randint(0, 256, (n, 3, SIDE, SIDE), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def of_files(bench: Bench, name: str) -> Iterator[dict[str, Any]]:
    """Yield images/s of a pipeline, from PNG files to features; a first pass over some of them warms it up."""
    n = bench.pick(FILES, 3)
    few, all_of_them = bench.folder.work / "png-few", bench.folder.work / f"png-{n}"
    for folder, count in ((few, min(n, 100)), (all_of_them, n)):
        if not folder.exists():
            write_images(folder, count, SIDE)
    try:
        extract = FEATURES[PEERS[name]](random_inception(bench), bench.device.type)
    except ImportError as error:
        raise NotHere(f"not installed: {error}") from error
    extract(few)
    bench.wait()
    began = time.perf_counter()
    extract(all_of_them)
    bench.wait()
    yield {"n": n, "images_per_second": n / (time.perf_counter() - began)}
