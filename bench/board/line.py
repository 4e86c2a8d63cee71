"""A row as the pages show it: its curves, what it is called, and its addresses."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bench.board.columns import row_values
from bench.board.conditions import Conditions
from bench.board.curves import Curve
from bench.board.row import Row
from bench.board.tables import PLAIN_POOL, describe_params
from bench.cells.cell import Cell
from bench.files.hashing import canonical_sha256


@dataclass(frozen=True)
class Line:
    """A row of a table as the pages show it.

    Attributes:
        row: its numbers.
        curves: of each metric that its cells have.
    """

    row: Row
    curves: dict[str, Curve]

    @property
    def cell(self) -> Cell:
        """The cell of its first seed."""
        return self.row.entry.cell

    @cached_property
    def line(self) -> str:
        """The name of its curves in a page of curves: one for a method with its parameters and pool, in all tracks."""
        return line_name(self.cell)

    @property
    def label(self) -> str:
        """What the line is called in legends."""
        pool = self.cell.loop.pool
        words = [self.cell.method.name, describe_params(self.cell), "" if pool == "previous" else f"pool {pool}"]
        words += ["earlier file"] * (self.row.entry.earlier_file is not None)
        return ", ".join(filter(None, words))

    @property
    def beside_plain(self) -> str:
        """What a page of curves shows of it: its line beside the plain loop's."""
        plain = self.row.track.plain
        lines = [self.line] if plain is None else [line_name(plain.cell), self.line]
        return ",".join(dict.fromkeys(lines))

    @property
    def method_page(self) -> str:
        """The address of its method's page, below methods/."""
        return method_page(self.cell)

    @property
    def state(self) -> str:
        """Whether it is ranked, the plain loop, a control, or not ranked."""
        entry = self.row.entry
        if self.row.is_plain:
            return "plain"
        return "control" if entry.is_control else "ranked" if self.row.rank else "unranked"

    @property
    def name(self) -> str:
        """The method's name in words."""
        return self.cell.method.name.replace("_", " ")

    @property
    def title(self) -> str:
        """What the line is called in a picture: the method, its pool where that is another, and its parameters."""
        name = "plain loop" if self.row.is_plain else self.name
        pool = "" if self.cell.loop.pool == PLAIN_POOL else f"pool {self.cell.loop.pool}"
        return ", ".join(filter(None, (name, pool, describe_params(self.cell))))

    @property
    def place(self) -> str:
        """The row's own address on the index: one in each feature space."""
        features = canonical_sha256(Conditions.of(self.row.entry.results[0].record).features_sha256)
        return f"row-{self.row.entry.key}-{features[:4]}"

    @property
    def own_curves(self) -> str:
        """What a page of curves shows of it in its own loop: that loop, the line and the plain loop's."""
        return f"track-{self.row.track.key},{self.beside_plain}"

    @cached_property
    def values(self) -> dict[str, Any]:
        """What the row is sorted, filtered and found by."""
        return row_values(self.row, self.curves, self.state)


def line_name(cell: Cell) -> str:
    """Return the name of a line in addresses."""
    method = cell.method
    return f"{_word(method.name)}-{canonical_sha256([method.model_dump(mode='json'), cell.loop.pool])[:6]}"


def method_page(cell: Cell) -> str:
    """Return the address of a method's page, below methods/: one for each file that had this name."""
    return f"{_word(cell.method.name)}-{cell.method.sha256[:8]}.html"


def _word(name: str) -> str:
    """Return a name as a part of an address, whatever it holds."""
    return re.sub("[^a-z0-9_]+", "-", name.lower())[:60]
