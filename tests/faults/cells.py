"""The commands that the campaign disturbs, and what they must leave behind."""

import hashlib
import random
import re
import shutil
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from builders import comparable
from PIL import Image

from bench import paths
from bench.files.atomic import UNFINISHED
from faults.forks import Attempt, Ended
from faults.inside import NOTHING, Fault

GENERATIONS = 3
LOOPS = f"""\
fully_synthetic = {{ generations = {GENERATIONS}, n_initial = 80, n_real = 0, n_synthetic = 70 }}
synthetic_augmentation = {{ generations = {GENERATIONS}, n_initial = 80, n_real = 60, n_synthetic = 70 }}
fresh_data = {{ generations = {GENERATIONS}, n_initial = 80, n_real = 30, n_synthetic = 70 }}
"""
DDPM = """\
channels = [16]
layers_per_block = 1
attention = false
images = 160
batch_size = 16
learning_rate = 3e-3
sampling_steps = 5
sampling_batch = 80
"""
STYLEGAN = """\
channels = [16]
latent = 16
augment = []
r1_weight = 1.0
images = 160
batch_size = 16
learning_rate = 4e-3
sampling_batch = 80
"""
PICTURES_HEAD = """\
name = "pictures"
version = 1
title = "Made-up pictures of a user"

[data]
source = "image_files"
citation = "made up"
channels = 1
size = 8
training = 160
reference = 80

[score]
k = 5
"""


def write_tasks(folder: Path) -> dict[str, Path]:
    """Write the task files of the campaign: the digits with a budget of a second, and pictures that a user gives."""
    digits = (paths.TASKS / "digits.toml").read_text()
    weights = paths.TASKS / tomllib.loads(digits)["features"]["weights"]
    digits = re.sub(r'(?m)^weights = ".*"$', f'weights = "{weights}"', digits)
    digits = re.sub(r"(?s)(\[tiers\.smoke\]\n).*?(?=\n[^\n]*\n\[tiers\.standard\])", "", digits)
    files = {
        "digits": f"{digits}\n{_tier('smoke', '')}",
        "pictures": PICTURES_HEAD
        + "".join(_tier(t, 'features = "identity"\n') for t in ("smoke", "standard", "paper")),
    }
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text)
    return {name: folder / f"{name}.toml" for name in files}


def _tier(name: str, features: str) -> str:
    return (
        f"[tiers.{name}]\nn_score = 60\n{features}[tiers.{name}.loops]\n{LOOPS}"
        f"[tiers.{name}.generators.ddpm]\n{DDPM}[tiers.{name}.generators.stylegan]\n{STYLEGAN}"
    )


def write_pictures(folder: Path) -> None:
    """Write the pictures that `autophagy data` is given."""
    folder.mkdir()
    pixels = np.random.RandomState(0).randint(0, 256, (240, 8, 8), dtype=np.uint8)
    for i, picture in enumerate(pixels):
        Image.fromarray(picture).save(folder / f"{i:03d}.png")


@dataclass(frozen=True)
class Command:
    """A command of one cell or more.

    Attributes:
        name: what it is called in the tables.
        arguments: of `autophagy run`, without the folders.
    """

    name: str
    arguments: tuple[str, ...]


def commands(tasks: dict[str, Path]) -> dict[str, Command]:
    """Return the commands of the campaign, by name."""
    digits, pictures = str(tasks["digits"]), str(tasks["pictures"])
    found = [
        Command("digits", ("--task", digits, "--loop", "fully_synthetic")),
        Command("digits, two seeds", ("--task", digits, "--loop", "fully_synthetic", "--seeds", "0,1")),
        Command("digits accumulated", ("--task", digits, "--loop", "fresh_data", "--pool", "accumulated")),
        Command("digits teacher", ("--task", digits, "--loop", "fully_synthetic", "--method", "teacher")),
        Command("digits neon", ("--task", digits, "--loop", "synthetic_augmentation", "--method", "neon")),
        Command("digits stylegan", ("--task", digits, "--loop", "fully_synthetic", "--generator", "stylegan")),
        Command("gaussian", ("--task", "gaussian", "--generator", "gaussian", "--loop", "fully_synthetic")),
        Command(
            "gaussian short",
            ("--task", "gaussian", "--generator", "gaussian", "--loop", "fresh_data", "--generations", "3"),
        ),
        Command("pictures", ("--task", pictures, "--loop", "fully_synthetic")),
    ]
    return {command.name: command for command in found}


