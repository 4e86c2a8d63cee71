"""What is done, running, resumable and failed in a runs folder; it may be worked on by many machines at the moment."""

import json
import os
import socket
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from bench.errors import BadInput, Damaged
from bench.files.claim import LEASE_SECONDS, Holder, read_holder
from bench.files.sealed import read_sealed
from bench.process.progress import STATE
from bench.process.tables import table
from bench.runs.stored import FAILURE, n_finished, read_stored_cell

State = Literal["done", "running", "resumable", "failed", "damaged"]
STATES: tuple[State, ...] = ("done", "running", "resumable", "failed", "damaged")


@dataclass(frozen=True)
class CellStatus:
    """How a cell of a runs folder stands.

    Attributes:
        name: of its folder.
        state: `done` (it has a record), `running` (a process works on it), `failed` (the last attempt), `resumable`
            (nobody works on it; the command that started it goes on), `damaged` (nobody can tell what it is).
        finished: how many generations are finished.
        generations: how many there will be.
        detail: what is being done and where, or why it failed.
    """

    name: str
    state: State
    finished: int
    generations: int
    detail: str


def read_status(runs: Path) -> list[CellStatus]:
    """Return how each cell of a runs folder stands, in the order of their names.

    Raises:
        BadInput: there is no such runs folder.
    """
    if not (runs / "cells").is_dir():
        raise BadInput(f"--runs {runs}: there is no folder cells in it: `autophagy run` makes one")
    return [_status(path) for path in sorted((runs / "cells").glob("[!.]*")) if path.is_dir()]


def status_table(cells: Sequence[CellStatus], everything: bool) -> str:
    """Return a line for each cell, for the finished ones only where `everything` is asked for, and the sums."""
    rows = [("cell", "state", "generations", "")]
    rows += [
        (cell.name, cell.state, f"{cell.finished} of {cell.generations}", cell.detail)
        for cell in cells
        if everything or cell.state != "done"
    ]
    counts = Counter(cell.state for cell in cells)
    sums = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state]) or "none"
    return "\n".join([table(rows)] * (len(rows) > 1) + [f"{len(cells)} cells: {sums}"])


def status_json(cells: Sequence[CellStatus]) -> str:
    """Return the same as JSON, all cells."""
    return json.dumps([asdict(cell) for cell in cells], indent=2)


def _status(path: Path) -> CellStatus:
    try:
        stored = read_stored_cell(path)
    except Damaged as error:
        return CellStatus(path.name, "damaged", 0, 0, f"cell.json: {error.reason}")
    generations = stored.cell.loop.generations
    state, detail = _state(path)
    return CellStatus(path.name, state, n_finished(path, generations), generations, detail)


def _state(path: Path) -> tuple[State, str]:
    if (path / "record.json").exists():
        return "done", ""
    holder = read_holder(path)
    if holder is not None:
        # The age is by this machine's clock against that of the storage: it only says what to expect.
        age = time.time() - holder.seen_at
        if not _is_dead(holder) and age < LEASE_SECONDS:
            ahead = f", whose clock is {-age:.0f} s ahead: it may have ended" if age < -LEASE_SECONDS else ""
            return "running", f"{_doing(path)} on {holder}{ahead}"
        detail = f"{holder} has ended" if _is_dead(holder) else f"{holder} gave no sign of life for {age:.0f} s"
        return "resumable", detail
    try:
        failure = read_sealed(path / FAILURE)
    except Damaged:
        return "resumable", ""
    return "failed", f"{failure.get('error')} (on {failure.get('where')})"


def _doing(path: Path) -> str:
    try:
        state = json.loads((path / STATE).read_text(encoding="utf-8"))
        return f"{state['doing']} {100 * state['done'] / state['total']:.0f}%"
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError):
        return "begins"


def _is_dead(holder: Holder) -> bool:
    """Return whether the process is one of this machine that is no more."""
    if holder.host != socket.gethostname() or sys.platform == "win32":  # where signal 0 is Ctrl-C
        return False
    try:
        os.kill(holder.process, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
