"""A few inputs of every kind, the same in every run; `python tests/fuzz` tries as many as there is time for."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from .sandbox import Sandbox
from .targets import TARGETS, Target


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_whatever_is_given_a_command_does_it_or_says_why_not(target: Target, tmp_path: Path):
    sandbox = Sandbox(tmp_path / "sandbox")

    @settings(
        max_examples=target.in_tests,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(target.inputs)
    def give(example: object) -> None:
        target.give(sandbox, example)

    give()
