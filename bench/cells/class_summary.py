"""What a baseline is in a line, read off its source: nothing is executed, so that a list of them needs no torch."""

import ast
from pathlib import Path

from bench.cells.parameters import describe_parameters


def class_summary(path: Path) -> str:
    """Return the first line of the docstring of a method's class, its parameters, and whether it is a control.

    Args:
        path: of a file in baselines/; of its classes the one is described that is derived from Method or Control.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    [(definition, base)] = [
        (node, base.id)
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        for base in node.bases
        if isinstance(base, ast.Name) and base.id in ("Method", "Control")
    ]
    parameters = describe_parameters(
        {
            node.target.id: ast.literal_eval(node.value)
            for node in definition.body
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None
            if not node.target.id.startswith("_") and "ClassVar" not in ast.unparse(node.annotation)
        }
    )
    line = (ast.get_docstring(definition) or "").partition("\n")[0]
    return " ".join([line, *[f"[{parameters}]"] * bool(parameters), *["(control)"] * (base == "Control")])
