"""A tiny cut of a task of one's own, which `autophagy check --task` tries methods and generators on."""

from importlib.util import find_spec
from pathlib import Path

from bench.cells.task import TIERS, Task, TierName
from bench.conformance.colour import PooledSpace
from bench.conformance.tiny import CPU, N_REAL, N_SCORE, N_TRAINING, SIZES, TinyTask
from bench.conformance.trial import shown
from bench.data.given import fixed_order
from bench.data.image_set import ImageSet
from bench.data.real import in_tier_size, load_real_data
from bench.errors import BadInput
from bench.features.base import FeatureSpace
from bench.features.build import space_named, task_space
from bench.features.identity import IdentitySpace
from bench.process.progress import Progress

# A loop of which something is left where it is cut in the toys' proportion, and two references of more images than
# the neighbours of precision and recall.
LEAST_TRAINING, LEAST_REFERENCE = 40, 12


def cut_task(task: Task, given: Path | None, progress: Progress) -> TinyTask:
    """Return a tiny cut of a task's real images, in the size of its first tier, which is the cheapest.

    Args:
        task: whose images they are.
        given: the images, as for `load_real_data`.
        progress: where progress is shown.

    Raises:
        BadInput: the images are missing, not those of the task, or too few; or the weights of the task's own feature
            space are missing.
    """
    tier = next(tier for tier in TIERS if tier in task.tiers)
    data = in_tier_size(task, tier, load_real_data(task, given, progress))
    if len(data.training) < LEAST_TRAINING or len(data.reference) < LEAST_REFERENCE:
        raise BadInput(
            f"{task.path}: {len(data.training)} training and {len(data.reference)} held-out images: a check needs "
            f"{LEAST_TRAINING} and {LEAST_REFERENCE} at least"
        )
    training, reference = _first(data.training, N_TRAINING), _first(data.reference, 2 * N_SCORE)
    n_score = len(reference) // 2
    n_real = len(training) * N_REAL // N_TRAINING
    n_initial = len(training) - (SIZES["generations"] - 1) * n_real
    shape = task.tier_data(tier).shape
    space, embedding, notes = _spaces(task, tier, progress)
    return TinyTask(
        name=task.name,
        shape=shape,
        training=training,
        references=(reference[:n_score], reference[n_score : 2 * n_score]),
        space=space,
        embedding=embedding,
        sizes=SIZES | {"n_initial": n_initial, "n_synthetic": min(SIZES["n_synthetic"], n_initial)},
        n_real=n_real,
        told=f"{task.path.name}, tier {tier}, in place of the toys: {shown(shape)}, {len(training)} of "
        f"{len(data.training)} training and {2 * n_score} of {len(data.reference)} held-out ones",
        notes=notes,
    )


def _first(images: ImageSet, n: int) -> ImageSet:
    """Return at most n images of all classes, which may lie one after the other."""
    return images[fixed_order(len(images))[:n]]


def _spaces(task: Task, tier: TierName, progress: Progress) -> tuple[FeatureSpace, FeatureSpace, tuple[str, ...]]:
    """Return the spaces of score and methods, and what is told where they are not the tier's."""
    notes = []
    space: FeatureSpace
    if task.features is not None:
        space = task_space(task, tier, CPU.device, progress)
    elif task.data.dimensions is not None:
        space = IdentitySpace()
    else:
        space = PooledSpace(4)
        notes.append(f"scored by {space.name} in place of {task.space_name(tier)}: the means of a grid are quick")
    name = task.tiers[tier].embedding
    if name == "identity" or (name == "efficientnet-lite0" and find_spec("efficientnet_lite_pytorch")):
        return space, space_named(name, CPU.device, None, progress), tuple(notes)
    notes.append(f"embeddings are identity (the pixels) in place of {name}, which is a download")
    return space, IdentitySpace(), tuple(notes)
