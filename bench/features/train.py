"""Train the classifier whose penultimate layer is the feature space of a task, on the task's training images.

    python -m bench.features.train digits
    python -m bench.features.train mnist --data DIR

It writes the weights to the path that the task file names and prints the two values that the task file pins: the
SHA-256 of the weights and the accuracy on the reference images, which the training does not see.
"""

import argparse
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from bench.cells.task import load_task
from bench.data.image_set import ImageSet
from bench.data.real import load_real_data
from bench.errors import BadInput
from bench.features.classifier import NETWORKS, ClassifierSpace, FeatureNetwork, scale_input
from bench.files.hashing import file_sha256
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


def main() -> int:
    """Train the feature network of the task on the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.features.train", description=__doc__)
    parser.add_argument("task")
    parser.add_argument("--data", type=Path, metavar="DIR")
    arguments = parser.parse_args()
    try:
        task = load_task(arguments.task)
        if task.features is None:
            raise BadInput(f"{task.path}: features is missing: the task has no feature network of its own to train")
        real = load_real_data(task, arguments.data)
    except BadInput as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    torch.set_num_threads(1)  # the order of sums depends on the number of threads, and with it the weights' hash
    network = NETWORKS[task.features.network](len(task.data.classes))
    train(network, real.training, derive_seed(task.name, "features"), Progress())
    path = task.path.parent / task.features.weights
    path.parent.mkdir(exist_ok=True)
    save_file(network.state_dict(), path)
    sha256 = file_sha256(path)
    space = ClassifierSpace(task.features.name, network, sha256)
    print(f'sha256 = "{sha256}"\naccuracy = {accuracy(space, real.reference):.4f}')
    return 0


if __name__ == "__main__":
    sys.exit(main())
