"""Damaged files: of each kind that the runs, cache and data folders hold, in finished and unfinished cells."""

import os
import random
import re
import shutil
import signal
import time
from collections import defaultdict
from pathlib import Path

from faults.cells import Place, Workshop
from faults.forks import Ended
from faults.report import Part

WAYS = ("cut short", "a bit flipped", "bytes overwritten", "emptied", "removed", "another of its kind in its place")
# Where the copies are taken that are then damaged: the command, and how far it has come.
STATES = (
    ("digits teacher", "in the fit of generation 1"),
    ("digits", "nothing but the model of generation 1"),
    ("digits teacher", "in the fit of generation 3"),
    ("digits neon", "in the fit of generation 3"),
    ("gaussian short", "after generation 2"),
    ("pictures", "after generation 2"),
    ("digits teacher", "without its record"),
    ("digits teacher", "finished"),
    ("gaussian short", "finished"),
)
# What cannot be computed again is not: the command says what to do, and that is done.
NEEDS_ADVICE = ("data images.safetensors", "result file")


def damage_files(workshop: Workshop, faults: int) -> Part:
    """Damage one file of a copy of a run folder, and run the command again."""
    part, draw = Part("a damaged file"), workshop.random
    states = {state: _made(workshop, *state) for state in draw.sample(STATES, min(len(STATES), faults))}
    # All kinds come up equally often, whatever the number of files of each.
    kinds: dict[tuple[tuple[str, str], str], list[Path]] = defaultdict(list)
    for state, place in states.items():
        for path in sorted(path for path in place.folder.rglob("*") if path.is_file()):
            relative = path.relative_to(place.folder)
            if (kind := kind_of(relative)) is not None:
                kinds[state, kind].append(relative)
    chosen: list[tuple[tuple[str, str], str]] = []
    while len(chosen) < faults:
        chosen += draw.sample(list(kinds), min(len(kinds), faults - len(chosen)))
    for state, kind in chosen:
        place = _copied(workshop, states[state])
        if state[1] == "finished" and kind != "result file":
            shutil.rmtree(place.results)  # otherwise nothing but the result is looked at
        file, way = draw.choice(kinds[state, kind]), draw.choice(WAYS)
        others = [states[state].folder / path for path in kinds[state, kind] if path != file]
        damage(place.folder / file, way, others, draw)
        damaged = _content(place.folder / file)
        ended = place.run()
        if kind in NEEDS_ADVICE and ended.status == 2:
            _check_advice(part, place, file, ended)
            _follow_advice(workshop, place, kind, place.folder / file)
            ended = place.run()
            found = "named, with what to do"
        elif file.name in ended.err:
            found = "named, and made again"
        elif _content(place.folder / file) != damaged:
            found = "made again"
        else:
            found = "not read again"
        part.counts[f"{kind}: {found}"] += 1
        # What nobody reads again stays as it is; the outcome has the paths from `runs` on, and those of the results.
        besides = ("/".join(file.parts[file.parts[0] == "runs" :]),) if found == "not read again" else ()
        part.settle(workshop, place, ended, 1, besides=besides)
        part.clear(place)
    return part.end()


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def kind_of(file: Path) -> str | None:
    """Return what a file is called in the table, None for those that hold nothing (locks, logs of the campaign)."""
    top, name = file.parts[0], file.name
    if name.endswith(".lock") or len(file.parts) == 1:
        return None
    if top == "cache":
        return f"data {name}" if file.parts[1] == "data" else "cache of features"
    if top == "results":
        return "result file"
    return f"g1 {name}" if file.parts[1] == "g1" else re.sub(r"fit-\w+", "fit-PURPOSE", name)


def damage(path: Path, way: str, others: list[Path], draw: random.Random) -> None:
    """Damage a file.

    Args:
        path: of the file.
        way: one of WAYS.
        others: files of its kind.
        draw: says where.
    """
    content = bytearray(path.read_bytes())
    place = draw.randrange(max(1, len(content)))
    match way:
        case "cut short":
            path.write_bytes(content[:place])
        case "a bit flipped" if content:
            content[place] ^= 1 << draw.randrange(8)
            path.write_bytes(content)
        case "bytes overwritten" if content:
            n = min(64, len(content) - place)
            content[place : place + n] = draw.randbytes(n)
            path.write_bytes(content)
        case "another of its kind in its place" if others:
            shutil.copy(draw.choice(others), path)
        case "removed":
            path.unlink()
        case _:
            os.truncate(path, 0)


def _made(workshop: Workshop, name: str, state: str) -> Place:
    """Return a place whose command has come as far as the state says."""
    place = workshop.place(name)
    match state:
        case "in the fit of generation 1":
            _stop_at(place, "g1/*/fit.safetensors")
        case "in the fit of generation 3":
            _stop_at(place, "cells/*/generation-002/generation.json", "cells/*/fit*.safetensors")
        case "after generation 2":
            _stop_at(place, "cells/*/generation-002/generation.json")
        case _:
            assert place.run().status == 0
    if state == "without its record":
        for record in (*place.runs.glob("cells/*/record.json"), *place.results.glob("*.json")):
            record.unlink()
    if state == "nothing but the model of generation 1":  # as for another method of the same seed
        for folder in (place.runs / "cells", place.results):
            shutil.rmtree(folder)
    return place


def _stop_at(place: Place, *patterns: str) -> None:
    """Kill the place's command as soon as there is a file for each of the patterns."""
    attempt = place.start()
    while not all(any(place.runs.glob(pattern)) for pattern in patterns):
        assert attempt.wait(0) is None, "ended before there was such a file"
        time.sleep(0.001)
    attempt.kill()
    assert attempt.end().by(signal.SIGKILL)


def _copied(workshop: Workshop, place: Place) -> Place:
    copy = Place(workshop.new_folder(), place.command)
    for part in ("runs", "cache", "results"):
        if (place.folder / part).exists():
            shutil.copytree(place.folder / part, copy.folder / part, symlinks=True)
    return copy


def _check_advice(part: Part, place: Place, file: Path, ended: Ended) -> None:
    """Note where what has stopped the command is not said in one line that names the file."""
    if len(ended.errors) != 1 or str(place.folder / file) not in ended.errors[0] or ended.crashed:
        part.problem(place, f"{file} is damaged, and not named in one line", ended)


def _follow_advice(workshop: Workshop, place: Place, kind: str, file: Path) -> None:
    if kind == "result file":
        file.unlink()
    else:
        workshop.furnish(place)
