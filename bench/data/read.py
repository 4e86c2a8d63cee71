"""Read all images of a folder, an archive or an array, as they are, with how they were read."""

import zipfile
from pathlib import Path

from torch import Tensor

from bench.data.arrays import is_array_archive, read_array
from bench.data.decoding import pixels
from bench.data.files import check_exists, room_for, what_it_is
from bench.data.image_set import ImageSet
from bench.data.reading import Reading, folders_of, left_out, listed
from bench.data.sets import open_images
from bench.errors import BadInput
from bench.files.untrusted import check_file
from bench.process.progress import Progress

QUIET = Progress(visible=False)


def read_images(path: Path, progress: Progress = QUIET) -> ImageSet:
    """Read all images of a set, and say how they were read; see `read_set`."""
    images, reading = read_set(path)
    reading.note(progress)
    return images


def read_set(path: Path) -> tuple[ImageSet, Reading]:
    """Read all images of a folder, zip archive or parquet file, or of an array.

    Grey images become one channel, all others three (RGB); they are turned upright. An array, of a .npy file or the
    only one of a .npz, holds images, uint8 (n, channels, height, width) or (n, height, width, channels) with one or
    three channels, or points (features that were computed elsewhere), float32 or float64 (n, d); it is never
    unpickled.

    Returns:
        The images, and what is to be said of how they were read.

    Raises:
        BadInput: nothing there, a file that cannot be read, or images of different sizes or modes.
    """
    check_exists(path)
    reading = Reading(str(path))
    if not path.is_dir():
        check_file(path)
        if path.suffix.lower() in (".npy", ".npz") or is_array_archive(path):
            found = read_array(path, reading)
            if not found.are_points:
                say_of_values(found.images, reading)
            return found, reading
        if not (zipfile.is_zipfile(path) or path.suffix.lower() == ".parquet"):
            raise BadInput(
                f"{path}: " + (what_it_is(path) or "neither a folder, a readable zip archive nor a .npy file")
            )
    images: Tensor | None = None
    with open_images(path) as files:
        files.check_any()
        for i, name in enumerate(files.names):
            decoded = files.decode(name)
            reading.add(decoded)
            image = pixels(decoded.image)
            if images is None:
                images = room_for(path, len(files.names), tuple(image.shape))
            if image.shape != images.shape[1:]:
                raise BadInput(
                    f"{path}/{name}: (channels, height, width) is {tuple(image.shape)}, the images before it have "
                    f"{tuple(images.shape[1:])}: all images of a set must have one size and mode"
                )
            images[i] = image
        assert images is not None  # of one file at least
        reading.say(f"{described(images, reading)}{folders_of(files.names)}")
        if files.others:
            reading.say(left_out(files.others))
    say_of_values(images, reading)
    return ImageSet(images), reading


def described(images: Tensor, reading: Reading) -> str:
    """Return "20 images of 64 x 64, colour (12 PNG, 8 JPEG)"."""
    n, channels, height, width = images.shape
    kinds = listed([f"{count:,} {kind}" for kind, count in reading.kinds.most_common()])
    colour = "grey" if channels == 1 else "colour"
    return f"{n:,} image{'s' * (n != 1)} of {width} x {height}, {colour} ({kinds})"


def say_of_values(images: Tensor, reading: Reading) -> None:
    """Say so where pixels are 0 and 1 only: numbers from 0 to 1 that were made whole, or masks."""
    if images.numel() and int(images.max()) <= 1:
        reading.say("no pixel is above 1 of 255: are these numbers from 0 to 1 that were cut to whole ones?")
