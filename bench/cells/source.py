"""What the source of a method may not use: the ways to real images, scores and settings that the loop does not give.

The rules keep an honest author from a mistake, and make a dishonest one write what a reader sees. They are no sandbox:
a method is a program and runs with the rights of whoever runs it.
"""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BadInput, first_line
from bench.public import FOR_FILES, FOR_SCRIPTS

ALLOWED = "use the names in docs/interface.md"
DATA_SETS = ("sklearn.datasets", "torchvision.datasets", "datasets")
# Modules that give code, frames or objects that nobody handed out,
BACK_DOORS = (
    "ctypes", "gc", "importlib", "inspect", "pickle", "runpy", "subprocess", "sys",
    "bdb", "builtins", "code", "codeop", "copyreg", "dis", "faulthandler", "marshal", "pdb", "pkgutil", "traceback",
    "trace", "tracemalloc", "unittest", "zipimport",
)  # fmt: skip
# and those that other modules hold as attributes: `torch.sys`.
HELD = ("builtins", "ctypes", "gc", "importlib", "inspect", "pickle", "subprocess", "sys")
CALLS = ("__import__", "compile", "eval", "exec", "globals", "locals", "vars", "breakpoint")
BY_NAME = ("getattr", "setattr", "delattr", "hasattr", "attrgetter", "methodcaller")
PRIVATE = re.compile(r"(^|\.)_")  # a part of a dotted name
AROUND = "a method may not reach around the interface"


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
        names = _Names.of(tree)
        for node in ast.walk(tree):
            if (problem := _problem(node, names)) is not None:
                raise BadInput(f"{path}:{getattr(node, 'lineno', 1)}: {problem}")
    except (SyntaxError, ValueError) as error:
        raise BadInput(f"{path}: cannot be imported: {type(error).__name__}: {first_line(error)}") from error
    except (RecursionError, MemoryError) as error:
        raise BadInput(f"{path}: nested too deeply to be read") from error


@dataclass(frozen=True)
class _Names:
    """What the names of a file are.

    Attributes:
        own: the nodes that are a method's own object: self or cls in a class, and super().
        called: the nodes that are called.
        defined: the names that the file gives a meaning of its own.
    """

    own: set[ast.expr]
    called: set[ast.expr]
    defined: set[str]

    @classmethod
    def of(cls, tree: ast.AST) -> "_Names":
        own: set[ast.expr] = set()
        called: set[ast.expr] = set()
        defined: set[str] = set()
        for node in ast.walk(tree):
            match node:
                case ast.ClassDef(body=body):
                    defined.add(node.name)
                    for function in body:
                        own |= _first_arguments(function)
                case ast.Call(func=function):
                    called.add(function)
                    if isinstance(function, ast.Name) and function.id == "super":
                        own.add(node)
                case ast.FunctionDef(name=name) | ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
                    defined.add(name)
        return cls(own, called, defined)


def _first_arguments(function: ast.stmt) -> set[ast.expr]:
    """Return where a method of a class names its first argument, if that is self or cls."""
    if not isinstance(function, ast.FunctionDef) or not function.args.args:
        return set()
    first = function.args.args[0].arg
    return {node for node in ast.walk(function) if isinstance(node, ast.Name) and node.id == first in ("self", "cls")}


def _problem(node: ast.AST, names: _Names) -> str | None:
    match node:
        case ast.Import(names=aliases):
            modules = [alias.name for alias in aliases]
            return next(filter(None, map(_whole_module_problem, modules)), None) or _first_problem(modules)
        case ast.ImportFrom(module=module, names=aliases, level=level):
            if level or module is None:
                return "imports from its own folder: a method is one file"
            imported = [alias.name for alias in aliases]
            if _is_benchmark(module):
                return _door_problem(module, imported)
            if module == "operator" and (found := next((name for name in imported if name in BY_NAME), None)):
                return f"imports {found}: {AROUND}"
            return _first_problem([module, *(f"{module}.{name}" for name in imported)])
        case ast.Name(id=name) if name in CALLS and (node in names.called or name not in names.defined):
            return f"calls {name}: {AROUND}" if node in names.called else f"uses {name}: {AROUND}"
        case ast.Call(func=ast.Name(id=name), args=[owner, attribute, *_]) if name in BY_NAME:
            return _by_name_problem(node, owner, attribute, names)
        case ast.Call(func=ast.Name(id=name)) if name in BY_NAME:
            return f"uses {ast.unparse(node)}: the name of an attribute must be written out"
        case ast.Name(id=name) if name in BY_NAME and node not in names.called and name not in names.defined:
            return f"uses {name}: {AROUND}"
        case ast.Attribute(attr=attribute, value=owner):
            return _attribute_problem(ast.unparse(node), attribute, owner, names)
        case ast.MatchClass(kwd_attrs=attributes) if private := [name for name in attributes if name.startswith("_")]:
            return f"uses {private[0]}: names with _ are the private parts of what they belong to"
    return None


def _by_name_problem(node: ast.AST, owner: ast.expr, attribute: ast.expr, names: _Names) -> str | None:
    """Return what is wrong with getattr(owner, attribute) and its like."""
    match attribute:
        case ast.Constant(value=str(name)):
            return _attribute_problem(ast.unparse(node), name, owner, names)
    if owner in names.own:
        return None
    return f"uses {ast.unparse(node)}: the name of an attribute must be written out"


def _attribute_problem(shown: str, attribute: str, owner: ast.expr, names: _Names) -> str | None:
    if owner in names.own:
        return None
    if attribute.startswith("_"):
        return f"uses {shown}: names with _ are the private parts of what they belong to"
    if attribute in HELD or attribute in ("attrgetter", "methodcaller"):
        return f"uses {shown}: {AROUND}"
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
        return f"imports {module}: {AROUND}"
    if module != "__future__" and not module.startswith("__future__.") and PRIVATE.search(module):
        return f"imports {module}: names with _ are the private parts of what they belong to"
    return None
