"""What a run says when the memory of the machine is used up."""

import pytest
import torch

from bench.executors import cell_runner
from bench.scoring.scorer import Scorer


def no_memory(*arguments: object) -> None:
    torch.empty(1 << 60)


def no_memory_for_a_convolution(*arguments: object) -> None:
    raise RuntimeError("could not create a primitive")  # all that oneDNN says


@pytest.mark.parametrize("action", [no_memory, no_memory_for_a_convolution])
def test_a_cell_without_enough_memory_fails_with_one_line_and_goes_on_later(run_tiny, monkeypatch, action):
    with monkeypatch.context() as patch:
        patch.setattr(Scorer, "score", action)
        status, [failed], log = run_tiny("--loop", "fully_synthetic")
    assert status == 1
    assert "the memory of this machine is used up" in failed["error"]
    assert "the memory of this machine is used up" in log
    assert "Traceback" not in log
    assert run_tiny("--loop", "fully_synthetic")[0] == 0


def test_too_little_memory_before_the_first_cell_is_said_in_one_line(run_tiny, monkeypatch):
    monkeypatch.setattr(cell_runner, "load_real_data", no_memory)
    status, _, log = run_tiny("--loop", "fully_synthetic")
    assert status == 1
    [line] = log.splitlines()
    assert line.startswith("autophagy: error: the memory of this machine is used up")
