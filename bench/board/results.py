"""Find the records that a page is made from, and the collapse strip that lies beside each."""

import struct
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BadInput
from bench.record import Record, read_record

_PNG_START = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR"


@dataclass(frozen=True)
class Strip:
    """A collapse strip: one row of pictures per generation, the same latents in each row.

    Attributes:
        path: the PNG file.
        width: in pixels.
        height: in pixels.
    """

    path: Path
    width: int
    height: int


@dataclass(frozen=True)
class Result:
    """A cell's scores in one feature space and, if there is one, its strip.

    Attributes:
        path: of the record's file.
        record: with the scores of this space.
        strip: of the cell.
        own_space: whether the space is the task's, and not one that the cell was scored in afterwards.
    """

    path: Path
    record: Record
    strip: Strip | None
    own_space: bool = True

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
        folder: a runs folder, whose cells are cells/*/record.json with strip.png beside it; or any other folder, in
            which every *.json at any depth is a record, with <stem>.png beside it.

    Returns:
        The results in the order of their paths, of each record one for every feature space that it has scores in.

    Raises:
        BadInput: `folder` is not a folder, a record is not valid, a strip is not a PNG, or two files are records of
            the same cell.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder}: not a folder; give a runs folder or a folder of result files")
    if (folder / "cells").is_dir():
        files = {path: path.with_name("strip.png") for path in folder.glob("cells/*/record.json")}
    else:
        files = {path: path.with_suffix(".png") for path in folder.rglob("*.json")}

    results = []
    seen: dict[str, Path] = {}
    for path, strip in sorted(files.items()):
        record = read_record(path)
        if record.cell_id in seen:
            raise BadInput(f"{path}: a record of the same cell as {seen[record.cell_id]}; keep one of them")
        seen[record.cell_id] = path
        found = _read_strip(strip) if strip.is_file() else None
        own, *further = record.in_each_space()
        results += [Result(path, own, found), *(Result(path, other, found, own_space=False) for other in further)]
    return results


def _read_strip(path: Path) -> Strip:
    """Read a PNG's size from its header: the page reserves the space, so that its anchors do not jump."""
    try:
        with path.open("rb") as file:
            header = file.read(24)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error
    if len(header) < 24 or not header.startswith(_PNG_START):
        raise BadInput(f"{path}: not a PNG image")
    width, height = struct.unpack(">II", header[16:])
    return Strip(path, width, height)
