"""Train the classifier whose penultimate layer is a task's own feature space, on the task's training images."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn import functional as F

from bench.cells.feature_spaces import SPACE_SUMMARIES
from bench.cells.task import Task
from bench.cells.task_sections import FeaturesSection
from bench.cells.task_text import with_own_features
from bench.data.image_set import ImageSet
from bench.data.real import in_tier_size, load_real_data
from bench.errors import BadInput
from bench.features.classifier import ClassifierSpace, FeatureNetwork, build_network, scale_input
from bench.files.atomic import make_folder, write_bytes, write_text
from bench.files.hashing import bytes_sha256
from bench.files.limits import MOST_TASK_BYTES
from bench.files.tensors import tensor_bytes
from bench.files.untrusted import read_named
from bench.process.progress import Progress
from bench.seeds import derive_generator, derive_seed, draw_weights

STEPS = 3000
BATCH_SIZE = 128
LEARNING_RATE = 4e-3
LABEL_SMOOTHING = 0.05
LARGEST_SHIFT = 1  # pixels, in both directions


def train(network: FeatureNetwork, images: ImageSet, seed: int, progress: Progress) -> None:
    """Train on images that are shifted at random, with one cycle of the learning rate (Smith & Topin 2018)."""
    assert images.labels is not None
    draw_weights(network, seed)
    random = derive_generator(seed, "batches")
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=STEPS)
    with progress.bar("train", total=STEPS * BATCH_SIZE) as bar:
        for _ in range(STEPS):
            index = torch.randint(len(images), (BATCH_SIZE,), generator=random)
            down, right = torch.randint(0, 2 * LARGEST_SHIFT + 1, (2,), generator=random).tolist()
            batch = F.pad(scale_input(images.images[index]), (LARGEST_SHIFT,) * 4, value=-1.0)
            height, width = images.images.shape[2:]
            batch = batch[:, :, down : down + height, right : right + width]
            logits = network.head(network.body(batch))
            loss = F.cross_entropy(logits, images.labels[index], label_smoothing=LABEL_SMOOTHING)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            if bar.update(BATCH_SIZE):
                bar.set_postfix(loss=f"{loss.item():.4f}", refresh=False)


def accuracy(space: ClassifierSpace, images: ImageSet) -> float:
    """Return the share of images that the space's classifier labels right."""
    assert images.labels is not None
    return float((space.classify(space(images.images)) == images.labels).double().mean())


@dataclass(frozen=True)
class TrainedFeatures:
    """What was written.

    Attributes:
        weights: the file of the weights.
        section: what the task file says of them.
    """

    weights: Path
    section: FeaturesSection


def train_features(task: Task, given: Path | None, progress: Progress) -> TrainedFeatures:
    """Train a task's feature network, write its weights beside the task file and its values into it.

    The bits are a function of the task and the machine. The network is the one that the file names, or, where it has
    no section `features` yet, one for images of any size and colour; then the tiers name no feature space any more.

    Args:
        task: its training images are learned from, its reference images are those that the accuracy is told of.
        given: the real images, as for `load_real_data`.
        progress: where progress is shown.

    Raises:
        BadInput: the task has no classes, or tiers with images of different sizes; missing data; or a file that
            cannot be written.
    """
    if len(task.data.classes) < 2:
        raise BadInput(
            f"{task.path}: data.classes has {len(task.data.classes)}: a feature network learns to tell 2 or more apart"
        )
    section = task.features or _new_section(task)
    network = build_network(section.network, len(task.data.classes), task.feature_shape)
    _with_section(task, section)  # what cannot be written is better known before the training
    real = in_tier_size(task, next(iter(task.tiers)), load_real_data(task, given, progress))
    if task.data.pins_hashes and not real.pinned:
        raise BadInput(f"{task.path}: these are not the images that the task pins: give its own with --data PATH")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the order of sums depends on the number of threads, and with it the weights' hash
    try:
        train(network, real.training, derive_seed(task.name, "features"), progress)
        content = tensor_bytes(network.state_dict())
        space = ClassifierSpace(section.name, network, bytes_sha256(content))
        found = {"sha256": space.sha256, "accuracy": round(accuracy(space, real.reference), 4)}
    finally:
        torch.set_num_threads(threads)
    section = section.model_copy(update=found)
    path = task.path.parent / section.weights
    make_folder(path.parent)
    write_bytes(path, content)
    write_text(task.path, _with_section(task, section))
    return TrainedFeatures(path, section)


def _new_section(task: Task) -> FeaturesSection:
    name = f"{task.name}_cnn" if task.name in SPACE_SUMMARIES else task.name
    weights = Path("features") / f"{name}.safetensors"
    return FeaturesSection(name=name, network="cnn", weights=weights, sha256="0" * 64, accuracy=0)


def _with_section(task: Task, section: FeaturesSection) -> str:
    """Return the text of the task file with this section."""
    try:
        return with_own_features(read_named(task.path, MOST_TASK_BYTES).decode("utf-8"), section)
    except ValueError as error:
        raise BadInput(f"{task.path}: cannot be edited: {error}") from error
