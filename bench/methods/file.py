"""Load a method from its one Python file, with the values of its parameters."""

import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from pydantic import ValidationError

from bench import paths
from bench.cells.cell import MethodIdentity
from bench.cells.parameters import declared_parameters, describe_parameters, parse_parameters
from bench.errors import BadInput, first_line
from bench.files.hashing import bytes_sha256
from bench.files.limits import MOST_METHOD_BYTES, is_method_name
from bench.files.untrusted import read_named
from bench.files.validation import one_line, shown
from bench.methods.method import Control, Method
from bench.methods.source import check_source


@dataclass(frozen=True)
class LoadedMethod:
    """A method class with its identity, which has the values of its parameters, and the file that it is from."""

    identity: MethodIdentity
    definition: type[Method]
    path: Path

    def build(self) -> Method:
        """Return a new instance with its parameters set.

        Raises:
            BadInput: the class cannot be called.
        """
        try:
            method = self.definition()
        except Exception as error:  # somebody's code
            reason = f"{type(error).__name__}: {first_line(error)}"
            raise BadInput(f"{self.path}: {self.definition.__name__}() raises {reason}") from error
        for name, value in self.identity.params.items():
            setattr(method, name, value)
        return method

    @property
    def summary(self) -> str:
        """The first line of the class's docstring, the parameters with their defaults, and whether it is a control."""
        line = (self.definition.__doc__ or "").strip().partition("\n")[0]
        parameters = describe_parameters(self.identity.params)
        marks = [f"[{parameters}]"] * bool(parameters) + ["(control)"] * self.identity.control
        return " ".join([line, *marks])


def baseline_names() -> list[str]:
    """Return the names of the methods that come with the package."""
    return sorted(path.stem for path in paths.BASELINES.glob("*.py"))


def load_method(text: str) -> LoadedMethod:
    """Load a method by the name of a file in baselines/ or by the path of a Python file.

    Args:
        text: the name or path, and after colons the parameters that are not at their defaults:
            "entropy_selection:keep=0.5".

    Raises:
        BadInput: no such method, a file that cannot be imported, uses what methods may not use or does not define
            exactly one method, or a wrong parameter.
    """
    name, _, parameters = text.partition(":")
    path = Path(name) if name.endswith(".py") else paths.BASELINES / f"{name}.py"
    if not path.is_file():
        raise BadInput(f"no method '{name}': there are {', '.join(baseline_names())}, or give the path of a .py file")
    if not is_method_name(path.stem):
        raise BadInput(f"{path}: a method's file is named in lower case, digits and _, found {shown(path.stem)}")
    content = read_named(path, MOST_METHOD_BYTES)
    check_source(path, content)
    module = ModuleType(f"autophagy_method_{path.stem}")
    module.__file__ = str(path.absolute())
    sys.modules[module.__name__] = module  # dataclasses and typing look a class's module up by name
    try:
        # Python's own import would run what a folder __pycache__ beside the file says: other code than that which was
        # checked and hashed.
        exec(compile(content, module.__file__, "exec", dont_inherit=True), module.__dict__)
    except (Exception, SystemExit) as error:
        raise BadInput(f"{path}: cannot be imported: {type(error).__name__}: {first_line(error)}") from error
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Method) and value.__module__ == module.__name__
    ]
    if len(found) != 1:
        raise BadInput(f"{path}: needs exactly one class derived from bench.methods.method.Method, found {len(found)}")
    try:
        params = parse_parameters(parameters, declared_parameters(found[0]))
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from error
    try:
        identity = MethodIdentity(
            name=path.stem, params=params, sha256=bytes_sha256(content), control=issubclass(found[0], Control)
        )
    except ValidationError as error:
        raise BadInput(f"{path}: {one_line(error)}") from error
    return LoadedMethod(identity, found[0], path)
