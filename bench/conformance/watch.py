"""Looks on while a method's hooks run: what goes in, what comes out, what they touch, and how long they take."""

import functools
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Any, NamedTuple

from bench.conformance.draws import Draws
from bench.conformance.fingerprint import fingerprint, random_states
from bench.conformance.handed import Handed
from bench.conformance.outside import Outside
from bench.conformance.results import check_result, inputs, outcome
from bench.generators.base import Generator
from bench.methods.file import LoadedMethod
from bench.methods.method import Context, Method
from bench.process.shared import SETTINGS

ALWAYS = ("curate", "fit", "refine", "sample", "state_dict", "load_state_dict")
WHERE_OVERRIDDEN = ("prepare", "synthesize")  # the loop looks whether they are
CAN_LIMIT = hasattr(signal, "SIGALRM")


class Killed(BaseException):
    """Stands for the death of the process."""


class HookTimeout(BaseException):
    """A hook did not return in time."""


class Call(NamedTuple):
    """One call of a hook by the loop: the number-th one in its generation."""

    generation: int
    hook: str
    number: int = 1

    def __str__(self) -> str:
        if self.hook in ("state_dict", "load_state_dict"):
            return self.hook
        return f"{self.hook} of generation {self.generation}"


class Seen(NamedTuple):
    """What a hook did that it may not: the check that it fails, the call, what, and the line if it is known."""

    check: str
    call: Call
    what: str
    line: int | None


@dataclass
class Trace:
    """What a run of a cell was.

    Attributes:
        results: the fingerprint of what each call gave, in the order of the calls.
        attributes: those of the method at the start of each generation, by their names.
    """

    results: dict[Call, str] = field(default_factory=dict)
    attributes: dict[int, dict[str, str]] = field(default_factory=dict)

    def first_difference(self, other: "Trace") -> Call | None:
        """Return the first call that gave something else in the other run; None where all is the same."""
        for call in (*self.results, *other.results):
            if self.results.get(call) != other.results.get(call):
                return call
        return None


