"""`autophagy new-method`: a method's file to start from."""

from pathlib import Path

from bench.files.new import write_from_template
from bench.methods import template as method_template


def write_new_method(name: str, folder: Path) -> Path:
    """Write NAME.py, a method that works and shows every hook; see `write_from_template`."""
    return write_from_template("method", name, folder, Path(str(method_template.__file__)))
