"""Load the one class of a Python file that somebody gives: a method's, or a generator's."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

from pydantic.fields import FieldInfo

from bench.cells.parameters import declared_parameters, parse_parameters
from bench.cells.source import check_source
from bench.errors import BadInput, first_line
from bench.files.hashing import bytes_sha256
from bench.files.limits import MOST_METHOD_BYTES, is_method_name
from bench.files.untrusted import read_named
from bench.files.validation import shown

Base = TypeVar("Base")


@dataclass(frozen=True)
class LoadedClass(Generic[Base]):
    """The class of a file, with the values of its parameters.

    Attributes:
        definition: the class.
        params: the values of all its parameters, as JSON has them.
        sha256: of the file.
        path: of the file.
        content: of the file, as it was executed.
    """

    definition: type[Base]
    params: dict[str, Any]
    sha256: str
    path: Path
    content: bytes


def load_class(
    path: Path,
    parameters: str,
    base: type[Base],
    what: str,
    common: Callable[[type[Base]], Mapping[str, FieldInfo]] = lambda _: {},
) -> LoadedClass[Base]:
    """Execute a file and return its one class that is derived from `base`.

    Args:
        path: of the file, which is there.
        parameters: those that are not at their defaults: "name=value:name=value".
        base: a class of the benchmark.
        what: what the file is, in messages: "method".
        common: returns the parameters that a class has without declaring them.

    Raises:
        BadInput: a file that is badly named, cannot be imported, uses what such files may not use or does not define
            exactly one such class, or a wrong parameter.
    """
    module, content = load_module(path, what)
    definition = _one_class(module, base, path)
    try:
        params = parse_parameters(parameters, declared_parameters(definition, common(definition)))
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from error
    return LoadedClass(definition, params, bytes_sha256(content), path, content)


def define_anew(path: Path, content: bytes, base: type[Base], what: str) -> type[Base]:
    """Return the class of a file that was loaded once, from a module of its own: nothing that the first has kept.

    Args:
        path: of the file, which is not read again.
        content: that was loaded.
        base: as for `load_class`.
        what: as for `load_class`.

    Raises:
        BadInput: the file cannot be executed a second time.
    """
    return _one_class(_executed(path, content, what), base, path)


def _one_class(module: ModuleType, base: type[Base], path: Path) -> type[Base]:
    found = classes_of(module, base)
    if len(found) != 1:
        raise BadInput(f"{path}: needs exactly one class derived from bench.{base.__name__}, found {len(found)}")
    return found[0]


def load_module(path: Path, what: str) -> tuple[ModuleType, bytes]:
    """Check the source of a file and execute it; return the module and the content that was executed.

    Raises:
        BadInput: a file that is badly named, cannot be imported, or uses what such files may not use.
    """
    if not is_method_name(path.stem):
        raise BadInput(f"{path}: a {what}'s file is named in lower case, digits and _, found {shown(path.stem)}")
    content = read_named(path, MOST_METHOD_BYTES)
    check_source(path, content)
    return _executed(path, content, what), content


def _executed(path: Path, content: bytes, what: str) -> ModuleType:
    module = ModuleType(f"autophagy_{what}_{path.stem}")
    module.__file__ = str(path.absolute())
    sys.modules[module.__name__] = module  # dataclasses and typing look a class's module up by name
    try:
        # Python's own import would run what a folder __pycache__ beside the file says: other code than that which was
        # checked and hashed.
        exec(compile(content, module.__file__, "exec", dont_inherit=True), module.__dict__)
    except (Exception, SystemExit) as error:
        raise BadInput(f"{path}: cannot be imported: {type(error).__name__}: {first_line(error)}") from error
    return module


def classes_of(module: ModuleType, base: type[Base]) -> list[type[Base]]:
    """Return the classes that a module itself derives from `base`."""
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, base) and value.__module__ == module.__name__
    ]
