"""Load a method from its one Python file, with the values of its parameters."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import ValidationError

from bench import paths
from bench.cells.cell import MethodIdentity
from bench.cells.class_file import define_anew, load_class
from bench.cells.retraining import in_order
from bench.errors import BadInput, choose, first_line
from bench.files.validation import one_line
from bench.methods.method import Control, Method
from bench.process.shared import executing


@dataclass(frozen=True)
class LoadedMethod:
    """A method class with its identity, which has the values of its parameters, and the file that it is from."""

    identity: MethodIdentity
    definition: type[Method]
    path: Path
    content: bytes = field(repr=False)

    def anew(self) -> "LoadedMethod":
        """Return it with its file executed once more: what its module and classes keep goes into no other cell.

        Raises:
            BadInput: the file cannot be executed a second time.
        """
        with executing(self.path):
            return replace(self, definition=define_anew(self.path, self.content, Method, "method"))

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


def method_path(text: str) -> Path:
    """Return the file that `load_method` reads."""
    name = text.partition(":")[0]
    return Path(name) if name.endswith(".py") else paths.BASELINES / f"{name}.py"


def load_method(text: str) -> LoadedMethod:
    """Load a method by the name of a file in baselines/ or by the path of a Python file.

    Args:
        text: the name or path, and after colons the parameters that are not at their defaults:
            "entropy_selection:keep=0.5".

    Raises:
        BadInput: no such method, a file that cannot be imported, uses what methods may not use, does not define
            exactly one method or declares uses that there are not, or a wrong parameter.
    """
    name, _, parameters = text.partition(":")
    path = method_path(text)
    if not path.is_file():
        raise BadInput(
            f"no method '{name}': {choose(paths.baseline_names(), name)}, or give the path of a .py file: "
            "`autophagy new-method NAME` writes one"
        )
    with executing(path):
        loaded = load_class(path, parameters, Method, "method")
    try:
        in_order(loaded.definition.uses)
    except (TypeError, ValueError) as error:
        raise BadInput(f"{path}: uses of class {loaded.definition.__name__}: {first_line(error)}") from error
    try:
        identity = MethodIdentity(
            name=path.stem,
            params=loaded.params,
            sha256=loaded.sha256,
            control=issubclass(loaded.definition, Control),
        )
    except ValidationError as error:
        raise BadInput(f"{path}: {one_line(error)}") from error
    return LoadedMethod(identity, loaded.definition, path, loaded.content)
