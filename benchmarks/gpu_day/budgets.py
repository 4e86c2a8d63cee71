"""Budgets of the standard tier from what was measured: ten generations in an hour, the best G^1 that this buys.

A generation has an hour's tenth, less what sampling and scoring take; what is left trains. More images make a better
generator until it has seen its few training images too often, so a budget is at most that of the paper tier, the
paper's own scale. `--apply` writes it into copies of the task files with the next version.
"""

import math
import re
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cells.task import Task, load_task
from bench.errors import BadInput
from bench.files.atomic import make_folder, write_text
from gpu_day.parts import NETWORKS
from gpu_day.report import Report

TIER, LARGEST = "standard", "paper"
CELL_SECONDS, GENERATIONS = 3600.0, 10
SPARE = 0.85  # of the time: methods, checkpoints, machines that are not quiet
SCORING_SECONDS = 15.0  # of a generation, where stage d has not measured it
DIGITS = 2  # of a budget
COMPUTED = re.compile(r"# .*[Cc]omputed, not measured.*")


@dataclass(frozen=True)
class Budget:
    """What a network is to be given.

    Attributes:
        task: of the network.
        generator: of the network.
        before: images per generation in the task file.
        images: images per generation that were found.
        epochs: how often that is each of the images of a generation, in the fully synthetic loop.
        training, sampling, scoring: seconds of a generation.
        why: what bounds it, in words.
    """

    task: str
    generator: str
    before: int
    images: int
    epochs: float
    training: float
    sampling: float
    scoring: float
    why: str


def proposed(report: Report) -> list[Budget]:
    """Return budgets for the networks of which training and sampling were measured."""
    budgets = []
    for network in NETWORKS:
        training, sampling = report.found(f"b.{network}.compiled"), report.found(f"c.{network}")
        # Where graphs or eager code are faster, that is what there is to gain, and not yet what a cell does.
        speed, drawn = training.get("images_per_second"), sampling.get("plain_images_per_second")
        if not speed or not drawn:
            continue
        budgets.append(_budget(report, load_task(network.rpartition("-")[0]), network, speed, drawn))
    return budgets


def _budget(report: Report, task: Task, network: str, speed: float, drawn: float) -> Budget:
    generator = network.rpartition("-")[2]
    tier = task.tiers[TIER]
    sizes = tier.loops["fully_synthetic"]
    sampling = max(sizes.n_synthetic, tier.n_score) / drawn
    scoring = _scoring_seconds(report, tier.n_score)
    training = CELL_SECONDS * SPARE / GENERATIONS - sampling - scoring
    why = f"{CELL_SECONDS / GENERATIONS:.0f} s a generation"
    images = rounded_down(max(0.0, training) * speed)
    most = task.tiers[LARGEST].generators[generator]["images"] if LARGEST in task.tiers else images
    if images > most:
        images, why = most, f"the budget of the {LARGEST} tier"
    return Budget(
        task=task.name,
        generator=generator,
        before=tier.generators[generator]["images"],
        images=images,
        epochs=images / sizes.n_initial,
        training=images / speed,
        sampling=sampling,
        scoring=scoring,
        why=why,
    )


def _scoring_seconds(report: Report, n: int) -> float:
    """Return how long features and metrics of n images take, by what stage d has found of more of them."""
    features, metrics = report.found("d.inception"), report.found("d.metrics")
    if not features.get("images_per_second") or not metrics.get("prdc_seconds"):
        return SCORING_SECONDS
    # Not less than in proportion to all pairs: smaller blocks fill the device less.
    pairs = metrics["prdc_seconds"] * n / metrics["n"]
    return n / features["images_per_second"] + pairs + metrics["fid_seconds"]


def rounded_down(value: float) -> int:
    """Return a number with DIGITS digits that are not 0, not above the value."""
    if value < 1:
        return 0
    unit = 10 ** max(0, math.floor(math.log10(value)) - DIGITS + 1)
    return int(value // unit) * unit


def apply(report: Report, folder: Path) -> list[Path]:
    """Write copies of the task files with the budgets that were found, and return their paths.

    Raises:
        BadInput: the report is of a rehearsal or has no speeds, or a folder cannot be written.
    """
    budgets = proposed(report)
    if report.device.rehearsal:
        raise BadInput("--apply: the report is of a rehearsal, which says nothing of speed: measure a GPU first")
    if not budgets:
        raise BadInput("--apply: neither training nor sampling of any network was measured: run the stages b and c")
    if small := [f"{each.task} {each.generator}" for each in budgets if each.images < 1]:
        raise BadInput(f"--apply: sampling alone takes longer than a generation may: {', '.join(small)}")
    make_folder(folder)
    written = []
    for name in dict.fromkeys(budget.task for budget in budgets):
        task = load_task(name)
        mine = {each.generator: each.images for each in budgets if each.task == name}
        where = f"{report.device.name}, {report.device.date}"
        said = f"# One GPU: images measured on {where}, for an hour of ten generations."
        text = with_budgets(task.path.read_text(encoding="utf-8"), mine, said)
        if task.features is not None:
            weights = folder / task.features.weights
            make_folder(weights.parent)
            shutil.copyfile(task.path.parent / task.features.weights, weights)
        path = folder / f"{name}.toml"
        write_text(path, text)
        load_task(str(path))  # what is written is a task
        written.append(path)
    return written


def with_budgets(text: str, images: Mapping[str, int], said: str) -> str:
    """Return a task file's text with the next version and these images of the standard tier; the rest stays.

    Args:
        text: of a task file.
        images: by generator.
        said: the comment that takes the place of the one that calls the budgets computed.

    Raises:
        BadInput: the file is written in a way that is not known here.
    """
    before = tomllib.loads(text)
    wanted = before | {"version": before["version"] + 1}
    generators: dict[str, Any] = dict(wanted["tiers"][TIER]["generators"])
    for name, budget in images.items():
        generators[name] = generators[name] | {"images": budget}
    wanted["tiers"] = wanted["tiers"] | {TIER: wanted["tiers"][TIER] | {"generators": generators}}
    found = "\n".join(_edited(text.splitlines(), before["version"] + 1, images, said)) + "\n"
    if tomllib.loads(found) != wanted:
        raise BadInput(f"{before['name']}.toml: not written as [tiers.{TIER}.generators.NAME] with a key a line")
    return found


def _edited(lines: list[str], version: int, images: Mapping[str, int], said: str) -> Iterator[str]:
    section = ""
    for i, line in enumerate(lines):
        if (header := re.fullmatch(r"\s*\[([A-Za-z0-9_.\- ]+)\]\s*(#.*)?", line)) is not None:
            section = header[1].strip()
        generator = section.removeprefix(f"tiers.{TIER}.generators.")
        if not section and re.match(r"version\s*=", line):
            yield f"version = {version}"
        elif generator in images and re.match(r"images\s*=", line):
            yield f"images = {images[generator]}"
        elif COMPUTED.fullmatch(line) and i + 1 < len(lines) and lines[i + 1].strip() == f"[tiers.{TIER}]":
            yield said
        else:
            yield line
