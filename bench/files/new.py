"""A file to start from, made from a template that works."""

from pathlib import Path

from bench.errors import BadInput
from bench.files.atomic import write_text
from bench.files.limits import is_method_name
from bench.files.validation import shown


def write_from_template(what: str, name: str, folder: Path, template: Path) -> Path:
    """Write NAME.py, with the template's class and docstring called after it.

    Args:
        what: "method" or "generator": the template's class is MyMethod, its file my_method, its docstring My method.
        name: of the file.
        folder: where the file goes.
        template: a file that works.

    Raises:
        BadInput: a name that no such file can have, a file that is there already, or a folder that cannot be written.
    """
    if not is_method_name(name):
        raise BadInput(f"new-{what} {shown(name)}: use lower case, digits and _, a letter first")
    path = folder / f"{name}.py"
    if path.exists():
        raise BadInput(f"{path}: there is such a file already: choose another name")
    text = template.read_text(encoding="utf-8")
    class_name = "".join(word.capitalize() for word in name.split("_"))
    text = text.replace(f"My{what.capitalize()}", class_name).replace(f"my_{what}", name)
    text = text.replace(f'"""My {what}:', f'"""{name.replace("_", " ").strip().capitalize()}:', 1)
    write_text(path, text)
    return path