class Watch:
    """Wraps the hooks of a method, and keeps what is seen of them.

    Attributes:
        loaded: the method, whose instances are watched.
        file: the method's file.
        trace: of the present run.
        last: the last call that the loop made.
        kills: the calls after which the process dies, each of them once.
        slowest: the most seconds that a call took, and which.
        outside: what the method's file reaches for, in the hooks and wherever else it is looked at.
        found: what was seen that may not be.
        tracing: the hooks, each with a random state, whose lines are looked at one by one.
        drawn: the first of their lines that drew from it.
    """

    def __init__(self, loaded: LoadedMethod, file: Path, limit: float) -> None:
        """Watch the method in `file`, whose hooks may take `limit` seconds."""
        self.file = file
        self.limit = limit
        self.loaded = replace(loaded, definition=self._watched(loaded.definition))
        self.slowest = (0.0, Call(1, "prepare"))
        self.outside = Outside(file)
        self.found: list[Seen] = []
        self.tracing: set[tuple[str, str]] = set()
        self.drawn: dict[tuple[str, str], int] = {}
        self._inside = False
        self._handed = Handed(str(file))
        self.begin()

    def begin(self, kills: set[Call] | None = None, trace: Trace | None = None) -> None:
        """Begin to watch a run, or with the `trace` of a killed one, how that goes on."""
        self.trace, self.kills = trace or Trace(), kills or set()
        self.last = Call(1, "prepare")
        self._numbers: dict[tuple[int, str], int] = {}
        self._started: set[int] = set()
        self._generation = 1

    def line(self, error: BaseException) -> str:
        """Return where in the method's file an error came from: "mine.py:14"; where the last hook is, otherwise."""
        found = None
        traceback: TracebackType | None = error.__traceback__
        while traceback is not None:
            if traceback.tb_frame.f_code.co_filename == str(self.file):
                found = traceback.tb_lineno
            traceback = traceback.tb_next
        return self.place(self.last) if found is None else f"{self.file.name}:{found}"

    def place(self, call: Call) -> str:
        """Return where the method's file defines a hook; the file alone where it does not."""
        function = getattr(self.loaded.definition.__mro__[1], call.hook)
        code: CodeType = function.__code__
        name = self.file.name
        return f"{name}:{code.co_firstlineno}" if code.co_filename == str(self.file) else name

    def _watched(self, definition: type[Method]) -> type[Method]:
        """Return a class derived from the method's, whose hooks are watched."""
        hooks = [*ALWAYS, *(name for name in WHERE_OVERRIDDEN if overrides(definition, name))]
        wrapped = {hook: self._wrapped(hook, getattr(definition, hook)) for hook in hooks}
        named = {"__module__": definition.__module__, "__doc__": definition.__doc__}
        return type(definition.__name__, (definition,), wrapped | named)

    def _wrapped(self, hook: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def watched(method: Method, *arguments: Any) -> Any:
            if self._inside:  # one hook calls another
                return function(method, *arguments)
            return self._call(method, hook, function, tuple(map(self._as_handed, arguments)))

        return watched

    def _as_handed(self, argument: Any) -> Any:
        match argument:
            case Context():
                return self._handed.context(argument)
            case Generator():
                return self._handed.generator(argument)
        return argument

    def _call(self, method: Method, hook: str, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        ctx = next((argument for argument in arguments if isinstance(argument, Context)), None)
        if ctx is not None:
            self._generation = ctx.generation
            if ctx.generation not in self._started:
                self._started.add(ctx.generation)
                self.trace.attributes[ctx.generation] = {n: fingerprint(v) for n, v in vars(method).items()}
        key = (self._generation, hook)
        self._numbers[key] = self._numbers.get(key, 0) + 1
        call = self.last = Call(*key, self._numbers[key])
        self._handed.begin()
        before, states = inputs(arguments), random_states()
        settings = _settings(arguments)
        started = time.perf_counter()
        try:
            with self._put_back(), self._looking(), self._traced(hook), self._in_time():
                result = function(method, *arguments)
        finally:
            self._keep_reads()
        self.slowest = max(self.slowest, (time.perf_counter() - started, call))
        self._compare("inputs", before, inputs(arguments))
        self._compare("random state", states, random_states())
        if any(fingerprint(images) != handed for images, handed in self._handed.real):
            self._see("inputs", "ctx.real")
        for what, line in self._handed.set:
            self._see("generator", what, line)
        if _settings(arguments) != settings and not self._handed.set:
            self._see("generator", "generator.settings")
        check_result(str(call), result, ctx)
        if hook != "load_state_dict":  # which only a resumed run calls
            self.trace.results[call] = outcome(method, hook, result, arguments)
        if call in self.kills:
            self.kills.remove(call)
            raise Killed
        return result

    def _see(self, check: str, what: str, line: int | None = None) -> None:
        self.found.append(Seen(check, self.last, what, line))

    def _compare(self, check: str, before: dict[str, str], after: dict[str, str]) -> None:
        for name in before:
            if before[name] != after[name]:
                self._see(check, name)

    def _keep_reads(self) -> None:
        """Keep what the hook has reached for, also where it then failed."""
        for what, line in self._handed.reached:
            self._see("private", what, line)
        for what in self.outside.found:
            self._see("outside", what)
        self.outside.found.clear()

    @contextmanager
    def _put_back(self) -> Iterator[None]:
        """Note the settings that are not what they were afterwards, and put them back."""
        before = {name: get() for name, (get, _) in SETTINGS.items()}
        try:
            yield
        finally:
            for name, (get, put) in SETTINGS.items():
                if get() != before[name]:
                    self._see("settings", name)
                    put(before[name])

    @contextmanager
    def _looking(self) -> Iterator[None]:
        """Note what is reached for meanwhile."""
        self._inside = True
        try:
            with self.outside.looking():
                yield
        finally:
            self._inside = False

    @contextmanager
    def _traced(self, hook: str) -> Iterator[None]:
        """Find the line of the file that draws from a random state, where it is asked for."""
        state = next((state for traced, state in self.tracing if traced == hook), None)
        if state is None or (hook, state) in self.drawn:
            yield
            return
        draws = Draws(str(self.file), state)
        try:
            with draws.traced():
                yield
        finally:
            if draws.lines:
                self.drawn[hook, state] = draws.lines[0]

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        """Raise HookTimeout where this takes longer than the limit, if the system can."""
        if not CAN_LIMIT or threading.current_thread() is not threading.main_thread():
            yield
            return

        def stop(_: int, frame: FrameType | None) -> None:
            raise HookTimeout

        before = signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, self.limit)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


def _settings(arguments: tuple[Any, ...]) -> list[str]:
    """Return the fingerprints of the settings of the generator that a hook is given."""
    return [fingerprint(argument.settings) for argument in arguments if isinstance(argument, Generator)]


def overrides(definition: type[Method], hook: str) -> bool:
    """Return whether a method's class has a hook of its own."""
    return getattr(definition, hook) is not getattr(Method, hook)
