"""Which executor the options give."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bench.errors import BadInput
from bench.executors.choose import Where, choose_executor
from bench.executors.local import LocalExecutor
from bench.executors.processes import ProcessExecutor
from bench.process.progress import Progress

WHERE = Where(executor="local", device="cpu", compiled=True, workers=None, threads=None, ray_address=None)


def choose(**changes: object) -> object:
    return choose_executor(replace(WHERE, **changes), Path("runs"), None, Progress(visible=False))


def test_one_device_is_used_by_this_process():
    assert isinstance(choose(), LocalExecutor)


def test_each_gpu_gets_a_process(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    executor = choose(device="auto")
    assert isinstance(executor, ProcessExecutor)
    assert [(worker.device, worker.threads) for worker in executor.workers] == [(f"cuda:{i}", 2) for i in range(3)]


def test_processes_share_out_devices_and_threads(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    executor = choose(device="cuda:1,cuda:0", workers=3)
    assert isinstance(executor, ProcessExecutor)
    assert [(worker.device, worker.threads) for worker in executor.workers] == [
        ("cuda:1", 1), ("cuda:0", 1), ("cuda:1", 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"workers": 0}, "--workers 0: choose a whole number from 1 to 1024"),
        ({"threads": -1}, "--threads -1: choose a whole number"),
        ({"ray_address": "auto"}, "--ray-address auto: only with --executor ray"),
        ({"executor": "ray", "workers": 2}, "--workers 2: with --executor ray"),
        (
            {"executor": "ray", "device": "cuda:0"},
            "--device cuda:0: with --executor ray choose one of auto, cpu",
        ),
        ({"device": "cpu,cpu"}, "--device cpu,cpu: give different devices"),
        ({"device": "cpu,tpu"}, "--device tpu: on this machine there are"),
    ],
)
def test_options_that_do_not_go_together_are_refused(changes: dict[str, object], message: str):
    with pytest.raises(BadInput) as caught:
        choose(**changes)
    assert str(caught.value).startswith(message)
