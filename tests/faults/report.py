"""What a part of the campaign has found, and the table of all parts."""

import json
import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faults.cells import Place, Workshop, differences, outcome
from faults.forks import Ended


@dataclass
class Part:
    """One kind of fault.

    Attributes:
        kind: what is done.
        faults: how often it was done.
        recovered: after how many of them the same command ended with exit status 0.
        differ: after how many of them the records, or what stands beside them, are not the undisturbed ones.
        seconds: what all this took.
        counts: faults by what they hit.
        problems: what went wrong, for whoever has to find out why.
        skipped: why it could not be done here.
    """

    kind: str
    faults: int = 0
    recovered: int = 0
    differ: int = 0
    seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    skipped: str = ""
    _started: float = field(default_factory=time.monotonic)

    def problem(self, place: Place, text: str, ended: Ended | None = None) -> None:
        """Keep what went wrong, with the last lines of the log."""
        tail = "" if ended is None else "\n    " + "\n    ".join(ended.err.splitlines()[-12:])
        self.problems.append(f"{self.kind}: {place.command.name} in {place.folder}: {text}{tail}")

    def settle(
        self,
        workshop: Workshop,
        place: Place,
        ended: Ended,
        faults: int,
        *,
        besides: Collection[str] = (),
        with_command: str | None = None,
    ) -> None:
        """Count the faults of a place whose command has been repeated until it ended by itself.

        Args:
            workshop: knows what is to be found.
            place: where the faults were.
            ended: the last attempt.
            faults: how many there were.
            besides: what may be another.
            with_command: the name of another command that has the same runs folder.
        """
        self.faults += faults
        if ended.status != 0 or ended.crashed:
            self.problem(place, f"exit status {ended.status}", ended)
            return
        self.recovered += faults
        wanted = workshop.undisturbed(place.command.name).outcome
        if with_command is not None:
            wanted = wanted | workshop.undisturbed(with_command).outcome
        if different := [name for name in differences(outcome(place), wanted) if name not in besides]:
            self.differ += faults
            self.problem(place, f"not as undisturbed: {', '.join(different)}", ended)
        if left := place.unfinished():
            self.problem(place, f"left unfinished: {', '.join(map(str, left))}")

    def check_kept(self, place: Place, kept: dict[Path, tuple[int, int]], ended: Ended) -> None:
        """Note where an attempt has lost files of finished generations, or has written them again.

        Args:
            place: where it was.
            kept: what `finished_files` returned before it.
            ended: how it ended.
        """
        now = place.finished_files()
        if again := sorted(str(path) for path, identity in kept.items() if now.get(path) != identity):
            self.problem(place, f"finished, and lost or written again: {', '.join(again)}", ended)

    def clear(self, place: Place) -> None:
        """Remove a place in which nothing went wrong."""
        if not any(str(place.folder) in text for text in self.problems):
            place.remove()

    def end(self) -> "Part":
        """Stop the clock."""
        self.seconds = time.monotonic() - self._started
        return self

    @property
    def passed(self) -> bool:
        """Whether nothing went wrong."""
        return not self.problems and self.recovered == self.faults and self.differ == 0

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        names = ("kind", "faults", "recovered", "differ", "problems", "skipped")
        content = {name: getattr(self, name) for name in names}
        return content | {"seconds": round(self.seconds, 1), "counts": dict(sorted(self.counts.items()))}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> "Part":
        """Return what `to_dict` was made of."""
        return cls(**content | {"counts": Counter(content["counts"])})


def to_json(parts: list[Part]) -> str:
    """Return the parts as JSON."""
    return json.dumps({"passed": all(p.passed for p in parts), "parts": [p.to_dict() for p in parts]}, indent=2)


def to_text(parts: list[Part]) -> str:
    """Return the parts as a table, with what the faults hit and what went wrong below it."""
    lines = [f"{'kind':40} {'faults':>7} {'recovered':>10} {'records that differ':>20} {'seconds':>8}"]
    lines += [
        f"{p.kind:40} not done: {p.skipped}"
        if p.skipped
        else f"{p.kind:40} {p.faults:7} {p.recovered:10} {p.differ:20} {p.seconds:8.0f}"
        for p in parts
    ]
    for part in parts:
        if part.counts:
            lines += ["", part.kind]
            lines += [f"  {count:6}  {what}" for what, count in sorted(part.counts.items())]
    if problems := [problem for part in parts for problem in part.problems]:
        lines += ["", *problems]
    return "\n".join(lines)
