"""What a process shares: what has changed is named, and put back."""

import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

import bench.seeds
from bench.cells import generator_settings, loops
from bench.generators.base import Generator
from bench.generators.network import NetworkGenerator
from bench.process import interruption
from bench.process.shared import RANDOM_STATES, SETTINGS, SharedCode, put_back

CHANGES: dict[str, tuple[Any, str, Any]] = {
    "bench.seeds.derive_seed": (bench.seeds, "derive_seed", lambda *coordinates: 0),
    "bench.generators.network.NetworkGenerator.fit": (NetworkGenerator, "fit", None),
    "bench.generators.base.Generator.guidance_steps": (Generator, "guidance_steps", 12),
    "bench.cells.loops.LOOP_KINDS": (loops, "LOOP_KINDS", ()),
    "bench.seeds.memory": (bench.seeds, "memory", [1]),
    "bench.generators.base.Generator.memory": (Generator, "memory", [1]),
    "torch.nn.functional.conv2d": (functional, "conv2d", lambda *_: None),
}


@pytest.mark.parametrize(("name", "change"), CHANGES.items(), ids=CHANGES)
def test_a_change_is_named_and_put_back(name: str, change: tuple[Any, str, Any]):
    place, key, value = change
    there, before = hasattr(place, key), getattr(place, key, None)
    code = SharedCode()
    setattr(place, key, value)
    assert code.changes() == [name]
    code.restore()
    assert code.changes() == []
    assert hasattr(place, key) == there
    assert getattr(place, key, None) is before


def test_what_is_watched_is_what_there_is_when_the_watch_begins(monkeypatch: pytest.MonkeyPatch):
    first = SharedCode()
    with monkeypatch.context() as patch:
        patch.setattr(bench.seeds, "derive_seed", lambda *coordinates: 0)
        second = SharedCode()
        assert second.changes() == []
        assert first.changes() == ["bench.seeds.derive_seed"]
    assert first.changes() == []
    assert second.changes() == ["bench.seeds.derive_seed"]
    assert SharedCode().changes() == []


def test_entries_of_a_table_are_named_and_put_back():
    table = generator_settings.GENERATOR_SETTINGS
    before = dict(table)
    code = SharedCode()
    table["mine"] = table.pop("ddpm")
    name = "bench.cells.generator_settings.GENERATOR_SETTINGS"
    assert {f"{name}.ddpm", f"{name}.mine"} <= set(code.changes())
    code.restore()
    assert table == before


def test_a_variable_of_the_benchmark_may_change(monkeypatch: pytest.MonkeyPatch):
    code = SharedCode()
    monkeypatch.setattr(interruption, "_asked_by", 15)
    assert code.changes() == []


def test_settings_and_random_states_are_put_back_after_an_error_too(tmp_path: Path):
    folder, states = Path.cwd(), [torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()]  # noqa: NPY002

    @put_back(SETTINGS, RANDOM_STATES)
    def changing() -> None:
        os.chdir(tmp_path)
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        torch.manual_seed(1)
        random.seed(1)
        np.random.seed(1)  # noqa: NPY002
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        changing()
    assert Path.cwd() == folder
    assert torch.zeros(1).dtype == torch.float32
    assert torch.is_grad_enabled()
    assert torch.equal(torch.get_rng_state(), states[0])
    assert [random.getstate(), np.random.get_state()[1].tolist()] == states[1:]  # noqa: NPY002
