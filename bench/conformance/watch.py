"""Looks on while a method's hooks run: what goes in, what comes out, what they touch, and how long they take."""

import functools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Any, NamedTuple

import torch
from torch import Tensor

from bench import paths
from bench.conformance.fingerprint import fingerprint, random_states
from bench.conformance.handed import Handed
from bench.data.image_set import ImageSet
from bench.errors import RunFailed
from bench.generators.base import Generator
from bench.methods.file import LoadedMethod
from bench.methods.method import Context, Method
from bench.methods.pool import Pool

ALWAYS = ("curate", "fit", "refine", "sample", "state_dict", "load_state_dict")
WHERE_OVERRIDDEN = ("prepare", "synthesize")  # the loop looks whether they are
CAN_LIMIT = hasattr(signal, "SIGALRM")
# What all code of a process shares: how it is read, and how it is set.
SETTINGS: dict[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
    "default dtype of torch": (torch.get_default_dtype, torch.set_default_dtype),
    "number of threads of torch": (torch.get_num_threads, torch.set_num_threads),
    "gradient mode of torch": (torch.is_grad_enabled, torch.set_grad_enabled),
    "working folder": (Path.cwd, os.chdir),
}


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
        found: what was seen that may not be: the check, the call, and what is wrong.
    """

    def __init__(self, loaded: LoadedMethod, file: Path, limit: float) -> None:
        """Watch the method in `file`, whose hooks may take `limit` seconds."""
        self.file = str(file)
        self.limit = limit
        self.loaded = LoadedMethod(loaded.identity, self._watched(loaded.definition), loaded.path)
        self.slowest = (0.0, Call(1, "prepare"))
        self.found: list[tuple[str, Call, str]] = []
        self._inside = False
        self._handed = Handed(self.file)
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
            if traceback.tb_frame.f_code.co_filename == self.file:
                found = traceback.tb_lineno
            traceback = traceback.tb_next
        return self.place(self.last) if found is None else f"{Path(self.file).name}:{found}"

    def place(self, call: Call) -> str:
        """Return where the method's file defines a hook; the file alone where it does not."""
        function = getattr(self.loaded.definition.__mro__[1], call.hook)
        code: CodeType = function.__code__
        name = Path(self.file).name
        return f"{name}:{code.co_firstlineno}" if code.co_filename == self.file else name

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
        inputs, states = _inputs(arguments), random_states()
        started = time.perf_counter()
        with self._put_back(), self._looking(), self._in_time():
            result = function(method, *arguments)
        self.slowest = max(self.slowest, (time.perf_counter() - started, call))
        self._compare("inputs", inputs, _inputs(arguments))
        if any(fingerprint(images) != before for images, before in self._handed.real):
            self.found.append(("inputs", call, "ctx.real"))
        self._compare("random state", states, random_states())
        _check_result(str(call), result, ctx)
        if hook != "load_state_dict":  # which only a resumed run calls
            self.trace.results[call] = _outcome(method, hook, result, arguments)
        if call in self.kills:
            self.kills.remove(call)
            raise Killed
        return result

    def _compare(self, check: str, before: dict[str, str], after: dict[str, str]) -> None:
        self.found += [(check, self.last, name) for name in before if before[name] != after[name]]

    @contextmanager
    def _put_back(self) -> Iterator[None]:
        """Note the settings that are not what they were afterwards, and put them back."""
        before = {name: get() for name, (get, _) in SETTINGS.items()}
        try:
            yield
        finally:
            for name, (get, put) in SETTINGS.items():
                if get() != before[name]:
                    self.found.append(("settings", self.last, name))
                    put(before[name])

    @contextmanager
    def _looking(self) -> Iterator[None]:
        """Note the files that are opened meanwhile."""
        _install_audit()
        self._inside = True
        _watching.append(self)
        try:
            yield
        finally:
            _watching.remove(self)
            self._inside = False

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

    def opened(self, path: str) -> None:
        """Note that a file was opened, where the method did it and it is none that a method may read."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code.co_filename != self.file:
            module = frame.f_globals.get("__name__", "")
            if module.startswith("bench.") and not module.startswith("bench.conformance."):
                return  # the engine did it: a fit keeps its state, a space reads its weights
            frame = frame.f_back
        folder = next((name for name, folder in _forbidden().items() if Path(path).is_relative_to(folder)), None)
        if frame is not None and folder is not None:
            self.found.append(
                ("reads", self.last, f"{path} of {folder} was opened ({Path(self.file).name}:{frame.f_lineno})")
            )


def overrides(definition: type[Method], hook: str) -> bool:
    """Return whether a method's class has a hook of its own."""
    return getattr(definition, hook) is not getattr(Method, hook)


