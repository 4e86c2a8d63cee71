"""What is known of the baselines' files: that they learn anew in every generation, and what they declare to use.

Records of before say neither. The baselines were read by the maintainers, and a method is known by the hash of its
file: of the present file, or of one that `earlier_files.toml` lists as doing the same. Of any other file nothing is
known but what its records say. Files are read as text; nothing of them is executed to build the board.
"""

import ast
from functools import cache

from bench import paths
from bench.cells.cell import MethodIdentity
from bench.cells.earlier_files import earlier_file
from bench.cells.retraining import Use, in_order
from bench.files.hashing import bytes_sha256


def is_known(method: MethodIdentity) -> bool:
    """Return whether a method is a baseline, from its present file or from one that did the same."""
    present = _present(method.name)
    return present is not None and (present[0] == method.sha256 or earlier_file(method) is not None)


def declared_uses(method: MethodIdentity) -> tuple[Use, ...] | None:
    """Return what the present file of a baseline declares to use, None where the method is none."""
    present = _present(method.name)
    return present[1] if present is not None and is_known(method) else None


@cache
def _present(name: str) -> tuple[str, tuple[Use, ...]] | None:
    """Return the hash of a baseline's present file and the uses that it declares, None where there is no such file."""
    path = paths.BASELINES / f"{name}.py"
    if name not in paths.baseline_names():
        return None
    content = path.read_bytes()
    return bytes_sha256(content), uses_in(content.decode())


def uses_in(source: str) -> tuple[Use, ...]:
    """Return the uses that a method's class declares in its body, () where it declares none."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.ClassDef):
            continue
        for statement in node.body:
            target, value = _assigned(statement)
            if isinstance(target, ast.Name) and target.id == "uses" and value is not None:
                return in_order(ast.literal_eval(value))
    return ()


def _assigned(statement: ast.stmt) -> tuple[ast.expr | None, ast.expr | None]:
    """Return what a statement assigns to, and the value; with or without a type beside it."""
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        return statement.targets[0], statement.value
    return (statement.target, statement.value) if isinstance(statement, ast.AnnAssign) else (None, None)
