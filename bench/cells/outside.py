"""What the source of a file shows of the world outside of the loop: files, the network, processes, threads.

`autophagy check` and `autophagy submit` look at it, and `run` does not: whoever tries something out may write files.
It shows what Python itself is not told of when it happens, as a library in C opens its files alone.
"""

import ast
from pathlib import Path

MODULES = (
    *("aiohttp", "asyncio", "atexit", "concurrent", "dbm", "fileinput", "ftplib", "glob", "h5py", "http", "httpx"),
    *("huggingface_hub", "io", "mmap", "multiprocessing", "platform", "requests", "resource", "safetensors", "shelve"),
    *("shutil", "signal", "smtplib", "socket", "socketserver", "sqlite3", "ssl", "tarfile", "tempfile", "threading"),
    *("torch.hub", "torch.multiprocessing", "torch.utils.cpp_extension", "torch.utils.model_zoo", "urllib", "urllib3"),
    *("webbrowser", "xmlrpc", "zipfile"),
)
NAMES = (
    *("numpy.fromfile", "numpy.genfromtxt", "numpy.load", "numpy.loadtxt", "numpy.memmap", "numpy.save"),
    *("numpy.savetxt", "numpy.savez", "numpy.savez_compressed"),
    *("os.environ", "os.fork", "os.getenv", "os.kill", "os.listdir", "os.open", "os.popen", "os.scandir", "os.system"),
    *("os.walk", "pathlib.Path", "torch.from_file", "torch.jit.load", "torch.jit.save", "torch.load", "torch.save"),
    *("builtins.open", "builtins.input"),
)


def outside_uses(path: Path, content: bytes) -> list[str]:
    """Return what a file uses that reaches outside of the loop: "mine.py:3: uses torch.save".

    Args:
        path: of the file, which is named.
        content: of the file, which `check_source` has passed.
    """
    tree = ast.parse(content, filename=str(path))
    known = {name: f"builtins.{name}" for name in ("open", "input")}
    found: dict[str, int] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=aliases):
                known |= {
                    a.asname or a.name.split(".")[0]: a.name if a.asname else a.name.split(".")[0] for a in aliases
                }
                names = [alias.name for alias in aliases]
            case ast.ImportFrom(module=str(module), names=aliases):
                known |= {alias.asname or alias.name: f"{module}.{alias.name}" for alias in aliases}
                names = [f"{module}.{alias.name}" for alias in aliases]
            case _:
                continue
        for name in names:
            if name.startswith(tuple(f"{module}." for module in MODULES)) or name in (*MODULES, *NAMES):
                found.setdefault(name, node.lineno)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute) and (name := _dotted(node, known)) in (*MODULES, *NAMES):
            found.setdefault(name, node.lineno)
    return [f"{path.name}:{line}: uses {name.removeprefix('builtins.')}" for name, line in found.items()]


def _dotted(node: ast.expr, known: dict[str, str]) -> str:
    """Return the full name of what an expression names, "" where it is no name."""
    match node:
        case ast.Name(id=name):
            return known.get(name, "")
        case ast.Attribute(value=owner, attr=attribute):
            return f"{_dotted(owner, known)}.{attribute}"
    return ""
