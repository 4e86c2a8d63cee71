"""`autophagy check`: runs a method through tiny loops, and says in plain words what is wrong with it."""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench import paths
from bench.cells.cell import MethodIdentity
from bench.cells.parameters import describe_parameters
from bench.cells.record import Cost, Record
from bench.conformance.fingerprint import global_values
from bench.conformance.tiny import TinyBench, TinyCell, settings_of
from bench.conformance.watch import CAN_LIMIT, Call, HookTimeout, Killed, Trace, Watch, overrides
from bench.errors import RunFailed, first_line
from bench.methods.file import LoadedMethod, load_method
from bench.methods.method import Context, Method
from bench.process.progress import Progress

HOOK_SECONDS = 10.0
ALL_SECONDS = 120.0  # far more than plain hooks take, for machines that are slow or busy
# What is looked at, and what an author reads where nothing is wrong.
CHECKS = {
    "hooks": "each hook returns what the loop can use",
    "time": "every hook returns in time",
    "inputs": "no hook changes what it is given",
    "random state": "no hook draws from or seeds a random state that others share",
    "global state": "no variable of the file or of its classes has changed, nor a setting of torch",
    "reads": "nothing is read that a method may not see",
    "deterministic": "the same cell run twice gives the same pools and samples, bit for bit",
    "resume": "killed between hooks and between generations, it goes on to the same pools and samples",
    "reference": "other held-out images change nothing but the score",
}


@dataclass(frozen=True)
class Finding:
    """The outcome of one check: what is `ok`, `FAILED`, not looked at (`skipped`), or only told (`note`)."""

    check: str
    state: str
    message: str


@dataclass(frozen=True)
class Verdict:
    """What `autophagy check` found.

    Attributes:
        method: the method with its parameters, as `--method` takes it.
        findings: one or more for each check.
        seconds: how long it took.
    """

    method: str
    findings: list[Finding]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not any(finding.state == "FAILED" for finding in self.findings)

    def to_text(self) -> str:
        """Return one line for each finding, and the verdict."""
        width = max(len(finding.check) for finding in self.findings) + 1
        lines = [f"{f.state:8}{f.check + ':':{width}} {f.message}" for f in self.findings]
        failed = dict.fromkeys(finding.check for finding in self.findings if finding.state == "FAILED")
        what = "passes all checks" if self.passed else f"fails: {', '.join(failed)}"
        return "\n".join([*lines, f"{self.method} {what} ({self.seconds:.0f} s)"])

    def to_json(self) -> str:
        """Return the same as JSON."""
        return json.dumps(asdict(self) | {"passed": self.passed}, indent=2)


