"""A folder with finished cells and a leaderboard."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image

from bench.cells.record import Record, read_record


@dataclass(frozen=True)
class Place:
    """A folder in which cells are submitted.

    Attributes:
        path: the folder; runs/ has seeds 0 to 2 of the method mine and of the plain loop, finished.
    """

    path: Path

    @property
    def method_was_imported(self) -> bool:
        return hasattr(torch, "trace_of_mine")

    @property
    def runs(self) -> Path:
        return self.path / "runs"

    @property
    def method(self) -> Path:
        return self.path / "mine.py"

    @property
    def leaderboard(self) -> Path:
        return self.path / "leaderboard"

    def cell(self, seed: int, method: str = "mine") -> Path:
        [path] = self.runs.glob(f"cells/*-{method}-smoke-seed{seed}-*")
        return path

    def edit(self, seed: int, change: Callable[[Record], Record], method: str = "mine") -> Path:
        """Replace the record of a cell by another one, valid in itself; return the cell's folder."""
        path = self.cell(seed, method) / "record.json"
        path.write_text(change(read_record(path)).to_json())
        return path.parent

    def files(self) -> dict[str, bytes]:
        """The files of the leaderboard folder."""
        found = (path for path in self.leaderboard.rglob("*") if path.is_file())
        return {str(path.relative_to(self.leaderboard)): path.read_bytes() for path in found}


def png(width: int = 4, height: int = 3) -> bytes:
    """A small picture."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height)).save(buffer, "PNG")
    return buffer.getvalue()
