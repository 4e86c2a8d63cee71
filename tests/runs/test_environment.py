"""What a cell ran on, where the machine is another than this one."""

import pytest
import torch

from bench.generators.engine import Engine
from bench.runs import environment


@pytest.mark.parametrize("printed", ["550.54.15\n", "550.54.15\n550.54.15\n550.54.15\n"], ids=["one GPU", "three"])
def test_the_driver_of_several_gpus_is_named_once(monkeypatch: pytest.MonkeyPatch, printed: str):
    monkeypatch.setattr(environment, "_output", lambda *command: printed.strip() if "nvidia-smi" in command else "a")
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "GPU")
    described = environment.describe(Engine(torch.device("cuda:0")))
    assert (described.device, described.driver) == ("GPU", "550.54.15")


def test_no_driver_is_named_where_nothing_tells_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(environment, "_output", lambda *command: None)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "GPU")
    assert environment.describe(Engine(torch.device("cuda:0"))).driver is None
