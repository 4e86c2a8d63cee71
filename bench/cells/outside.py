"""What the source of a file shows of the world outside of the loop: files, the network, processes, threads.

`autophagy check` and `autophagy submit` look at it, and `run` does not: whoever tries something out may write files.
It shows what Python itself is not told of when it happens, as a library in C opens its files alone.
"""

import ast
from collections.abc import Mapping
from pathlib import Path

MODULES = (
    *("aiohttp", "asyncio", "atexit", "clip", "concurrent", "cv2", "dbm", "fcntl", "fileinput", "ftplib", "getpass"),
    *("glob", "h5py", "http", "httpx", "huggingface_hub", "io", "joblib", "linecache", "logging", "lpips", "mmap"),
    *("multiprocessing", "onnxruntime", "open_clip", "os", "pathlib", "platform", "posix", "pty", "requests"),
    *("resource", "safetensors", "scipy.io", "selectors", "shelve", "shutil", "signal", "skimage.data", "skimage.io"),
    *("sklearn.datasets", "smtplib", "socket", "socketserver", "sqlite3", "ssl", "tarfile", "tempfile", "tensorboard"),
    *("threading", "timm", "tokenize", "torchvision.datasets", "torchvision.io", "transformers", "urllib", "urllib3"),
    *("wandb", "webbrowser", "xmlrpc", "zipfile"),
    *("numpy.lib", "torch.classes", "torch.distributed", "torch.export", "torch.hub", "torch.multiprocessing"),
    *("torch.onnx", "torch.ops", "torch.package", "torch.serialization", "torch.utils.cpp_extension"),
    *("torch.utils.model_zoo", "torch.utils.tensorboard"),
)
NAMES = (
    *("numpy.DataSource", "numpy.fromfile", "numpy.genfromtxt", "numpy.load", "numpy.loadtxt", "numpy.memmap"),
    *("numpy.save", "numpy.savetxt", "numpy.savez", "numpy.savez_compressed"),
    *("torch.from_file", "torch.jit.load", "torch.jit.save", "torch.load", "torch.save"),
    *("builtins.open", "builtins.input"),
)
# Modules that others hold as attributes: `torch.os`.
HELD = ("io", "multiprocessing", "os", "pathlib", "shutil", "socket", "tempfile", "threading", "urllib")
# What fetches or maps a file wherever it belongs to, and the word with which a network comes with its weights.
ANYWHERE = ("from_file", "from_pretrained", "from_single_file")
WITH_WEIGHTS = "pretrained"


def outside_uses(path: Path, content: bytes) -> list[str]:
    """Return what a file uses that reaches outside of the loop: "mine.py:3: uses torch.save".

    Args:
        path: of the file, which is named.
        content: of the file, which `check_source` has passed.
    """
    tree = ast.parse(content, filename=str(path))
    known = {name: f"builtins.{name}" for name in {"open", "input"} - _defined(tree)}
    found: dict[str, int] = {}
    inner: set[ast.expr] = set()  # torch in torch.save
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {name: node.lineno for name in _imported(node, known) if _is_outside(name)}
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=target)], value=value) if name := _dotted(value, known):
                known.setdefault(target, name)  # load = torch.load
    for node in ast.walk(tree):
        if isinstance(node, ast.expr) and node not in inner and (used := _used(node, known)) is not None:
            found.setdefault(used, node.lineno)
        if isinstance(node, ast.Attribute):
            inner.add(node.value)
    return [f"{path.name}:{line}: uses {name.removeprefix('builtins.')}" for name, line in found.items()]


def _defined(tree: ast.AST) -> set[str]:
    """Return the names that a file gives a meaning of its own: many call what a layer is given `input`."""
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
    return names


def _imported(node: ast.Import | ast.ImportFrom, known: dict[str, str]) -> list[str]:
    """Note in `known` what a node imports, and return the full names of what it takes out of modules.

    A module as a whole is harmless until it is used.
    """
    match node:
        case ast.Import(names=aliases):
            for alias in aliases:
                first = alias.name.split(".")[0]
                known[alias.asname or first] = alias.name if alias.asname else first
        case ast.ImportFrom(module=str(module), names=aliases):
            known |= {alias.asname or alias.name: f"{module}.{alias.name}" for alias in aliases}
            return [f"{module}.{alias.name}" for alias in aliases]
    return []


def _is_outside(name: str) -> bool:
    if name.endswith(".*"):
        return _is_outside(name[:-2]) or any(held.startswith(name[:-1]) for held in (*MODULES, *NAMES))
    return name in (*MODULES, *NAMES) or name.startswith(tuple(f"{module}." for module in MODULES))


def _used(node: ast.expr, known: Mapping[str, str]) -> str | None:
    """Return what an expression reaches outside with, None where it does not."""
    match node:
        case ast.Attribute(attr=name) if name in ANYWHERE:
            return ast.unparse(node)
        case ast.Call(func=function, keywords=keywords):
            weights = {keyword.arg: keyword.value for keyword in keywords}
            given = weights.get(WITH_WEIGHTS)
            if given is None and _dotted(function, known).startswith("torchvision.models"):
                given = weights.get("weights")
            if given is not None and ast.unparse(given) not in ("None", "False"):
                return f"{ast.unparse(function)} with weights"
    name = _dotted(node, known)
    held = isinstance(node, ast.Attribute) and any(part in HELD for part in name.split(".")[1:])
    return name if held or _is_outside(name) else None


def _dotted(node: ast.expr, known: Mapping[str, str]) -> str:
    """Return the full name of what an expression names, "" where it is no name."""
    match node:
        case ast.Name(id=name):
            return known.get(name, "")
        case ast.Attribute(value=owner, attr=attribute):
            return f"{whole}.{attribute}" if (whole := _dotted(owner, known)) else ""
        case ast.Call(func=ast.Name(id="getattr"), args=[owner, ast.Constant(value=str(attribute)), *_]):
            return f"{whole}.{attribute}" if (whole := _dotted(owner, known)) else ""
    return ""
