"""Which of the two a file is: a method, or a generator."""

from pathlib import Path

from bench.cells.class_file import classes_of, load_module
from bench.errors import BadInput
from bench.generators.base import Generator
from bench.methods.method import Method


def is_generator_file(text: str) -> bool:
    """Return whether a file, named as on the command line, has a generator and no method.

    Raises:
        BadInput: the file cannot be imported, or has neither.
    """
    path = Path(text.partition(":")[0])
    if path.suffix != ".py" or not path.is_file():
        return False  # the name of a baseline
    module, _ = load_module(path, "generator")
    generators = classes_of(module, Generator)  # type: ignore[type-abstract]
    if not generators and not classes_of(module, Method):
        raise BadInput(f"{path}: needs exactly one class derived from bench.Method or bench.Generator, found 0")
    return bool(generators)
