"""What a GPU day leaves: a JSON file for each part, at once, and all of them in one report that names the device.

OUT/device.json          what it runs on; another device is refused
OUT/parts/NAME.json      what a part has found, or why it failed
OUT/report.json          both together: what a page is made of, and what is committed
OUT/logs, OUT/runs, OUT/compiled, OUT/work
"""

import datetime
import json
import os
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.errors import BadInput
from bench.files.atomic import make_folder, remove_unfinished, write_text
from bench.files.untrusted import read_untrusted_json
from bench.files.validation import one_line

MOST_REPORT_BYTES = 8_000_000


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Device(_Section):
    """What the parts were measured on.

    Attributes:
        rehearsal: whether it is a CPU, with tiny sizes: nothing that it says of speed means anything.
        memory_bytes: of the GPU; of the machine in a rehearsal.
        cores: of the CPU.
        commit: of the benchmark, None where it is no checkout.
    """

    name: str = Field(min_length=1)
    kind: Literal["cuda", "cpu"]
    rehearsal: bool
    memory_bytes: int = Field(gt=0)
    capability: str | None = None
    driver: str | None = None
    cuda: str | None = None
    torch: str
    python: str
    cores: int = Field(ge=1)
    date: datetime.date
    commit: str | None = None
    dirty: bool | None = None

    def differs_from(self, other: "Device") -> str | None:
        """Return the first thing in which two devices differ whose figures must not be mixed; None where none does."""
        for key in ("name", "kind", "rehearsal", "memory_bytes", "driver", "torch"):
            if getattr(self, key) != getattr(other, key):
                return f"{key} is {getattr(other, key)} there and {getattr(self, key)} here"
        return None


class Part(_Section):
    """What became of a part.

    Attributes:
        found: what was measured; with `whole` false, what was there when it was cut.
        failed: why there is nothing (more), in one line.
        whole: whether it came to its end.
        seconds: that it took.
        commit: of the benchmark that it was measured with, where that is not the report's.
    """

    found: dict[str, Any] | None = None
    failed: str | None = None
    whole: bool = False
    seconds: float = Field(default=0.0, ge=0)
    commit: str | None = None


class Report(_Section):
    """Everything that was measured on one device."""

    schema_version: Literal[1] = 1
    device: Device
    parts: dict[str, Part]

    def found(self, part: str) -> dict[str, Any]:
        """Return what a part has found, nothing where it has not been run or has failed."""
        there = self.parts.get(part)
        return {} if there is None or there.found is None else there.found


def read_report(path: Path) -> Report:
    """Read a report.

    Raises:
        BadInput: it is no report, or says of no device that it is from.
    """
    try:
        return Report.model_validate(read_untrusted_json(path, MOST_REPORT_BYTES))
    except ValidationError as error:
        raise BadInput(f"{path}: not a report of benchmarks/gpu.py: {one_line(error)}") from error


class Folder:
    """The folder of a GPU day."""

    def __init__(self, path: Path) -> None:
        """Use the folder at `path`, made where it is not there; `lock` says whether somebody else measures in it."""
        self.path = path
        self.parts, self.logs, self.runs = path / "parts", path / "logs", path / "runs"
        self.compiled, self.work = path / "compiled", path / "work"

    def make(self) -> None:
        """Make the folders, and remove what a killed process has left: half written files, and marks of its workers.

        Raises:
            BadInput: they cannot be made, or there is something else.
        """
        for folder in (self.path, self.parts, self.logs, self.runs, self.compiled, self.work):
            make_folder(folder)
        if not os.access(self.path, os.W_OK):
            raise BadInput(f"--out {self.path}: the folder cannot be written: choose another")
        remove_unfinished(self.path)
        remove_unfinished(self.parts)
        for mark in self.parts.glob("*.running"):
            mark.unlink()

    def lock(self) -> FileLock:
        """Take the folder for this process.

        Raises:
            BadInput: another process measures there.
        """
        lock = FileLock(self.path / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise BadInput(f"--out {self.path}: another process measures there: wait, or choose another") from error
        return lock

    def check_device(self, device: Device) -> None:
        """Keep the device of a new folder.

        Raises:
            BadInput: the folder is of another device, or what it says is damaged.
        """
        there = self.device()
        if there is None:
            write_text(self.path / "device.json", device.model_dump_json(indent=2) + "\n")
        elif (difference := device.differs_from(there)) is not None:
            raise BadInput(f"--out {self.path}: is of another device: {difference}: choose another folder")

    def device(self) -> Device | None:
        """Return the device that the folder is of, None where it is new."""
        path = self.path / "device.json"
        return self._read(path, Device) if path.exists() else None

    def part(self, name: str) -> Part | None:
        """Return what became of a part, None where it has not begun; BadInput where its file is damaged."""
        path = self.parts / f"{name}.json"
        return self._read(path, Part) if path.exists() else None

    def is_done(self, name: str) -> bool:
        """Return whether a part came to its end; what has failed or was cut is tried again."""
        part = self.part(name)
        return part is not None and part.whole and part.failed is None

    def keep(self, name: str, part: Part) -> None:
        """Write what became of a part, in one step."""
        write_text(self.parts / f"{name}.json", part.model_dump_json(indent=1, exclude_defaults=True) + "\n")

    def running(self, job: str) -> Path:
        """Return where the worker of a job says which part it is at."""
        return self.parts / f"{job}.running"

    def report(self) -> Report:
        """Return everything that is there.

        Raises:
            BadInput: the folder is of no device, or a file in it is damaged.
        """
        device = self.device()
        if device is None:
            raise BadInput(
                f"{self.path}: nothing measured there (device.json is missing): run benchmarks/gpu.py first"
            )
        names = sorted(path.stem for path in self.parts.glob("*.json") if not path.name.startswith("."))
        return Report(device=device, parts={name: part for name in names if (part := self.part(name)) is not None})

    def write_report(self) -> Path:
        """Write everything that is there into one file, and return its path."""
        path = self.path / "report.json"
        content = self.report().model_dump(mode="json", exclude_defaults=True)
        write_text(path, json.dumps({"schema_version": 1} | content, indent=1) + "\n")
        return path

    @staticmethod
    def _read(path: Path, kind: Any) -> Any:
        try:
            return kind.model_validate(read_untrusted_json(path, MOST_REPORT_BYTES))
        except ValidationError as error:
            raise BadInput(f"{path}: damaged: {one_line(error)}: remove it, and it is measured again") from error
