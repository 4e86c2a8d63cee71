"""kill -9 and SIGTERM: at random instants, and at each step of each write."""

import signal

from faults.cells import Workshop
from faults.inside import STEP_TEXTS, STEPS, Fault
from faults.report import Part

RANDOM_COMMANDS = (
    "digits", "digits accumulated", "digits teacher", "digits neon", "digits stylegan", "gaussian", "pictures",
)  # fmt: skip
WRITE_COMMANDS = ("digits", "gaussian short")
MOST_KILLS = 8  # of one place; then it is let go to its end


def kill_at_random(workshop: Workshop, faults: int) -> Part:
    """Kill commands at random instants, see `_end_at_random`."""
    return _end_at_random(Part("kill -9 at a random instant"), workshop, faults, signal.SIGKILL)


def ask_to_end(workshop: Workshop, faults: int) -> Part:
    """Ask commands to end, as a batch system does, at random instants, see `_end_at_random`."""
    return _end_at_random(Part("SIGTERM at a random instant"), workshop, faults, signal.SIGTERM)


def _end_at_random(part: Part, workshop: Workshop, faults: int, number: int) -> Part:
    """Send commands a signal at instants that are uniform over their undisturbed time, until they are done."""
    random = workshop.random
    while part.faults < faults:
        place = workshop.place(random.choice(RANDOM_COMMANDS))
        limit = workshop.undisturbed(place.command.name).seconds
        kills = 0
        while True:
            kept = place.finished_files()
            attempt = place.start()
            if kills == min(MOST_KILLS, faults - part.faults):
                ended = attempt.end()
            else:
                ended = attempt.end_at(random.uniform(0, limit), number)
            part.check_kept(place, kept, ended)
            if not ended.by(number):
                break
            kills += 1
            part.counts[attempt.hit] += 1
        part.settle(workshop, place, ended, kills)
        part.clear(place)
    return part.end()


def kill_at_writes(workshop: Workshop, faults: int | None) -> Part:
    """Kill commands at each step of each of their writes, or at `faults` of these that are drawn."""
    part = Part("kill -9 at a step of a write")
    chosen = [
        (name, write, step)
        for name in WRITE_COMMANDS
        for write in range(1, workshop.undisturbed(name).writes + 1)
        for step in STEPS
    ]
    if faults is not None:
        chosen = workshop.random.sample(chosen, min(faults, len(chosen)))
    for name, write, step in chosen:
        place = workshop.place(name)
        killed = place.run(Fault(dies_at=(write, step)))
        if not killed.by(signal.SIGKILL):
            # How many checkpoints are written depends on the time that the fits take.
            part.settle(workshop, place, killed, 0)
            part.clear(place)
            continue
        kept = place.finished_files()
        ended = place.run()
        part.check_kept(place, kept, ended)
        part.counts[STEP_TEXTS[step]] += 1
        part.settle(workshop, place, ended, 1)
        part.clear(place)
    return part.end()
