"""One image file: its pixels, and what the file holds that they do not show.

This is the one place that knows what decoding drops. Pillow shows a mode only after it has dropped something (two
bytes a channel become one, an orientation stays a tag), so a file is asked before its pixels are. What would be lost
is kept, refused in one line, or named in `Decoded.losses` for whoever counts; `bench.data.reading` puts it into words.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import ExifTags, Image, UnidentifiedImageError
from torch import Tensor

from bench.data.png import PNG_START, without_large_texts
from bench.errors import BadInput, first_line
from bench.files.limits import MOST_IMAGE_PIXELS

# What a file says that it is: Pillow knows many more kinds, and hands some of them to other programs. MPO, several
# pictures in a JPEG file, is what Pillow makes of some that begin as JPEG.
FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF")
SUFFIXES = {
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".jfi", ".bmp", ".webp", ".tif", ".tiff",
}  # fmt: skip
GREY_MODES = {"1", "L", "LA", "La"}
COLOUR_MODES = {"P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr"}
PREMULTIPLIED = {"La": "LA", "RGBa": "RGBA"}
DEEP_MODES = {"I", "F"}  # and all that begin with I;
TIFF_BITS, TIFF_ORIENTATION, TIFF_CHANNELS, TIFF_NUMBERS = 258, 274, 277, 339
SHOWN_CHANNELS = {"1": 1, "L": 1, "LA": 2, "La": 2, "P": 1, "PA": 2, "RGB": 3, "YCbCr": 3}  # four in all others
# How an image is brought upright, by its orientation (Exif 2.32, 4.6.4).
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip
SIDEWAYS = range(5, 9)  # those that exchange width and height
SRGB_NAMES = (b"sRGB", "sRGB".encode("utf-16-be"), b"\x03c2\0")  # the last in the smallest profile there is
SRGB_GAMMA = 0.45455

# Losses, by what a file has that its pixels do not show.
ORIENTATION = "orientation"
TRANSPARENCY = "transparency"
FRAMES = "frames"
PROFILE = "profile"
CMYK = "CMYK"
CHANNELS = "channels"
WARNING = "warning"

# What bytes begin with that are given as images and are none that is read.
KINDS = (
    (b"GIF8", "a GIF"), (b"version https://git-lfs", "a pointer of Git LFS and not the image: run git lfs pull"),
    (b"PK\x03\x04", "a zip archive"), (b"\x1f\x8b", "packed by gzip"), (b"%PDF", "a PDF"), (b"%!PS", "PostScript"),
    (b"8BPS", "a file of Photoshop"), (b"\x93NUMPY", "a NumPy array"), (b"\x76\x2f\x31\x01", "an OpenEXR image"),
    (b"\x00\x00\x00\x0cjP", "a JPEG 2000 image"), (b"\xff\x0a", "a JPEG XL image"),
    (b"\x00\x00\x00\x0cJXL", "a JPEG XL image"), (b"{", "JSON"), (b"P5", "a PGM"), (b"P6", "a PPM"),
    (b"\x00\x00\x01\x00", "an icon"), (b"PAR1", "a parquet file"),
)  # fmt: skip
STARTS = (
    (PNG_START, "PNG"),
    (b"\xff\xd8", "JPEG"),
    (b"BM", "BMP"),
    (b"RIFF", "WEBP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
)
PAGE_STARTS = (b"<!doctype html", b"<html", b"<?xml", b"<svg")


@dataclass(frozen=True)
class Decoded:
    """An image as it is meant to be seen.

    Attributes:
        image: in mode L where it is grey, in mode RGB otherwise; turned as its file says.
        kind: what the file is: PNG, JPEG, BMP, WEBP or TIFF.
        losses: what the file holds and the pixels do not show, each of the words above, with how much: of FRAMES how
            many more there are, otherwise 1.
    """

    image: Image.Image
    kind: str
    losses: dict[str, int]


def decode(name: str, content: bytes) -> Decoded:
    """Return the image in the bytes of a file.

    Args:
        name: of the file, for messages.
        content: all of it.

    Raises:
        BadInput: no image that is read, damaged, too large, or with more than 8 bits a channel.
    """
    with _opened(name, content) as (image, losses, warned):
        kind = _kind(image)
        spare = kind == "BMP" and _has_spare_bytes(image, content)
        image.load()
        if spare:
            losses[CHANNELS] = 1
        if _is_transparent(image):
            losses[TRANSPARENCY] = 1
        image.info.pop("transparency", None)  # which Pillow would warn of
        upright: Image.Image = image
        # Of a TIFF Pillow turns the pixels itself, when it loads them.
        if kind != "TIFF" and (turn := UPRIGHT.get(losses.get(ORIENTATION, 1))) is not None:
            upright = image.transpose(turn)
        if upright.mode in PREMULTIPLIED:
            upright = upright.convert(PREMULTIPLIED[upright.mode])
        pixels = upright.convert("L" if upright.mode in GREY_MODES else "RGB")
        if warned:
            losses[WARNING] = 1
        return Decoded(pixels, kind, losses)


def look(name: str, content: bytes) -> tuple[tuple[int, int], bool]:
    """Return (width, height) of an image as it is meant to be seen, and whether it is grey, from its file's start.

    Raises:
        BadInput: as of `decode`, but damage beyond the start is not seen.
    """
    with _opened(name, content) as (image, losses, _):
        width, height = image.size
        # Pillow gives the turned size of a TIFF before it has turned it.
        if losses.get(ORIENTATION) in SIDEWAYS and _kind(image) != "TIFF":
            width, height = height, width
        return (width, height), image.mode in GREY_MODES


def pixels(image: Image.Image) -> Tensor:
    """Return an image of mode L or RGB as uint8 (channels, height, width)."""
    array = torch.from_numpy(np.array(image))
    return array[None] if array.ndim == 2 else array.permute(2, 0, 1)


@contextmanager
def _opened(name: str, content: bytes) -> Iterator[tuple[Image.Image, dict[str, int], list[warnings.WarningMessage]]]:
    """Open an image, refuse what cannot be shown, and say what is lost, as far as its head tells, and is warned of."""
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            readable, has_profile = without_large_texts(content)
            with Image.open(io.BytesIO(readable), formats=FORMATS) as image:
                if image.width * image.height > MOST_IMAGE_PIXELS:
                    raise BadInput(
                        f"{name}: {image.width} x {image.height} pixels: the most is {MOST_IMAGE_PIXELS:,} in all"
                    )
                _refuse_deep(name, image)
                losses = dict(_losses(image))
                if has_profile:
                    losses[PROFILE] = 1
                yield image, losses, warned
    except BadInput:
        raise
    except Exception as error:  # a decoder may raise anything on damaged bytes
        raise BadInput(f"{name}: not a readable image: {_reason(content, error)}") from error


def _kind(image: Image.Image) -> str:
    return "JPEG" if image.format == "MPO" else str(image.format)


def _refuse_deep(name: str, image: Image.Image) -> None:
    """Raise BadInput where a channel has more than 8 bits, or numbers that are no brightness from 0 to 255."""
    bits = 8
    numbers: tuple[int, ...] = ()
    if image.format == "PNG":
        # Of 16 bits in colour Pillow keeps 8, and shows it in nothing but how it is going to unpack them.
        bits = 16 if any("16" in str(tile[3]) for tile in _tiles(image)) else 8
    elif image.format == "TIFF":
        tags = image.tag_v2  # type: ignore[attr-defined]
        bits = max(_numbers(tags.get(TIFF_BITS, 8)))
        numbers = _numbers(tags.get(TIFF_NUMBERS, 1))
    if image.mode in DEEP_MODES or image.mode.startswith("I;"):
        bits = max(bits, 16)
    if bits > 8:
        raise BadInput(f"{name}: {bits} bits a channel (mode {image.mode}): convert it to 8")
    if set(numbers) - {1, 4}:
        raise BadInput(f"{name}: signed or floating-point numbers: convert it to whole ones from 0 to 255")
    if image.mode not in GREY_MODES | COLOUR_MODES:
        raise BadInput(f"{name}: in mode {image.mode}, which cannot be shown as it is: convert it to RGB")


def _tiles(image: Image.Image) -> list[Any]:
    """Return how Pillow is going to unpack a file: (decoder, box, start, arguments) each."""
    return list(getattr(image, "tile", ()))


def _numbers(value: object) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, tuple) else (value,)  # type: ignore[return-value]


def _losses(image: Image.Image) -> Iterator[tuple[str, int]]:
    """Yield what the head of a file tells of that the pixels will not show."""
    if (orientation := _orientation(image)) in UPRIGHT:
        yield ORIENTATION, orientation
    if (frames := getattr(image, "n_frames", 1)) > 1:
        yield FRAMES, frames - 1
    if _is_of_other_colours(image):
        yield PROFILE, 1
    if image.mode == "CMYK":
        yield CMYK, 1
    if image.format == "TIFF":
        [n, *_] = _numbers(image.tag_v2.get(TIFF_CHANNELS, 1))  # type: ignore[attr-defined]
        if n > SHOWN_CHANNELS.get(image.mode, 4) or image.mode == "RGBX":
            yield CHANNELS, 1


def _orientation(image: Image.Image) -> int:
    if image.format == "TIFF":
        return int(_numbers(image.tag_v2.get(TIFF_ORIENTATION, 1))[0])  # type: ignore[attr-defined]
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception as error:  # as of decoders
        warnings.warn(f"tags that cannot be read: {first_line(error)}", stacklevel=2)
        return 1


def _is_of_other_colours(image: Image.Image) -> bool:
    """Return whether a file says that its numbers are other colours than those of sRGB."""
    profile = image.info.get("icc_profile")
    if profile:
        return not any(name in profile for name in SRGB_NAMES)
    gamma = image.info.get("gamma")
    return gamma is not None and "srgb" not in image.info and abs(gamma - SRGB_GAMMA) > 0.01


def _is_transparent(image: Image.Image) -> bool:
    """Return whether a pixel is not opaque; many files have a channel for it that says of all that they are."""
    if not image.has_transparency_data:
        return False
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa"):
        alpha = image.getchannel(image.getbands()[-1])
    else:
        alpha = image.convert("RGBA").getchannel("A")
    darkest, _ = alpha.getextrema()
    return int(darkest) < 255  # type: ignore[arg-type]


def _has_spare_bytes(image: Image.Image, content: bytes) -> bool:
    """Return whether the fourth bytes of a BMP's pixels, which have no meaning by its head, seem to have one."""
    tiles = _tiles(image)
    if not tiles:
        return False
    _, _, start, how = tiles[0]
    if "BGRX" not in str(how):
        return False
    return len(set(content[start + 3 : start + 4 * image.width * image.height : 4])) > 1


def _reason(content: bytes, error: Exception) -> str:
    """Return why bytes are no readable image, in words."""
    start = content[:1024].lstrip().lower()
    if not content:
        return "it is empty"
    if start.startswith(PAGE_STARTS) and b"<svg" not in start:
        return "it is a web page: its download has failed"
    if content[4:8] == b"ftyp":
        return f"it is a HEIF, AVIF or video file ({content[8:12].decode('latin1')})"
    for beginning, what in KINDS:
        if content.startswith(beginning):
            return f"it is {what}"
    for beginning, what in STARTS:
        if content.startswith(beginning) and isinstance(error, UnidentifiedImageError):
            return f"it begins as a {what} and is damaged"
    if isinstance(error, UnidentifiedImageError):
        return f"it does not begin as a file of {', '.join(FORMATS[:-1])} or {FORMATS[-1]} does"
    return first_line(error) or type(error).__name__