@dataclass
class Place:
    """Where a command runs: its runs, its cache, its results and its logs."""

    folder: Path
    command: Command
    runs: Path = field(init=False)
    cache: Path = field(init=False)
    results: Path = field(init=False)
    _logs: int = 0

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.runs, self.cache, self.results = (self.folder / name for name in ("runs", "cache", "results"))

    def shared_with(self, folder: Path, command: Command) -> "Place":
        """Return a place for another runner with the same runs, cache and results; its logs go to `folder`."""
        other = Place(folder, command)
        other.runs, other.cache, other.results = self.runs, self.cache, self.results
        return other

    def start(self, fault: Fault = NOTHING, more: Sequence[str] = ()) -> Attempt:
        """Start the command; `more` are further arguments."""
        self._logs += 1
        arguments = ["run", *self.command.arguments, "--device", "cpu", "--runs", str(self.runs)]
        return Attempt.start(
            [*arguments, "--results", str(self.results), *more],
            self.folder / f"log-{self._logs:03d}",
            {"AUTOPHAGY_CACHE": str(self.cache)},
            fault.install,
        )

    def run(self, fault: Fault = NOTHING) -> Ended:
        """Run the command to its end, whatever that is."""
        return self.start(fault).end()

    def finished_files(self) -> dict[Path, tuple[int, int]]:
        """Return the files of the finished generations, with what changes where one is written again."""
        return {
            path.relative_to(self.folder): (path.stat().st_ino, path.stat().st_mtime_ns)
            for done in self.runs.glob("cells/*/generation-*/generation.json")
            for path in done.parent.iterdir()
        }

    def unfinished(self) -> list[Path]:
        """Return the files under the name of a file that is being written, but for copies of records."""
        found = (path for part in (self.runs, self.cache) for path in part.rglob(".*.part"))
        return [path for path in found if UNFINISHED.fullmatch(path.name)]

    def remove(self) -> None:
        """Remove it with everything in it."""
        shutil.rmtree(self.folder)


def outcome(place: Place) -> dict[str, Any]:
    """Return what a command leaves that is a function of its cells: records, samples, weights, strips."""
    found: dict[str, Any] = {}
    for folder in sorted(place.runs.glob("cells/*")):
        kept = [*folder.glob("generation-[0-9][0-9][0-9]/*.safetensors"), *folder.glob("strip.png")]
        found |= {
            str(path.relative_to(place.runs)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(kept)
        }
        record = folder / "record.json"
        found[str(record.relative_to(place.runs))] = _compared(record)
    for result in sorted(place.results.glob("*.json")):
        found[f"results/{result.name}"] = _compared(result)
    return found


def _compared(record: Path) -> Any:
    """Return what of a record is a function of its cell."""
    try:
        return comparable(record)
    except (OSError, ValueError) as error:
        return f"unreadable: {error}"


def differences(found: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """Return the names of what is missing, is too much or is another."""
    return sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))


@dataclass(frozen=True)
class Undisturbed:
    """What a command leaves when nothing happens to it, and how long it takes.

    Attributes:
        outcome: see `outcome`.
        seconds: from the fork to the end.
        writes: how many files it writes.
        bytes: what its runs, results and cache take.
    """

    outcome: dict[str, Any]
    seconds: float
    writes: int
    bytes: dict[str, int]


class Workshop:
    """Makes places, and knows what each command leaves undisturbed.

    Attributes:
        folder: of everything.
        random: says what is disturbed, when and where.
        tasks: the task files, by name.
        commands: by name.
    """

    def __init__(self, folder: Path) -> None:
        """Work in a folder that is there and empty."""
        self.folder = folder
        self.random = random.Random(0)
        self.tasks = write_tasks(folder)
        self.commands = commands(self.tasks)
        self._pictures = folder / "given"
        write_pictures(self._pictures)
        self._undisturbed: dict[str, Undisturbed] = {}
        self._places = 0

    def place(self, name: str) -> Place:
        """Return a new place for the command of this name."""
        return self.furnish(Place(self.new_folder(), self.commands[name]))

    def new_folder(self) -> Path:
        """Return the path of a folder that is not there yet."""
        self._places += 1
        return self.folder / f"place-{self._places:04d}"

    def furnish(self, place: Place) -> Place:
        """Put in a place what its command needs before the first run."""
        if place.command.name == "pictures":
            arguments = ["data", str(self.tasks["pictures"]), "--from", str(self._pictures)]
            log = place.folder / "data"
            ended = Attempt.start(arguments, log, {"AUTOPHAGY_CACHE": str(place.cache)}, lambda marks: None).end()
            assert ended.status == 0, ended.err
        return place

    def undisturbed(self, name: str) -> Undisturbed:
        """Return what the command of this name leaves; it is run when this is first asked."""
        if name not in self._undisturbed:
            place = self.place(name)
            attempt = place.start()
            ended = attempt.end()
            assert ended.status == 0, ended.err
            self._undisturbed[name] = Undisturbed(
                outcome(place),
                ended.seconds,
                attempt.marks.writes,
                {part: _size(place.folder / part) for part in ("runs", "cache", "results")},
            )
            place.remove()
        return self._undisturbed[name]


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
