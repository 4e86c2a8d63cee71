"""How much of the disk a cell takes, from the shapes of what is kept of it."""

from dataclasses import dataclass

import torch

from bench.data.image_set import ImageSet
from bench.executors.grid import PlannedCell
from bench.files.tensors import tensor_bytes
from bench.methods.method import synthetic_are_samples
from bench.runs.samples import image_tensors
from bench.runs.sheet import sheet_pixels
from bench.runs.strip import COLUMNS

# Measured: generation.json and a generation in record.json, 1.3 kB each; cell.json and the rest of record.json, 1 kB.
JSON_OF_GENERATION = 2_600
JSON_OF_CELL = 2_000
# Of samples.png: 0.08 of MNIST, 0.12 of faces, 0.18 of 8x8 digits; 0.05 of points.
BYTES_OF_SHEET_PIXEL, BYTES_OF_POINTS_PIXEL = 0.15, 0.05


@dataclass(frozen=True)
class DiskSize:
    """Bytes of the files of a cell; the state of its method is not included, for nobody knows it before.

    Attributes:
        finished: of its run folder, when it is finished.
        first_generation: of the model of G^1 that other cells share.
        checkpoint: of an unfinished fit, while it is replaced: the one before and the new one.
    """

    finished: int
    first_generation: int
    checkpoint: int


def disk_size(planned: PlannedCell, model_bytes: int, checkpoint_bytes: int) -> DiskSize:
    """Return the size of a cell before it runs.

    Args:
        planned: the cell.
        model_bytes: of the file of the generator's weights.
        checkpoint_bytes: of the state of an unfinished fit.
    """
    loop, method = planned.cell.loop, planned.method.build()
    n_score, n_synthetic = planned.task.tiers[planned.cell.tier].n_score, method.n_synthetic(loop)
    if synthetic_are_samples(method):
        images = _images_bytes(planned, max(n_score, n_synthetic))
    else:
        images = _images_bytes(planned, n_score) + _images_bytes(planned, n_synthetic)
    # The row of the strip as a tensor, and about as much once more in the picture.
    strip = 0 if planned.task.data.dimensions is not None else 2 * _images_bytes(planned, COLUMNS)
    data = planned.task.tier_data(planned.cell.tier)
    per_pixel = BYTES_OF_SHEET_PIXEL if data.dimensions is None else BYTES_OF_POINTS_PIXEL
    sheet = round(per_pixel * sheet_pixels(data.image_shape, data.n_classes)) if loop.generations > 1 else 0
    return DiskSize(
        finished=JSON_OF_CELL + sheet + loop.generations * (images + strip + model_bytes + JSON_OF_GENERATION),
        first_generation=model_bytes,
        checkpoint=2 * checkpoint_bytes,
    )


def _images_bytes(planned: PlannedCell, n: int) -> int:
    """Return the size of the file of n images, or points, of a cell."""
    data = planned.task.tier_data(planned.cell.tier)
    kind = torch.uint8 if data.dimensions is None else torch.float32
    # Expanded, a tensor of any length takes no memory: only the shape is looked at.
    images = torch.zeros(1, dtype=kind).expand(n, *data.image_shape)
    labels = None if data.n_classes is None else torch.zeros(1, dtype=torch.int64).expand(n)
    tensors = image_tensors(ImageSet(images, labels))
    header = len(tensor_bytes({name: tensor[:0] for name, tensor in tensors.items()}))
    return header + sum(tensor.nbytes for tensor in tensors.values())
