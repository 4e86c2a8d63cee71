"""What else happens to runs: little memory, clocks that jump, folders that are moved, two runners on one cell."""

import signal
import time

from faults.cells import GENERATIONS, Workshop
from faults.inside import Fault
from faults.report import Part

DAY = 86400.0


def starve(workshop: Workshop, faults: int) -> Part:
    """Run commands with too little memory, and then with enough."""
    part, draw = Part("too little memory"), workshop.random
    while part.faults < faults:
        place = workshop.place(draw.choice(("digits", "digits teacher", "gaussian")))
        memory = draw.randrange(1 << 20, 96 << 20)
        ended = place.run(Fault(memory=memory))
        if ended.status != 0:
            if ended.status not in (1, 2) or len(ended.errors) > 1:
                part.problem(place, f"{memory} bytes of memory: exit status {ended.status}", ended)
            part.counts["said to be memory" if "memory" in ended.err else "another error"] += 1
            part.settle(workshop, place, place.run(), 1)
        part.clear(place)
    return part.end()


def turn_clocks(workshop: Workshop, faults: int) -> Part:
    """Let the wall clock of commands jump a day back or a year ahead while they run."""
    part, draw = Part("a clock that jumps"), workshop.random
    for _ in range(faults):
        place = workshop.place(draw.choice(("digits", "digits neon", "gaussian short")))
        jumps = draw.sample((-DAY, 366 * DAY, -3600.0, 3600.0), 2)
        part.settle(workshop, place, place.run(Fault(clock_jumps=tuple(jumps))), 1)
        part.clear(place)
    return part.end()


def move_runs(workshop: Workshop, faults: int) -> Part:
    """Kill commands at a random instant, move their runs folder, and let them go on there."""
    part, draw = Part("a runs folder that is moved"), workshop.random
    while part.faults < faults:
        place = workshop.place(draw.choice(("digits", "digits teacher", "gaussian")))
        seconds = draw.uniform(0, workshop.undisturbed(place.command.name).seconds)
        place.start().end_at(seconds, signal.SIGKILL)
        if not place.runs.exists():
            continue
        place.runs = place.runs.rename(place.folder / "moved")
        kept = place.finished_files()
        ended = place.run()
        part.check_kept(place, kept, ended)
        part.settle(workshop, place, ended, 1)
        part.clear(place)
    return part.end()


def run_twice(workshop: Workshop, faults: int) -> Part:
    """Run a command twice at the same time, or two commands that share generation 1; kill one of some pairs."""
    part, draw = Part("two runners at the same time"), workshop.random
    for _ in range(faults):
        what = draw.choice(("one cell", "one cell, one runner killed", "one generation 1"))
        first = workshop.place("digits")
        other = workshop.commands["digits neon"] if what == "one generation 1" else first.command
        second = first.shared_with(first.folder / "second", other)
        attempts = [first.start()]
        time.sleep(draw.uniform(0, 0.3))
        attempts.append(second.start())
        if what == "one cell, one runner killed":
            attempts[0].end_at(draw.uniform(0, workshop.undisturbed("digits").seconds), signal.SIGKILL)
            ended = attempts[1].end()
        else:
            ended = max((attempt.end() for attempt in attempts), key=lambda one: (one.crashed, one.status))
            scored = sum(attempt.marks.scored for attempt in attempts)
            trained = sum(attempt.marks.first_fits for attempt in attempts)
            if (scored, trained) != (GENERATIONS * (2 if other != first.command else 1), 1):
                part.problem(first, f"{what}: {scored} generations scored, {trained} models of generation 1 trained")
        part.counts[what] += 1
        part.settle(workshop, first, ended, 1, with_command=other.name)
        part.clear(first)
    return part.end()
