"""Disks that are full or read-only: the command says so in one line, and goes on when that is over."""

import signal

from faults.cells import Place, Workshop
from faults.forks import Ended
from faults.own_mounts import change_disk, in_own_mounts, small_disk
from faults.report import Part

COMMANDS = ("digits", "digits teacher", "digits neon", "gaussian", "gaussian short")
FULL, READ_ONLY = "a full disk", "a disk that becomes read-only"
AMPLE = 64 << 20
PAGE = 4096


def fill_disks(workshop: Workshop, faults: int) -> Part:
    """Run commands whose runs, cache or results are on a disk that is too small, and then make it larger."""
    return in_own_mounts(FULL, workshop, lambda: _fill_disks(workshop, faults))


def _fill_disks(workshop: Workshop, faults: int) -> Part:
    part, draw = Part(FULL), workshop.random
    while part.faults < faults:
        place = workshop.place(draw.choice(COMMANDS))
        # Most of what can go wrong is in the runs folder.
        where = draw.choice(("runs", "runs", "runs", "cache", "results"))
        size = draw.randrange(1, max(2, workshop.undisturbed(place.command.name).bytes[where] // PAGE)) * PAGE
        disk = place.folder / where
        with small_disk(disk, size):
            ended = place.run()
            if ended.status == 0:
                continue
            _check_refusal(part, place, f"{where} on a disk of {size} bytes", ended)
            kept = place.finished_files()
            change_disk(disk, AMPLE)
            ended = place.run()
            part.check_kept(place, kept, ended)
            part.counts[f"{where}, {'some' if kept else 'no'} generation finished"] += 1
            part.settle(workshop, place, ended, 1)
        part.clear(place)
    return part.end()


def forbid_writing(workshop: Workshop, faults: int) -> Part:
    """Kill commands at a random instant, make their disk read-only, try them again, and make it writable."""
    return in_own_mounts(READ_ONLY, workshop, lambda: _forbid_writing(workshop, faults))


def _forbid_writing(workshop: Workshop, faults: int) -> Part:
    part, draw = Part(READ_ONLY), workshop.random
    while part.faults < faults:
        place = workshop.place(draw.choice(COMMANDS))
        where = draw.choice(("runs", "cache"))
        disk = place.folder / where
        with small_disk(disk, AMPLE):
            seconds = draw.uniform(0, workshop.undisturbed(place.command.name).seconds)
            if not place.start().end_at(seconds, signal.SIGKILL).by(signal.SIGKILL):
                continue
            kept = place.finished_files()
            change_disk(disk, AMPLE, read_only=True)
            ended = place.run()
            # With everything it needs in the cache, a command does not write to it.
            if where == "runs" or ended.status != 0:
                _check_refusal(part, place, f"{where} on a disk that is read-only", ended)
            change_disk(disk, AMPLE)
            ended = place.run()
            part.check_kept(place, kept, ended)
            part.counts[where] += 1
            part.settle(workshop, place, ended, 1)
        part.clear(place)
    return part.end()


def _check_refusal(part: Part, place: Place, what: str, ended: Ended) -> None:
    """Note where the command does not say in one line that it cannot write."""
    if ended.status != 2 or ended.crashed or len(ended.errors) != 1 or str(place.folder) not in ended.errors[0]:
        part.problem(place, f"{what}: exit status {ended.status}, not 2 and one line", ended)
