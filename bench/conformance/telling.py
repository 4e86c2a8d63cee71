"""What a check says of what it has seen, in plain words."""

from collections.abc import Callable

from bench.cells.record import Cost, Record
from bench.cells.retraining import in_order
from bench.conformance.tiny import TinyCell, TinyTask
from bench.conformance.verdict import Finding
from bench.conformance.watch import Seen, Watch
from bench.errors import RunFailed, first_line
from bench.methods.hooks import BenchmarkChanged
from bench.methods.method import Context

# What an author does instead of drawing from a random state that all code shares.
DRAW_FROM = {
    "torch": "draw from ctx.random, or a torch.Generator seeded with ctx.fit_seed; build the layers of a network of "
    "your own inside `with torch.random.fork_rng(devices=[]):`, and draw their weights with "
    "`draw_weights(network, seed)` (from bench import draw_weights)",
    "numpy.random": "draw from numpy.random.default_rng(ctx.fit_seed)",
    "random": "draw from random.Random(ctx.fit_seed)",
}
ANOTHER_GENERATOR = (
    "what is scored was not drawn by the generator that the hooks are given: records are marked as those of another "
    "generator, and never ranked; a generator of your own is a file of its own, docs/generators.md"
)
REUSED = (
    "weights of earlier generations are in what is scored, or nothing was trained: records are marked, compared with "
    "`frozen` and with `none --protocol finetune`, and never ranked among methods that learn anew"
)


def fault(seen: Seen, watch: Watch) -> tuple[str, str]:
    """Return the check that something fails, and what is said of it."""
    call, what = seen.call, seen.what
    line = seen.line or watch.drawn.get((call.hook, what))
    where = f"({watch.place(call)})" if line is None else f"({watch.file.name}:{line})"
    match seen.check:
        case "inputs":
            return "inputs", f"{call} changed the {what} in place {where}: make a copy first"
        case "generator":
            return "inputs", (
                f"{call} set {what} {where}: settings and attributes of the generator are the same for all methods, "
                "and its counters are its own: what it is to do otherwise are arguments of fit and sample"
            )
        case "random state":
            return "random state", (
                f"{call} drew from or seeded the random state of {what}, which all code shares {where}: "
                f"{DRAW_FROM[what]}"
            )
        case "settings":
            return "global state", f"{call} changed the {what} {where}: put it back before the hook returns"
        case "private":
            return "reads", (
                f"in {call} {what} was read {where}: names with _ are private, and what they lead to is not handed out"
            )
    return "reads", f"in {call} {what}: a method sees what the loop hands it, and no files"


def undeclared(record: Record) -> str:
    """Say what a method was seen to use that its class does not declare."""
    found = ", ".join(f'"{use}"' for use in record.undeclared)
    declared = in_order({*(record.uses or ()), *record.undeclared})
    shown = ", ".join(f'"{use}"' for use in declared) + "," * (len(declared) == 1)
    return f"it was seen to use {found}, and its class does not say so: declare uses = ({shown})"


def weights_told(record: Record) -> list[str]:
    """Return how the record of a method will be marked, where what is scored is no generator trained anew."""
    if record.another_generator:
        return [ANOTHER_GENERATOR]
    return [REUSED] if record.reuses_weights else []


def task_told(own: TinyTask | None) -> list[Finding]:
    """Return which task of one's own stands in place of the toys, and what is not as in its runs."""
    return [] if own is None else [Finding("task", "note", said) for said in (own.told, *own.notes)]


def listed(cells: list[TinyCell]) -> str:
    """Return the loops of each task: "digits: fully_synthetic, fresh_data, and gaussian: fresh_data"."""
    tasks: dict[str, list[str]] = {}
    for cell in cells:
        tasks.setdefault(f"{cell.task} ({cell.generator})", []).append(cell.loop_option)
    return ", and ".join(f"{task}: {', '.join(loops)}" for task, loops in tasks.items())


def explained(watch: Watch, error: Exception) -> tuple[str, str]:
    """Return the check that an error belongs to, and what it says."""
    where = watch.line(error)
    if isinstance(error, BenchmarkChanged):
        return "global state", f"{error} ({where})"
    if not isinstance(error, RunFailed):
        return "hooks", f"{watch.last} raised {type(error).__name__}: {first_line(error)} ({where})"
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    asked_for_real = Context.real.fget  # type: ignore[attr-defined]
    forbidden = traceback is not None and traceback.tb_frame.f_code is asked_for_real.__code__
    return "reads" if forbidden else "hooks", f"{error} ({where})"


def costs(record: Record, plain: Record) -> str:
    """Return the cost of the generations after the first, with that of the plain loop."""

    def total(of: Record, cost: Callable[[Cost], float]) -> float:
        return sum(cost(result.cost) for result in of.generations[1:])

    parts = []
    for name, cost in (
        ("images trained", lambda cost: cost.images_trained),
        ("network evaluations", lambda cost: cost.network_evaluations),
        ("seconds", lambda cost: cost.seconds.fit + cost.seconds.sample),
    ):
        own, of_plain = total(record, cost), total(plain, cost)
        parts.append(f"{name} {own:.3g} (plain loop: {of_plain:.3g})")
    state = max(result.cost.method_state_bytes for result in record.generations)
    real = max(result.cost.real_images for result in record.generations[1:])
    return ", ".join(
        [
            f"in generations 2 to {len(record.generations)}: {parts[0]}",
            *parts[1:],
            f"state {state} bytes, real images {real}",
        ]
    )
