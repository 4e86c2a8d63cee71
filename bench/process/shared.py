"""What all code of a process shares, and what a method could change for the cells after it."""

import os
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from operator import is_
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from bench.errors import BadInput

# How a value is read, and how it is set.
Access = tuple[Callable[[], Any], Callable[[Any], object]]
SETTINGS: dict[str, Access] = {
    "default dtype of torch": (torch.get_default_dtype, torch.set_default_dtype),
    "number of threads of torch": (torch.get_num_threads, torch.set_num_threads),
    "gradient mode of torch": (torch.is_grad_enabled, torch.set_grad_enabled),
    "working folder": (Path.cwd, os.chdir),
}
RANDOM_STATES: dict[str, Access] = {
    "torch": (torch.get_rng_state, torch.set_rng_state),
    "numpy.random": (np.random.get_state, np.random.set_state),
    "random": (random.getstate, random.setstate),
}
# What the benchmark's numbers go through beside its own modules; all of torch would be too much to look at.
BESIDE = ("torch", "torch.nn", "torch.nn.functional", "torch.optim", "torch.linalg", "numpy", "math")


@dataclass(frozen=True)
class _Names:
    """The names of a module, a class or a dictionary, and what they stood for.

    Attributes:
        owner: whose names they are.
        now: what they stand for.
        before: what they stood for.
        put: sets one.
        remove: removes one.
        ours: whether they are the benchmark's own.
        closed: whether a new name is a change too.
    """

    owner: str
    now: Mapping[str, Any]
    before: dict[str, Any]
    put: Callable[[str, Any], object]
    remove: Callable[[str], object]
    ours: bool
    closed: bool

    def are_as_before(self) -> bool:
        """Return whether all of them stand for what they stood for."""
        return len(self.now) == len(self.before) and all(map(is_, self.now.values(), self.before.values()))

    def changed(self) -> Iterator[tuple[str, Any]]:
        """Yield what stands for something else now, with what it stood for; None where it is new."""
        if self.are_as_before():
            return
        for name, value in self.before.items():
            found = self.now.get(name)
            if found is not value and _is_fixed(name, value) and not _is_wrapped(value, found):
                yield name, value
        for name in [name for name in self.now if self.closed and name not in self.before]:
            if not name.startswith("__") and not isinstance(self.now[name], ModuleType):
                yield name, None


class SharedCode:
    """The functions, classes and constants of the benchmark as they were when this was made."""

    def __init__(self) -> None:
        self._all = list(_everything())
        self._known = list(self._values())

    def changes(self) -> list[str]:
        """Return the names of what has been changed since: "bench.seeds.derive_seed"."""
        # After most hooks all values are those that were last seen to be no change.
        n = sum(len(names.now) for names in self._all)
        if n == len(self._known) and all(map(is_, self._values(), self._known)):
            return []
        changed = [f"{names.owner}.{name}" for names in self._all for name, _ in names.changed()]
        if not changed:
            self._known = list(self._values())
        return changed

    def restore(self) -> None:
        """Put everything back."""
        for names in self._all:
            for name, value in list(names.changed()):
                if value is None:
                    names.remove(name)
                else:
                    names.put(name, value)

    def _values(self) -> Iterator[Any]:
        return chain.from_iterable(names.now.values() for names in self._all)


@contextmanager
def executing(path: Path) -> Iterator[None]:
    """Raise BadInput where executing somebody's file changes what all cells of a process share; it is put back."""
    code = SharedCode()
    try:
        with put_back(SETTINGS, RANDOM_STATES):
            yield
    finally:
        changes = code.changes()
        code.restore()
    if changes:
        raise BadInput(f"{path}: changes {changes[0]} when it is imported: a file may not change the benchmark")


@contextmanager
def put_back(*kinds: Mapping[str, Access]) -> Iterator[None]:
    """Put the settings or random states of these kinds back afterwards."""
    before = [(put, get()) for kind in kinds for get, put in kind.values()]
    try:
        yield
    finally:
        for put, value in before:
            put(value)


# The names of each module as they were last found: for most cells they are still these.
_found: dict[str, list[_Names]] = {}


def _everything() -> Iterator[_Names]:
    for name, module in [*sys.modules.items()]:
        ours = name.partition(".")[0] == "bench" or name.startswith("autophagy_generator_")
        if not ours and name not in BESIDE:
            continue
        found = _found.get(name)
        if found is None or found[0].now is not vars(module) or not all(names.are_as_before() for names in found):
            found = _found[name] = list(_names_in(name, module, ours))
        yield from found


def _names_in(name: str, module: ModuleType, ours: bool) -> Iterator[_Names]:
    """Yield the names of a module, and then those of its classes and tables."""
    yield _of(name, module, ours)
    for key, value in [*vars(module).items()]:
        # The older types of tensors, as torch.FloatTensor, are half of all names, and nothing goes through them.
        if isinstance(value, type) and value.__module__ == name and type(value).__name__ != "tensortype":
            yield _of(f"{name}.{key}", value, ours)
        elif isinstance(value, dict) and ours and key.isupper():
            yield _names(f"{name}.{key}", value, value.__setitem__, value.__delitem__, ours, ours)


def _of(owner: str, place: Any, ours: bool) -> _Names:
    def put(name: str, value: Any) -> None:
        setattr(place, name, value)

    def remove(name: str) -> None:
        delattr(place, name)

    # The door finds its names when they are first asked for, and a bar of tqdm its lock.
    closed = owner.startswith("bench.") and not (isinstance(place, type) and place.__name__.startswith("_"))
    return _names(owner, vars(place), put, remove, ours, closed)


def _names(
    owner: str,
    now: Mapping[str, Any],
    put: Callable[[str, Any], object],
    remove: Callable[[str], object],
    ours: bool,
    closed: bool,
) -> _Names:
    return _Names(owner, now, dict(now), put, remove, ours, closed)


def _is_wrapped(value: Any, found: Any) -> bool:
    """Return whether torch has wrapped a function of its own, as it does when it compiles for the first time."""
    module = str(getattr(value, "__module__", None))
    names = [(getattr(of, "__module__", None), getattr(of, "__qualname__", None)) for of in (value, found)]
    return module.partition(".")[0] == "torch" and names[0] == names[1]


def _is_fixed(name: str, value: Any) -> bool:
    """Return whether a name always stands for this: code does, and so does what is written in capitals."""
    if name.startswith("__"):
        return callable(value) and not isinstance(value, type)
    return callable(value) or isinstance(value, property | staticmethod | classmethod) or name.isupper()
