"""`autophagy new-method`: a method's file to start from."""

from pathlib import Path

from bench.errors import BadInput
from bench.files.atomic import write_text
from bench.files.limits import is_method_name
from bench.files.validation import shown
from bench.methods import template as method_template


def write_new_method(name: str, folder: Path) -> Path:
    """Write NAME.py, a method that works and shows every hook.

    Args:
        name: of the method and its file.
        folder: where the file goes.

    Raises:
        BadInput: a name that no method can have, a file that is there already, or a folder that cannot be written.
    """
    if not is_method_name(name):
        raise BadInput(f"new-method {shown(name)}: allowed are lower case, digits and _, a letter first")
    path = folder / f"{name}.py"
    if path.exists():
        raise BadInput(f"{path}: there is such a file already: choose another name")
    text = Path(str(method_template.__file__)).read_text(encoding="utf-8")
    class_name = "".join(word.capitalize() for word in name.split("_"))
    text = text.replace("MyMethod", class_name).replace("my_method", name)
    text = text.replace('"""My method:', f'"""{name.replace("_", " ").strip().capitalize()}:', 1)
    write_text(path, text)
    return path
