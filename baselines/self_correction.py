"""Self-correction: every synthetic image is replaced by the nearest of K cluster centres of real images of its class.

The centres are those of k-means on the pixels of the real images of each class, learned in generation 1. In the
MNIST experiment of the source the image is replaced by the centre outright, as here with the default strength of 1;
the source's theory has a correction of strength gamma between none and the whole way, and so does `strength`:
x' = (1 - strength) x + strength centre. The source writes this as (x + gamma centre) / (1 + gamma), that is,
strength = gamma / (1 + gamma).

Source: Gillman et al. 2024, "Self-Correcting Self-Consuming Loops for Generative Model Training" (arXiv 2402.07087).
Their centres are rounded up by half a grey level before they are truncated to bytes; ours are rounded to the nearest.
Without labels all real images are one class, with ten times as many centres: as many as ten classes have together.
What is scored is the model's own sample, uncorrected; only the pools are corrected.

Needs: at least K real images of each class. Costs: k-means once; the centres are kept as state. Loops: all.
"""

from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import Field
from sklearn.cluster import KMeans
from torch import Tensor

from bench import Context, Generator, ImageSet, Method, RunFailed, derive_seed

UNLABELLED = 10  # times as many centres, where all images are one class
BLOCK = 1024


class SelfCorrection(Method):
    """Move synthetic images to the nearest of K cluster centres of their class's real images (Gillman et al. 2024)."""

    uses = ("real images", "labels")  # the centre of a cluster of one image is that image
    centres: Annotated[int, Field(ge=1, description="K, cluster centres of each class")] = 16
    strength: Annotated[float, Field(ge=0, le=1, description="share of the way to the centre")] = 1.0

    def __init__(self) -> None:
        self._centres: Tensor | None = None
        self._classes: Tensor | None = None

    def prepare(self, generator: Generator, ctx: Context) -> None:
        real = ctx.real
        k = self.centres if real.labels is not None else UNLABELLED * self.centres
        pixels, classes = real.images.float().flatten(1), _classes(real)
        seed = derive_seed(ctx.fit_seed, "centres") % 2**32
        found, owners = [], []
        for label in classes.unique().tolist():
            members = pixels[classes == label]
            if len(members) < k:
                raise RunFailed(f"class {label} has {len(members)} real images: {k} cluster centres need as many")
            means = KMeans(n_clusters=k, n_init=1, random_state=seed).fit(members.numpy()).cluster_centers_
            found.append(torch.from_numpy(means).float())
            owners.append(torch.full((k,), label))
        self._centres, self._classes = torch.cat(found), torch.cat(owners)

    def synthesize(self, generator: Generator, n: int, ctx: Context) -> ImageSet:
        assert self._centres is not None
        assert self._classes is not None
        drawn = self.sample(generator, n, ctx)
        parts = []
        for start in range(0, n, BLOCK):
            block = drawn[slice(start, start + BLOCK)]
            pixels = block.images.float().flatten(1)
            distances = torch.cdist(pixels, self._centres, compute_mode="donot_use_mm_for_euclid_dist")
            distances[_classes(block)[:, None] != self._classes] = torch.inf
            centres = self._centres[distances.argmin(1)]
            parts.append(pixels.lerp(centres, self.strength).reshape(block.images.shape))
        corrected = torch.cat(parts)
        images = corrected if drawn.are_points else corrected.round().to(torch.uint8)
        return ImageSet(images, drawn.labels)

    def state_dict(self) -> dict[str, Tensor]:
        if self._centres is None or self._classes is None:
            return {}
        return {"centres": self._centres, "classes": self._classes}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self._centres, self._classes = state.get("centres"), state.get("classes")


def _classes(images: ImageSet) -> Tensor:
    """Return the class of each image, int64 (n,): all 0 where there are no labels."""
    return torch.zeros(len(images), dtype=torch.int64) if images.labels is None else images.labels
