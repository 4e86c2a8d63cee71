"""What the source of a method may not use: the ways to real images, scores and settings that the loop does not give.

The rules keep an honest author from a mistake, and make a dishonest one write what a reader sees. They are no sandbox:
a method is a program and runs with the rights of whoever runs it.
"""

import ast
from pathlib import Path

from bench.errors import BadInput, first_line

INTERFACE = (
    "bench.data.image_set",
    "bench.errors",
    "bench.generators.base",
    "bench.methods.linear_probe",
    "bench.cells.loops",
    "bench.methods.method",
    "bench.methods.pool",
    "bench.process.progress",
    "bench.seeds",
)
DATA_SETS = ("sklearn.datasets", "torchvision.datasets", "datasets")
BACK_DOORS = ("ctypes", "gc", "importlib", "inspect", "pickle", "runpy", "subprocess", "sys")
CALLS = ("__import__", "compile", "eval", "exec", "globals", "vars")


def check_source(path: Path, content: bytes) -> None:
    """Raise `BadInput` with file and line where a method's source uses what no method may use.

    Args:
        path: of the file, named in messages.
        content: of the file.

    Raises:
        BadInput: the source cannot be parsed, or breaks a rule.
    """
    try:
        tree = ast.parse(content, filename=str(path))
        for node in ast.walk(tree):
            if (problem := _problem(node)) is not None:
                raise BadInput(f"{path}:{getattr(node, 'lineno', 1)}: {problem}")
    except (SyntaxError, ValueError) as error:
        raise BadInput(f"{path}: cannot be imported: {type(error).__name__}: {first_line(error)}") from error
    except (RecursionError, MemoryError) as error:
        raise BadInput(f"{path}: nested too deeply to be read") from error


def _problem(node: ast.AST) -> str | None:
    match node:
        case ast.Import(names=names):
            return _first_problem([alias.name for alias in names])
        case ast.ImportFrom(module=module, names=names, level=level):
            if level or module is None:
                return "imports from its own folder: a method is one file"
            # "from bench import scorer" imports a module, "from bench.methods.method import Method" something in one.
            modules = [f"{module}.{alias.name}" for alias in names]
            return _import_problem(module) if module in INTERFACE else _first_problem([module, *modules])
        case ast.Call(func=ast.Name(id=name)) if name in CALLS:
            return f"calls {name}: a method may not reach around the interface"
        case ast.Attribute(attr=attribute, value=owner) if attribute.startswith("_") and not _is_own(owner):
            return f"uses {ast.unparse(node)}: names with _ are the private parts of what they belong to"
    return None


def _first_problem(modules: list[str]) -> str | None:
    return next(filter(None, map(_import_problem, modules)), None)


def _import_problem(module: str) -> str | None:
    if module.split(".")[0] == "bench" and module not in INTERFACE:
        return f"imports {module}: of the benchmark a method may use {', '.join(INTERFACE)}"
    if any(module == name or module.startswith(f"{name}.") for name in DATA_SETS):
        return f"imports {module}: real images come from the loop alone (ctx.real), the reference is not for methods"
    if module.split(".")[0] in BACK_DOORS:
        return f"imports {module}: a method may not reach around the interface"
    return None


def _is_own(owner: ast.expr) -> bool:
    """Return whether this is self, cls, or super()."""
    match owner:
        case ast.Name(id="self" | "cls") | ast.Call(func=ast.Name(id="super")):
            return True
    return False