def _inputs(arguments: tuple[Any, ...]) -> dict[str, str]:
    """Return the fingerprints of all that a hook is given and may not change."""
    values: dict[str, str] = {}
    pools = [argument for argument in arguments if isinstance(argument, Pool)]
    for pool in pools:
        values |= _pool_parts("pool", pool)
    for argument in arguments:
        if isinstance(argument, Context) and not any(argument.pool is pool for pool in pools):
            values |= _pool_parts("ctx.pool", argument.pool)
    return values


def _pool_parts(name: str, pool: Pool) -> dict[str, str]:
    parts = {"images": pool.data.images, "labels": pool.data.labels, "origin": pool.origin, "weights": pool.weights}
    return {f"{part} of {name}": fingerprint(value) for part, value in parts.items()}


def _outcome(method: Method, hook: str, result: Any, arguments: tuple[Any, ...]) -> str:
    """Return the fingerprint of what a hook gave: its result, the trained generator, or what the method learned."""
    if hook in ("fit", "refine"):
        generator: Generator = arguments[0]
        return fingerprint(generator.state_dict())
    return fingerprint(vars(method)) if hook == "prepare" else fingerprint(result)


def _check_result(call: str, result: Any, ctx: Context | None) -> None:
    """Raise RunFailed where a hook gave what the loop cannot use, and would not say in words of the method."""
    match result:
        case Pool() if ctx is not None:
            _check_images(call, result.data, ctx.n_classes)
            weights, n = result.weights, len(result)
            if result.origin.dtype != torch.int64:
                raise RunFailed(f"{call} returned origins of type {result.origin.dtype}, not torch.int64")
            if weights is not None and weights.shape != (n,):
                raise RunFailed(f"{call} returned weights of shape {tuple(weights.shape)}, not ({n},)")
            if weights is not None and not (torch.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
                raise RunFailed(f"{call} returned weights that are not all finite and at least 0, or all 0")
        case ImageSet() if ctx is not None:
            _check_images(call, result, ctx.n_classes)
        case dict() if call == "state_dict":
            if wrong := [k for k, v in result.items() if not (isinstance(k, str) and isinstance(v, Tensor))]:
                kind = type(result[wrong[0]]).__name__
                raise RunFailed(f"state_dict returned {kind} for {wrong[0]!r}: its values must be tensors")
        case _ if call == "state_dict":
            raise RunFailed(f"state_dict returned {type(result).__name__}, not a dict of tensors")


def _check_images(call: str, images: ImageSet, n_classes: int | None) -> None:
    labels = images.labels
    if (
        labels is not None
        and n_classes is not None
        and len(labels)
        and not 0 <= labels.min() <= labels.max() < n_classes
    ):
        raise RunFailed(
            f"{call} returned labels from {labels.min()} to {labels.max()}: allowed are 0 to {n_classes - 1}"
        )
    if not torch.isfinite(images.images.float()).all():
        raise RunFailed(f"{call} returned points that are not finite")


def _forbidden() -> dict[str, Path]:
    """Return the folders that hold what no method may read."""
    import sklearn

    return {
        "the data folder": paths.data_folder(),
        "the cache folder": paths.cache_folder(),
        "the tasks": paths.TASKS,
        "the runs folder": Path("runs").resolve(),
        "scikit-learn's data sets": Path(sklearn.__file__).parent / "datasets" / "data",
    }


# Python calls an audit hook for every file that is opened, and lets nobody remove it: it is installed once, when it is
# first needed, and looks only while a watched hook runs.
_watching: list[Watch] = []


@functools.cache
def _install_audit() -> None:
    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and _watching and isinstance(arguments[0], str | bytes | os.PathLike):
            _watching[-1].opened(os.path.realpath(os.fsdecode(arguments[0])))

    sys.addaudithook(audit)
