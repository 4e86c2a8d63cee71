"""`autophagy new-generator`: a generator's file to start from."""

from pathlib import Path

from bench.cells.generator_settings import GENERATOR_SETTINGS
from bench.errors import BadInput
from bench.files.new import write_from_template


def write_new_generator(name: str, folder: Path) -> Path:
    """Write NAME.py, a small flow matching model that works; see `write_from_template`.

    Raises:
        BadInput: also where the benchmark has a generator of this name.
    """
    if name in GENERATOR_SETTINGS:
        raise BadInput(f"new-generator {name}: is a generator of the benchmark: choose another name")
    return write_from_template("generator", name, folder, Path(__file__).with_name("template.py"))
