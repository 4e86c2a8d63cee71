"""A task's real images in the data folder: decoded and split, in one file, written by `autophagy data`."""

import json
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open

from bench.data.image_set import ImageSet
from bench.errors import BadInput, first_line
from bench.files.atomic import make_folder
from bench.files.tensors import write_tensors

FILE = "images.safetensors"
PARTS = ("training", "reference")
READ, ORIGIN = "read", "origin"  # the keys of how they were read, and of where they come from


@dataclass(frozen=True)
class Stored:
    """What `autophagy data` keeps.

    Attributes:
        training: the training images.
        reference: the held-out images.
        read: how they were read, a line each.
        origin: what was fetched from the hub, with its revision; None where nothing was.
    """

    training: ImageSet
    reference: ImageSet
    read: tuple[str, ...] = ()
    origin: str | None = None


def write_stored(folder: Path, stored: Stored) -> None:
    """Write images into `folder`; BadInput where that cannot be done."""
    make_folder(folder)
    tensors, hashes = {}, {READ: json.dumps(stored.read)}
    if stored.origin is not None:
        hashes[ORIGIN] = stored.origin
    for part, images in zip(PARTS, (stored.training, stored.reference), strict=True):
        tensors[f"{part}.images"] = images.images
        if images.labels is not None:
            tensors[f"{part}.labels"] = images.labels
        hashes[part] = images.sha256
    write_tensors(folder / FILE, tensors, hashes)


def read_stored(folder: Path) -> Stored | None:
    """Return what `write_stored` wrote, None where there is nothing.

    Raises:
        BadInput: the file is damaged.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        with safe_open(path, "pt") as file:
            hashes, names = file.metadata() or {}, set(file.keys())
            sets = [
                ImageSet(
                    file.get_tensor(f"{part}.images"),
                    file.get_tensor(f"{part}.labels") if f"{part}.labels" in names else None,
                )
                for part in PARTS
            ]
    except (OSError, SafetensorError, ValueError) as error:
        raise BadInput(f"{path}: damaged, run `autophagy data` again ({first_line(error)})") from error
    if [images.sha256 for images in sets] != [hashes.get(part) for part in PARTS]:
        raise BadInput(f"{path}: damaged, run `autophagy data` again (its hashes do not fit its content)")
    return Stored(sets[0], sets[1], tuple(json.loads(hashes.get(READ, "[]"))), hashes.get(ORIGIN))
