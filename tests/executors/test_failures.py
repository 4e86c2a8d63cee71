"""What is said of an error in somebody's code."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.executors.failures import describe_failure, whole_traceback

SOURCE = """def outer(call):
    return inner(call)


def inner(call):
    return call()
"""


def fail() -> None:
    raise ValueError("first line\nsecond line")


@pytest.fixture
def raised(tmp_path: Path) -> Callable[..., tuple[BaseException, Path]]:
    """Return an error that goes through two functions of a file, and the file."""

    def run(call: Callable[[], Any]) -> tuple[BaseException, Path]:
        path = tmp_path / "mine.py"
        path.write_text(SOURCE)
        space: dict[str, Any] = {}
        exec(compile(SOURCE, str(path), "exec"), space)
        with pytest.raises(Exception) as caught:  # noqa: PT011
            space["outer"](call)
        return caught.value, path

    return run


def test_the_innermost_line_of_the_file_is_named_and_its_calls_alone_are_shown(raised):
    error, path = raised(fail)
    reason, shown = describe_failure(error, [path])
    assert reason == "ValueError: first line (mine.py:6)"
    assert shown.splitlines() == [
        reason,
        f"  {path}:2, in outer",
        "    return inner(call)",
        f"  {path}:6, in inner",
        "    return call()",
    ]


def test_a_path_that_is_relative_is_the_same_file(raised, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    error, _ = raised(fail)
    monkeypatch.chdir(tmp_path)
    assert describe_failure(error, [Path("mine.py")])[0].endswith("(mine.py:6)")


def test_what_no_such_file_has_led_to_keeps_its_whole_traceback(raised):
    error, path = raised(fail)
    reason, shown = describe_failure(error, [path.with_name("other.py")])
    assert reason == "ValueError: first line"
    assert shown == "\n" + whole_traceback(error)
    assert whole_traceback(error).startswith("Traceback (most recent call last):\n")
    assert whole_traceback(error).endswith("ValueError: first line\nsecond line")
