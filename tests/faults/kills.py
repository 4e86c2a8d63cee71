"""kill -9: at random instants, and at each step of each write."""

from faults.cells import Place, Workshop
from faults.forks import Ended
from faults.inside import STEP_TEXTS, STEPS, Fault
from faults.report import Part

RANDOM_COMMANDS = (
    "digits", "digits accumulated", "digits teacher", "digits neon", "digits stylegan", "gaussian", "pictures",
)  # fmt: skip
WRITE_COMMANDS = ("digits", "gaussian short", "digits teacher")
MOST_KILLS = 8  # of one place; then it is let go to its end


def kill_at_random(workshop: Workshop, faults: int) -> Part:
    """Kill commands at instants that are uniform over their undisturbed time, again and again until they are done."""
    part, random = Part("kill -9 at a random instant"), workshop.random
    while part.faults < faults:
        place = workshop.place(random.choice(RANDOM_COMMANDS))
        limit = workshop.undisturbed(place.command.name).seconds
        kills = 0
        while True:
            kept = place.finished_files()
            attempt = place.start()
            kill = kills < min(MOST_KILLS, faults - part.faults)
            ended = attempt.wait(random.uniform(0, limit)) if kill else attempt.end()
            if ended is None:
                attempt.kill()
                ended = attempt.end()
            _check_kept(part, place, kept, ended)
            if not ended.killed:
                break
            kills += 1
            part.counts[attempt.marks.stage] += 1
        part.settle(workshop, place, ended, kills)
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
        if not killed.killed:
            # How many checkpoints are written depends on the time that the fits take.
            part.settle(workshop, place, killed, 0)
            continue
        kept = place.finished_files()
        ended = place.run()
        _check_kept(part, place, kept, ended)
        part.counts[STEP_TEXTS[step]] += 1
        part.settle(workshop, place, ended, 1)
    return part.end()


def _check_kept(part: Part, place: Place, kept: dict, ended: Ended) -> None:
    """Note where an attempt has written a finished generation again."""
    now = place.finished_files()
    if again := sorted(str(path) for path, identity in kept.items() if now.get(path) != identity):
        part.problem(place, f"finished, and lost or written again: {', '.join(again)}", ended)
