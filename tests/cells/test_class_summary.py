"""A baseline in a line, read off its source."""

from pathlib import Path

import pytest

from bench.cells.class_summary import class_summary
from bench.cells.parameters import describe_parameters
from bench.methods.file import load_method
from bench.paths import BASELINES, baseline_names


@pytest.mark.parametrize("name", baseline_names())
def test_the_line_says_what_the_executed_class_says(name: str):
    method = load_method(name)
    found = class_summary(BASELINES / f"{name}.py")
    line, parameters = (
        (method.definition.__doc__ or "").partition("\n")[0],
        describe_parameters(method.identity.params),
    )
    assert found == " ".join([line, *[f"[{parameters}]"] * bool(parameters), *["(control)"] * method.identity.control])


def test_nothing_of_the_file_is_executed(tmp_path: Path):
    path = tmp_path / "mine.py"
    path.write_text(
        "raise SystemExit\nfrom bench import Control\n\n"
        "class Mine(Control):\n    '''What it does.\n\n    And how.'''\n\n    keep: float = 0.5\n    _state: int = 0\n"
    )
    assert class_summary(path) == "What it does. [keep=0.5] (control)"