def check_file(
    text: str,
    progress: Progress,
    *,
    hook_seconds: float = HOOK_SECONDS,
    all_seconds: float = ALL_SECONDS,
    choose: Callable[[list[TinyCell]], list[TinyCell]] = list,
) -> Verdict:
    """Check a method.

    Args:
        text: the method's file and parameters, as for `load_method`.
        progress: where progress is shown.
        hook_seconds: how long one call of a hook may take.
        all_seconds: after how long no further cell is begun.
        choose: picks the cells to run from those that the method is for.

    Raises:
        BadInput: the file cannot be loaded, uses what methods may not use, or a parameter is wrong.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="autophagy-check-") as folder:
        check = _Check(text, TinyBench(Path(folder)), hook_seconds, started + all_seconds, progress)
        findings = check.run(choose)
    return Verdict(check.loaded.identity.option, findings, time.monotonic() - started)


class _Stop(Exception):
    """No further cell can be run."""


@dataclass
class _Faults:
    """What failed, with the cells in which it did."""

    messages: dict[tuple[str, str], str] = field(default_factory=dict)
    cells: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def add(self, check: str, cell: TinyCell, message: str, what: str | None = None) -> None:
        """Add a fault; of those with the same `what`, if any is given, the first message is kept."""
        self.messages.setdefault((check, what or message), message)
        self.cells.setdefault((check, what or message), []).append(str(cell))

    def of(self, check: str) -> list[str]:
        """Return the messages of a check, each with the first of its cells."""
        found = []
        for key, cells in self.cells.items():
            if key[0] == check:
                more = f" and {len(set(cells)) - 1} more" if len(set(cells)) > 1 else ""
                found.append(f"{self.messages[key]} [{cells[0]}{more}]")
        return found


class _Check:
    def __init__(self, text: str, bench: TinyBench, limit: float, deadline: float, progress: Progress) -> None:
        self.loaded = load_method(text)
        module = sys.modules[self.loaded.definition.__module__]
        self._text = text
        self._bench = bench
        self._limit = limit
        self._deadline = deadline
        self._progress = progress
        self._file = Path(str(module.__file__))
        self._watch = Watch(self.loaded, self._file, limit)
        self._module = module
        self._values = self._global_values()
        self._changed: list[str] = []
        self._faults = _Faults()
        self._done: set[str] = set()  # the checks that were looked at in at least one cell

    def run(self, choose: Callable[[list[TinyCell]], list[TinyCell]]) -> list[Finding]:
        allowed, refused = settings_of(self.loaded)
        findings = [Finding("file", "ok", self._described()), self._settings(allowed, refused)]
        if not allowed:
            return findings
        notes: list[Finding] = []
        try:
            for cell in choose(allowed):
                if time.monotonic() > self._deadline:
                    seconds, call = self._watch.slowest
                    raise _Stop(
                        f"no time was left for {cell} and those after it; the slowest was {call}: {seconds:.1f} s"
                    )
                self._progress.note(f"{cell}")
                notes += self._run_cell(cell, first=not notes)
        except _Stop as stop:
            self._faults.add("time", cell, str(stop))
        for check, fine in CHECKS.items():
            wrong = self._faults.of(check)
            findings += [Finding(check, "FAILED", message) for message in wrong]
            if not wrong and check in self._done:
                findings.append(Finding(check, "ok", fine))
            elif not wrong:
                findings.append(Finding(check, "skipped", "cannot be told before the others pass"))
        if not CAN_LIMIT:
            notes.append(
                Finding("time", "note", "this system has no SIGALRM: a hook that does not return is waited for")
            )
        return findings + notes

    def _described(self) -> str:
        parameters = describe_parameters(self.loaded.identity.params)
        return f"{self._file.name} can be loaded" + (f", with {parameters}" if parameters else "")

    def _settings(self, allowed: list[TinyCell], refused: list[tuple[TinyCell, str]]) -> Finding:
        reasons: dict[str, list[TinyCell]] = {}
        for cell, reason in refused:
            reasons.setdefault(reason, []).append(cell)
        elsewhere = "; ".join(f"not in {_listed(cells)} ({reason})" for reason, cells in reasons.items())
        if not allowed:
            return Finding("settings", "FAILED", f"runs nowhere: {elsewhere}; see loops, generators and check")
        return Finding("settings", "ok", f"runs in {_listed(allowed)}" + (f"; {elsewhere}" if elsewhere else ""))

    def _run_cell(self, cell: TinyCell, *, first: bool) -> list[Finding]:
        """Run one cell again and again, and return what is worth telling of it."""
        undisturbed = self._attempt(cell, "first")
        if undisturbed is None:
            return []
        trace, _ = undisturbed
        again = self._attempt(cell, "again")
        self._done.add("deterministic")
        difference = trace.first_difference(again[0]) if again else None
        if again is None or difference is not None:
            if difference is not None:
                self._faults.add("deterministic", cell, self._not_the_same(difference))
            return []
        self._check_resume(cell, trace)
        if not first:
            return []
        other = self._attempt(cell, "other", other_reference=True)
        self._done.add("reference")
        if other is not None and (difference := trace.first_difference(other[0])) is not None:
            self._faults.add(
                "reference",
                cell,
                f"scored against other held-out images, {difference} gives something else "
                f"({self._watch.place(difference)}): the reference is for the score alone",
            )
        return self._notes(cell, again[1])

    def _attempt(self, cell: TinyCell, name: str, *, other_reference: bool = False) -> tuple[Trace, Record] | None:
        """Run a cell to its end; where it does not get there, add why to the faults."""
        watch = self._watch
        watch.begin()
        loop_run = self._bench.loop_run(cell, watch.loaded, name, other_reference=other_reference)
        try:
            n = loop_run.method.n_synthetic(cell.loop)
            if not isinstance(n, int) or n < 1:
                where = watch.place(Call(1, "n_synthetic"))
                self._faults.add("hooks", cell, f"n_synthetic returned {n!r}, not a whole number from 1 ({where})")
                return None
            record = loop_run.run()
        except HookTimeout as error:
            raise _too_slow(watch, error) from error
        except Exception as error:
            check, message = _explained(watch, error)
            self._faults.add(check, cell, message)
            return None
        finally:
            self._collect(cell)
        self._done |= {"hooks", "time", "inputs", "random state", "global state", "reads"}
        return watch.trace, record

    def _collect(self, cell: TinyCell) -> None:
        """Add to the faults what the watch has seen, and the global values that have changed."""
        for check, call, what in self._watch.found:
            where = f"({self._watch.place(call)})"
            match check:
                case "inputs":
                    message = f"{call} changed the {what} in place {where}: make a copy first"
                case "random state":
                    message = (
                        f"{call} drew from or seeded the random state of {what}, which all code shares {where}: draw "
                        "from ctx.random, or a torch.Generator seeded with ctx.fit_seed"
                    )
                case "settings":
                    check = "global state"
                    message = f"{call} changed the {what} {where}: put it back before the hook returns"
                case _:
                    message = f"in {call} {what}: a method sees what the loop gives it, and no files"
            self._faults.add(check, cell, message, f"{call.hook} {what}")
        self._watch.found.clear()
        now = self._global_values()
        for name in (name for name in now if now[name] != self._values.get(name)):
            self._changed.append(name)
            self._faults.add(
                "global state",
                cell,
                f"{name} of {self._file.name} has changed in the run: what a method learns belongs into attributes of "
                "the instance (self), set anew for every cell, and into state_dict",
            )
        self._values = now

    def _global_values(self) -> dict[str, str]:
        return global_values(self._module, self._watch.loaded.definition)

    def _not_the_same(self, difference: Call) -> str:
        reason = "draw from ctx.random, and derive seeds from ctx.fit_seed"
        if self._changed:
            reason = f"{', '.join(dict.fromkeys(self._changed))} keeps something from one run to the next"
        elif self._faults.of("random state"):
            reason = "it draws from a random state that all code shares"
        return (
            f"two runs with the same seeds differ, first in what {difference} gives "
            f"({self._watch.place(difference)}): {reason}"
        )

    def _check_resume(self, cell: TinyCell, undisturbed: Trace) -> None:
        """Kill the run after some hooks; each time a newly loaded file with a new instance goes on."""
        self._done.add("resume")
        definition = self.loaded.definition
        learned, pooled = (hook if overrides(definition, hook) else "sample" for hook in ("prepare", "synthesize"))
        watch = Watch(load_method(self._text), self._file, self._limit)
        watch.begin({Call(1, learned), Call(2, pooled), Call(3, "curate")})
        killed_after: Call | None = None
        while True:
            try:
                self._bench.loop_run(cell, watch.loaded, "resume").run()
                break
            except Killed:
                killed_after = watch.last
                rest, trace = watch.kills, watch.trace
                watch = Watch(load_method(self._text), self._file, self._limit)
                watch.begin(rest, trace)
            except HookTimeout as error:
                raise _too_slow(watch, error) from error
            except Exception as error:
                _, message = _explained(watch, error)
                self._faults.add(
                    "resume",
                    cell,
                    f"killed after {killed_after} and resumed, {message}: state_dict must return all that the method "
                    "keeps, and load_state_dict put it in place",
                )
                return
        difference = undisturbed.first_difference(watch.trace)
        if difference is None:
            return
        generation = difference.generation
        before, after = (trace.attributes.get(generation, {}) for trace in (undisturbed, watch.trace))
        lost = [name for name in before if before[name] != after.get(name)]
        named = f" (lost: {', '.join(f'self.{name}' for name in lost)})" if lost else ""
        self._faults.add(
            "resume",
            cell,
            f"killed and resumed, the run gives something else, first in {difference} "
            f"({self._watch.place(difference)}): state_dict does not return all that the method keeps{named}",
        )

    def _notes(self, cell: TinyCell, record: Record) -> list[Finding]:
        """Return what the method costs beside the plain loop, and whether its records will be marked."""
        identity = MethodIdentity(name="plain", sha256="0" * 64)
        plain = self._bench.loop_run(cell, LoadedMethod(identity, Method, paths.BASELINES / "none.py"), "plain").run()
        notes = [Finding("cost", "note", f"{_costs(record, plain)} [{cell}]")]
        if any(result.score_features_read for result in record.generations):
            notes.append(
                Finding("score", "note", "reads the score's own feature space (embed_as_scored): records are marked")
            )
        return notes


def _listed(cells: list[TinyCell]) -> str:
    """Return the loops of each task: "digits: fully_synthetic, fresh_data, and gaussian: fresh_data"."""
    tasks: dict[str, list[str]] = {}
    for cell in cells:
        tasks.setdefault(f"{cell.task} ({cell.generator})", []).append(cell.loop_option)
    return ", and ".join(f"{task}: {', '.join(loops)}" for task, loops in tasks.items())


def _too_slow(watch: Watch, error: HookTimeout) -> _Stop:
    where = f"{watch.last} did not return within {watch.limit:g} s ({watch.line(error)})"
    return _Stop(f"{where}; the network is tiny here, so that plain hooks take a part of a second")


def _explained(watch: Watch, error: Exception) -> tuple[str, str]:
    """Return the check that an error belongs to, and what it says."""
    where = watch.line(error)
    if not isinstance(error, RunFailed):
        return "hooks", f"{watch.last} raised {type(error).__name__}: {first_line(error)} ({where})"
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    asked_for_real = Context.real.fget  # type: ignore[attr-defined]
    forbidden = traceback is not None and traceback.tb_frame.f_code is asked_for_real.__code__
    return "reads" if forbidden else "hooks", f"{error} ({where})"


def _costs(record: Record, plain: Record) -> str:
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
