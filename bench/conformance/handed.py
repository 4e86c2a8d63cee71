"""What a hook is handed while it is watched: the same context and generator, which tell what is done to them."""

import sys
from dataclasses import fields
from types import FrameType
from typing import Any, TypeVar

from bench.conformance.fingerprint import fingerprint
from bench.data.image_set import ImageSet
from bench.generators.base import Generator
from bench.methods.method import Context

PRIVATE = {"__dict__", *(field.name for field in fields(Context) if field.name.startswith("_"))}

Class = TypeVar("Class", bound=type)


class Handed:
    """Watches what the code of one file does to what its hooks are handed.

    Attributes:
        reached: what it has read that is private, and where: "ctx._real", 14.
        set: what it has set that is not its own, and where: "generator.settings", 14.
        real: the real images that were handed out, each with its fingerprint at that time.
    """

    def __init__(self, file: str) -> None:
        """Watch the code in `file`."""
        self._file = file
        self._context = self._reading(Context)
        self._classes: dict[type, type] = {}
        self.begin()

    def begin(self) -> None:
        """Begin with nothing seen."""
        self.reached: list[tuple[str, int]] = []
        self.set: list[tuple[str, int]] = []
        self.real: list[tuple[ImageSet, str]] = []

    def context(self, ctx: Context) -> Context:
        """Return the same context, which tells who reads its private parts."""
        handed = object.__new__(self._context)
        vars(handed).update(vars(ctx))
        return handed

    def generator(self, generator: Generator) -> Generator:
        """Return the same generator, which tells who sets its attributes and counters."""
        for watched, name in ((generator, "generator"), (generator.work, "generator.work")):
            definition = type(watched)
            if definition not in self._classes.values():
                if definition not in self._classes:
                    self._classes[definition] = self._telling(definition, name)
                watched.__class__ = self._classes[definition]
        return generator

    def _reading(self, definition: type[Context]) -> type[Context]:
        handed = self

        class Watched(definition):  # type: ignore[valid-type, misc]
            def __getattribute__(self, name: str) -> Any:
                if name in PRIVATE and (line := handed._reached_from(sys._getframe(1))) is not None:
                    handed.reached.append((f"ctx.{name}", line))
                return super().__getattribute__(name)

            @property
            def real(self) -> ImageSet:
                images: ImageSet = super().real
                handed.real.append((images, fingerprint(images)))
                return images

        return _named(Watched, definition)

    def _telling(self, definition: type, called: str) -> type:
        handed = self

        class Watched(definition):  # type: ignore[misc]
            def __setattr__(self, name: str, value: Any) -> None:
                handed._note_set(f"{called}.{name}", sys._getframe(1))
                super().__setattr__(name, value)

            def __delattr__(self, name: str) -> None:
                handed._note_set(f"{called}.{name}", sys._getframe(1))
                super().__delattr__(name)

        return _named(Watched, definition)

    def _note_set(self, what: str, frame: FrameType) -> None:
        if frame.f_code.co_filename == self._file:
            self.set.append((what, frame.f_lineno))

    def _reached_from(self, frame: FrameType | None) -> int | None:
        """Return the line of the file that something was reached from, None where the benchmark itself reached it."""
        while frame is not None and frame.f_code.co_filename != self._file:
            module = frame.f_globals.get("__name__", "")
            if module.startswith("bench.") or (module == "dataclasses" and frame.f_code.co_name == "replace"):
                return None  # replace(ctx, loop=...) is a way to ask the plain loop for something else
            frame = frame.f_back
        return None if frame is None else frame.f_lineno


def _named(watched: Class, definition: type) -> Class:
    watched.__name__, watched.__qualname__, watched.__module__ = (
        definition.__name__,
        definition.__qualname__,
        definition.__module__,
    )
    return watched
