"""Which real images each generation sees."""

import torch
from torch import Tensor

from bench.cells.loops import Loop
from bench.data.image_set import ImageSet
from bench.errors import BadInput
from bench.seeds import derive_generator, derive_seed


class RealDraws:
    """The draws of real images of one seed: one permutation of the training images, cut into generations.

    All loops and methods of a seed use the same permutation, so they share the images of G^1.
    """

    def __init__(self, training: ImageSet, task: str, seed: int) -> None:
        self._training = training
        self._order = torch.randperm(len(training), generator=derive_generator(task, seed, "real draws"))

    def initial(self, loop: Loop) -> ImageSet:
        """Return the n_initial real images that G^1 trains on."""
        return self._training[self._order[: loop.n_initial]]

    def all(self, loop: Loop) -> ImageSet:
        """Return all real images that the loop draws from the first generation to the last."""
        return self._training[self._order[: loop.real_images_needed()]]

    def at(self, t: int, loop: Loop) -> ImageSet | None:
        """Return the real part of D^t for t > 1; None in the fully synthetic loop.

        Synthetic augmentation sees the same n_real images in every generation, the fresh-data loop images that no
        generation before has seen.
        """
        if loop.kind == "fully_synthetic":
            return None
        start = 0 if loop.kind == "synthetic_augmentation" else loop.n_initial + (t - 2) * loop.n_real
        return self._training[self._order[start : start + loop.n_real]]


def check_enough_real_images(task: str, available: int, loop: Loop) -> None:
    """Raise BadInput where the loop needs more different real images than the task has."""
    needed = loop.real_images_needed()
    if needed <= available:
        return
    if loop.kind != "fresh_data" or loop.n_initial >= available or loop.generations == 1:
        raise BadInput(
            f"the {loop.kind} loop with n_initial={loop.n_initial} and n_real={loop.n_real} needs {needed} real "
            f"images, task '{task}' has {available}"
        )
    left = available - loop.n_initial
    advice = [f"generations to {1 + left // loop.n_real}"] if left >= loop.n_real else []
    if left >= loop.generations - 1:
        advice.append(f"n_real to {left // (loop.generations - 1)}")
    advice = advice or ["generations or n_initial"]
    raise BadInput(
        f"the fresh_data loop draws {loop.n_initial} real images for generation 1 and {loop.n_real} new ones for each "
        f"of {loop.generations - 1} more, {needed} in all; task '{task}' has {available}: lower {' or '.join(advice)}"
    )


def sample_labels(training: ImageSet, task: str, n: int) -> Tensor | None:
    """Return the labels that n images are sampled for: those of the training images in a fixed random order.

    Every generation is asked for the class frequencies of the real data, so these cannot drift by chance; the order
    is repeated where n is larger than the training set.

    Returns:
        int64, (n,), or None where the task has no labels.
    """
    if training.labels is None:
        return None
    order = torch.randperm(len(training), generator=derive_generator(task, "sample labels"))
    return training.labels[order].repeat(-(-n // len(order)))[:n]


def image_seeds(n: int, *coordinates: str | int) -> list[int]:
    """Return a seed for each of n images; image i has the same seed whatever n is."""
    base = derive_seed(*coordinates)
    return [derive_seed(base, i) for i in range(n)]
