"""What the source of a method may not use: the ways to real images, scores and settings that the loop does not give.

The rules keep an honest author from a mistake, and make a dishonest one write what a reader sees. They are no sandbox:
a method is a program and runs with the rights of whoever runs it.
"""

import ast
from pathlib import Path

from bench import FOR_FILES, FOR_SCRIPTS
from bench.errors import BadInput, first_line

ALLOWED = "allowed are the names in docs/interface.md"
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
            modules = [alias.name for alias in names]
            return next(filter(None, map(_whole_module_problem, modules)), None) or _first_problem(modules)
        case ast.ImportFrom(module=module, names=names, level=level):
            if level or module is None:
                return "imports from its own folder: a method is one file"
            imported = [alias.name for alias in names]
            if _is_benchmark(module):
                return _door_problem(module, imported)
            return _first_problem([module, *(f"{module}.{name}" for name in imported)])
        case ast.Call(func=ast.Name(id=name)) if name in CALLS:
            return f"calls {name}: a method may not reach around the interface"
        case ast.Attribute(attr=attribute, value=owner) if attribute.startswith("_") and not _is_own(owner):
            return f"uses {ast.unparse(node)}: names with _ are the private parts of what they belong to"
    return None


def _is_benchmark(module: str) -> bool:
    return module.split(".")[0] == "bench"


def _whole_module_problem(module: str) -> str | None:
    """Return what is wrong with `import module`, where the module is of the benchmark.

    `import bench` is refused too: with it, `bench.scoring` would be a deep import that no import shows.
    """
    if not _is_benchmark(module):
        return None
    if module == "bench":
        return "imports bench: write `from bench import Context, Method`, with the names that it uses"
    names = sorted(name for name, place in FOR_FILES.items() if place == module)
    return f"imports {module}: " + (
        f"write `from bench import {', '.join(names)}`" if names else f"of `bench`, {ALLOWED}"
    )


def _door_problem(module: str, names: list[str]) -> str | None:
    """Return what is wrong with `from module import names`, where the module is of the benchmark."""
    for name in names:
        if name in FOR_SCRIPTS:
            return f"imports {module}: '{name}' is for scripts and notebooks: {ALLOWED}"
        if name not in FOR_FILES:
            return f"imports {module}: `bench` has no '{name}' for methods and generators: {ALLOWED}"
    return None if module == "bench" else f"imports {module}: write `from bench import {', '.join(names)}`"


def _first_problem(modules: list[str]) -> str | None:
    return next(filter(None, map(_import_problem, modules)), None)


def _import_problem(module: str) -> str | None:
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
