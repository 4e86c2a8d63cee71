"""Find the records that a page is made from, and the pictures that lie beside each: strip and sheet of samples."""

import gc
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.cells.record import Record, read_record
from bench.errors import BadInput
from bench.files.hidden import visible
from bench.files.limits import MOST_STRIP_BYTES, MOST_STRIP_PIXELS, MOST_STRIP_SIDE
from bench.files.untrusted import read_untrusted
from bench.files.validation import shown

SHEET = ".samples.png"  # what the name of a sheet ends in, beside a result file
SQUARES, POINT_SQUARES = 4, 3  # in a row of a sheet, of images and of points
MOST_ROWS = 1_000  # of a sheet: the page has a button for each
_PNG_START = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR"


@dataclass(frozen=True)
class Picture:
    """A collapse strip, or a sheet of samples; what they show is said in `bench.runs.strip` and `bench.runs.sheet`.

    Attributes:
        path: the PNG file.
        width: in pixels.
        height: in pixels.
    """

    path: Path
    width: int
    height: int

    @property
    def rows(self) -> int | None:
        """How many rows of squares a sheet of images has, one for each class; None of a sheet of points."""
        return None if self.width == POINT_SQUARES * self.height else SQUARES * self.height // self.width


@dataclass(frozen=True)
class Result:
    """A cell's scores in one feature space and, where there are some, its pictures.

    Attributes:
        path: of the record's file.
        record: with the scores of this space.
        strip: the same latents in each generation.
        own_space: whether the space is the task's, and not one that the cell was scored in afterwards.
        sheet: many samples of the first and of the last generation.
    """

    path: Path
    record: Record
    strip: Picture | None
    own_space: bool = True
    sheet: Picture | None = None

    @property
    def short_id(self) -> str:
        """The start of the cell's id: what its files on the site are named after."""
        return self.record.cell_id[:16]

    @property
    def reads_score_features(self) -> bool:
        """Whether the method chose images in the feature space of the score, in any generation."""
        return any(g.score_features_read for g in self.record.generations)


def find_results(folder: Path) -> list[Result]:
    """Read every record of a folder.

    Args:
        folder: a runs folder, whose cells are cells/*/record.json with strip.png and samples.png beside it; or any
            other folder, in which every *.json at any depth is a record, with <stem>.png and <stem>.samples.png. What
            systems and editors hide is left out.

    Returns:
        The results in the order of their paths, of each record one for every feature space that it has scores in.
        What a file is called says nothing: its content says which cell it is of.

    Raises:
        BadInput: `folder` is not a folder, a record is not valid, a picture is not a PNG, two files are records of the
            same cell, or a file's name cannot be shown.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder}: not a folder: give a runs folder (of `autophagy run`) or one of result files")
    if (folder / "cells").is_dir():
        paths = dict.fromkeys(folder.glob("cells/[!.]*/record.json"), ("strip.png", "samples.png"))
    else:
        paths = {path: (f"{path.stem}.png", f"{path.stem}{SHEET}") for path in visible(folder.rglob("*.json"), folder)}

    with _no_garbage_collection():
        return _read_results(folder, paths)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Pause Python's search for cycles, of which records have none: it takes a third of the time of reading them."""
    paused = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if paused:
            gc.enable()


def _read_results(folder: Path, files: dict[Path, tuple[str, str]]) -> list[Result]:
    results = []
    seen: dict[str, Path] = {}
    for path, (strip, sheet) in sorted(files.items()):
        name = str(path.relative_to(folder))
        if not name.isprintable():
            raise BadInput(f"{folder}: the file name {shown(name)} has characters that cannot be shown: rename it")
        record = read_record(path)
        if record.cell_id in seen:
            raise BadInput(f"{path}: a record of the same cell as {seen[record.cell_id]}; keep one of them")
        seen[record.cell_id] = path
        of_strip, of_sheet = (
            read(beside) if os.path.lexists(beside := path.with_name(name)) else None
            for name, read in ((strip, read_picture), (sheet, read_sheet))
        )
        own, *further = record.in_each_space()
        results += [
            Result(path, own, of_strip, sheet=of_sheet),
            *(Result(path, other, of_strip, own_space=False, sheet=of_sheet) for other in further),
        ]
    return results


def read_sheet(path: Path) -> Picture:
    """Check a sheet of samples, and that it is laid out as `bench.runs.sheet` says.

    Raises:
        BadInput: as for `read_picture`, or other proportions.
    """
    sheet = read_picture(path)
    if sheet.width != POINT_SQUARES * sheet.height and (sheet.width % SQUARES or SQUARES * sheet.height % sheet.width):
        raise BadInput(
            f"{path}: {sheet.width} x {sheet.height} pixels: must be {SQUARES} squares in each row, or "
            f"{POINT_SQUARES} of points in one row"
        )
    if (sheet.rows or 0) > MOST_ROWS:
        raise BadInput(f"{path}: {sheet.width} x {sheet.height} pixels: the most is {MOST_ROWS:,} rows")
    return sheet


def read_picture(path: Path) -> Picture:
    """Check a PNG from its first chunk to its last, and read its size: the page reserves the space for it.

    Raises:
        BadInput: it is no file, no PNG, too large, damaged, or more than the image.
    """
    content = read_untrusted(path, MOST_STRIP_BYTES)
    if len(content) < 24 or not content.startswith(_PNG_START):
        raise BadInput(f"{path}: not a PNG image")
    width, height = struct.unpack_from(">II", content, 16)
    if not (0 < width <= MOST_STRIP_SIDE and 0 < height <= MOST_STRIP_SIDE and width * height <= MOST_STRIP_PIXELS):
        raise BadInput(
            f"{path}: {width} x {height} pixels: choose from 1 to {MOST_STRIP_SIDE:,} each way, "
            f"{MOST_STRIP_PIXELS:,} in all"
        )
    place, kind = 8, b""
    while kind != b"IEND":
        # A chunk: the length of its content, four letters, the content, and the checksum of letters and content.
        start, place = place, place + 12 + int.from_bytes(content[place : place + 4], "big")
        if place > len(content):
            raise BadInput(f"{path}: the image is truncated")
        kind = content[start + 4 : start + 8]
        if zlib.crc32(content[start + 4 : place - 4]) != int.from_bytes(content[place - 4 : place], "big"):
            raise BadInput(f"{path}: the image is damaged")
    if place < len(content):
        raise BadInput(f"{path}: {len(content) - place:,} bytes after the end of the image")
    return Picture(path, width, height)
