"""`autophagy check`: runs a method through tiny loops, and says in plain words what is wrong with it."""

import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from bench.cells.cell import MethodIdentity
from bench.cells.outside import outside_uses
from bench.cells.parameters import describe_parameters
from bench.cells.record import Record
from bench.conformance.colour import COLOUR
from bench.conformance.draws import disturb
from bench.conformance.fingerprint import global_values
from bench.conformance.limits import ALL_SECONDS, HOOK_SECONDS
from bench.conformance.outside import Outside
from bench.conformance.telling import costs, explained, fault, listed, task_told, undeclared, weights_told
from bench.conformance.tiny import TinyBench, TinyCell, TinyTask, settings_of
from bench.conformance.verdict import CHECKS, Faults, Finding, Verdict
from bench.conformance.watch import CAN_LIMIT, Call, HookTimeout, Killed, Trace, Watch, overrides
from bench.methods.file import load_method, method_path
from bench.methods.method import Method
from bench.process.progress import Progress
from bench.process.shared import RANDOM_STATES, put_back


def check_file(
    text: str,
    progress: Progress,
    *,
    hook_seconds: float = HOOK_SECONDS,
    all_seconds: float | None = None,
    own: TinyTask | None = None,
    choose: Callable[[list[TinyCell]], list[TinyCell]] = list,
) -> Verdict:
    """Check a method.

    Args:
        text: the method's file and parameters, as for `load_method`.
        progress: where progress is shown.
        hook_seconds: how long one call of a hook may take.
        all_seconds: after how long no further cell is begun; None for as many times a hook's limit as by default.
        own: a task of one's own that the method is tried on, in place of the toys.
        choose: picks the cells to run from those that the method is for.

    Raises:
        BadInput: the file cannot be loaded, uses what methods may not use, or a parameter is wrong.
    """
    started = time.monotonic()
    if all_seconds is None:
        all_seconds = hook_seconds * ALL_SECONDS / HOOK_SECONDS
    with tempfile.TemporaryDirectory(prefix="autophagy-check-") as folder:
        check = _Check(text, TinyBench(Path(folder), own), hook_seconds, started + all_seconds, progress)
        findings = check.run(choose)
    return Verdict(check.loaded.identity.option, findings, time.monotonic() - started)


class _Stop(Exception):
    """No further cell can be run."""


class _Check:
    def __init__(self, text: str, bench: TinyBench, limit: float, deadline: float, progress: Progress) -> None:
        file = method_path(text).absolute()
        self._outside = Outside(file)
        with self._outside.looking():
            self.loaded = load_method(text)
        module = sys.modules[self.loaded.definition.__module__]
        self._text = text
        self._bench = bench
        self._limit = limit
        self._deadline = deadline
        self._progress = progress
        self._file = file
        self._watch = Watch(self.loaded, self._file, limit)
        self._module = module
        self._values = self._global_values()
        self._changed: list[str] = []
        self._traced: set[tuple[str, str]] = set()  # the hooks and random states whose lines were looked for
        self._faults = Faults()
        self._done: set[str] = set()  # the checks that were looked at in at least one cell

    def run(self, choose: Callable[[list[TinyCell]], list[TinyCell]]) -> list[Finding]:
        with self._outside.looking():
            allowed, refused = settings_of(self.loaded, self._bench.own)
        of_task = task_told(self._bench.own)
        findings = [Finding("file", "ok", self._described()), *of_task, self._settings(allowed, refused)]
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
        elsewhere = "; ".join(f"not in {listed(cells)} ({reason})" for reason, cells in reasons.items())
        if not allowed:
            return Finding("settings", "FAILED", f"runs nowhere: {elsewhere}; see loops, generators and check")
        return Finding("settings", "ok", f"runs in {listed(allowed)}" + (f"; {elsewhere}" if elsewhere else ""))

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
        seen = cell.task == COLOUR and "resume" in self._done and self._bench.own is None  # in smaller images
        if not seen and not self._faults.of(
            "inputs"
        ):  # what was set on a generator that is gone is no state of the method's
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
        with self._outside.looking():
            loop_run = self._bench.loop_run(cell, watch.loaded, name, other_reference=other_reference)
        trace = watch.trace
        try:
            with self._outside.looking():
                n = loop_run.method.n_synthetic(cell.loop)
            if not isinstance(n, int) or n < 1:
                where = watch.place(Call(1, "n_synthetic"))
                self._faults.add("hooks", cell, f"n_synthetic returned {n!r}, not a whole number from 1 ({where})")
                return None
            record = loop_run.run()
        except HookTimeout as error:
            raise _too_slow(watch, error) from error
        except Exception as error:
            check, message = explained(watch, error)
            self._faults.add(check, cell, message)
            return None
        finally:
            self._collect(cell)
        self._done |= {"hooks", "time", "inputs", "random state", "global state", "reads", "uses"}
        if record.undeclared:
            self._faults.add("uses", cell, undeclared(record))
        return trace, record

    def _collect(self, cell: TinyCell) -> None:
        """Add to the faults what the watch has seen, and the global values that have changed."""
        self._trace_draws(cell)
        for seen in self._watch.found:
            check, message = fault(seen, self._watch)
            self._faults.add(check, cell, message, f"{seen.call.hook} {seen.check} {seen.what}")
        self._watch.found.clear()
        for what in (*self._outside.found, *outside_uses(self._file, self._file.read_bytes())):
            self._faults.add("reads", cell, f"{what}: a method sees what the loop hands it, and no files", what)
        self._outside.found.clear()
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

    def _trace_draws(self, cell: TinyCell) -> None:
        """Run a cell once more where a shared random state was drawn from, to find the lines that did it."""
        watch = self._watch
        drawn = {(seen.call.hook, seen.what) for seen in watch.found if seen.check == "random state"}
        if not (wanted := drawn - self._traced):
            return
        self._traced |= wanted
        found, watch.tracing = [*watch.found], wanted
        watch.begin()
        with suppress(Exception, HookTimeout), put_back(RANDOM_STATES):
            disturb()
            self._bench.loop_run(cell, watch.loaded, f"traced-{len(self._traced)}").run()
        watch.tracing, watch.found = set(), found

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
                _, message = explained(watch, error)
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
        method = replace(self.loaded, identity=identity, definition=Method)
        plain = self._bench.loop_run(cell, method, "plain").run()
        notes = [Finding("cost", "note", f"{costs(record, plain)} [{cell}]")]
        if any(result.score_features_read for result in record.generations):
            notes.append(
                Finding("score", "note", "reads the score's own feature space (embed_as_scored): records are marked")
            )
        notes += [Finding("weights", "note", f"{said} [{cell}]") for said in weights_told(record)]
        return notes


def _too_slow(watch: Watch, error: HookTimeout) -> _Stop:
    where = f"{watch.last} did not return within {watch.limit:g} s ({watch.line(error)})"
    return _Stop(
        f"{where}; the network is tiny here, so that plain hooks take a part of a second: what a method trains must "
        "follow ctx.budget, and --hook-seconds gives more time"
    )
