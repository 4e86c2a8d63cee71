"""A task's real images in the data folder: decoded and split, in one file, written by `autophagy data`."""

from pathlib import Path

from safetensors import SafetensorError, safe_open

from bench.data.image_set import ImageSet
from bench.errors import BadInput
from bench.files.atomic import make_folder
from bench.files.tensors import write_tensors

FILE = "images.safetensors"
PARTS = ("training", "reference")


def write_stored(folder: Path, training: ImageSet, reference: ImageSet) -> None:
    """Write the training and the reference images into `folder`; BadInput where that cannot be done."""
    make_folder(folder)
    tensors, hashes = {}, {}
    for part, images in zip(PARTS, (training, reference), strict=True):
        tensors[f"{part}.images"] = images.images
        if images.labels is not None:
            tensors[f"{part}.labels"] = images.labels
        hashes[part] = images.sha256
    write_tensors(folder / FILE, tensors, hashes)


def read_stored(folder: Path) -> tuple[ImageSet, ImageSet] | None:
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
        raise BadInput(f"{path}: damaged, run `autophagy data` again ({type(error).__name__})") from error
    if [images.sha256 for images in sets] != [hashes.get(part) for part in PARTS]:
        raise BadInput(f"{path}: damaged, run `autophagy data` again (its hashes do not fit its content)")
    return sets[0], sets[1]
