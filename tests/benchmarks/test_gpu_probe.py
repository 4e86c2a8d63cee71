"""A device that cannot be measured is one line."""

from typing import Any, NoReturn

import gpu
import pytest
import torch
from gpu_day.probe import probe

from bench.errors import BadInput

TOO_OLD = "The NVIDIA driver on your system is too old (found version 11040). Please update your GPU driver."


def without_a_gpu(monkeypatch: pytest.MonkeyPatch, reason: str) -> None:
    def init() -> NoReturn:
        raise RuntimeError(reason)

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.cuda, "init", init)


def with_a_gpu(monkeypatch: pytest.MonkeyPatch, **functions: Any) -> None:
    for name, value in ({"device_count": 1, "is_available": True} | functions).items():
        monkeypatch.setattr(torch.cuda, name, lambda *_, value=value: value)


def test_a_cpu_is_a_rehearsal():
    device = probe("cpu")
    assert (device.kind, device.rehearsal, device.driver) == ("cpu", True, None)
    assert device.name.startswith("CPU (")
    assert device.torch == torch.__version__


def test_a_machine_without_a_gpu_is_told_what_it_would_do_and_how_to_rehearse(monkeypatch: pytest.MonkeyPatch, capsys):
    without_a_gpu(monkeypatch, "Found no NVIDIA driver on your system.")
    assert gpu.main(["--worker=probe"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        "gpu.py: error: --device auto: no GPU can be used here (Found no NVIDIA driver on your system): it would "
        "measure bits, training, sampling, scoring and whole cells on one; `--device cpu` rehearses all of it with "
        "tiny sizes\n"
    )


def test_a_driver_that_is_too_old_is_named(monkeypatch: pytest.MonkeyPatch):
    without_a_gpu(monkeypatch, TOO_OLD)
    with pytest.raises(BadInput) as raised:
        probe("auto")
    assert str(raised.value) == (
        f"--device auto: {TOO_OLD.rstrip('.')}: update the driver, or install a torch built for an older CUDA"
    )


def test_too_little_memory_is_said_with_what_is_needed(monkeypatch: pytest.MonkeyPatch):
    with_a_gpu(monkeypatch, mem_get_info=(3 * 2**30, 16 * 2**30))
    with pytest.raises(BadInput) as raised:
        probe("auto")
    assert str(raised.value) == (
        "--device cuda:0: 3.0 GiB of 16.0 are free, needed are 8: end what else runs on it (nvidia-smi names it), or "
        "take a larger GPU"
    )


def test_a_device_that_there_is_not_is_named_with_those_that_there_are(monkeypatch: pytest.MonkeyPatch):
    with_a_gpu(monkeypatch)
    with pytest.raises(BadInput, match=r"--device cuda:7: .*cpu, cuda:0"):
        probe("cuda:7")


def test_a_gpu_is_described(monkeypatch: pytest.MonkeyPatch):
    with_a_gpu(
        monkeypatch,
        mem_get_info=(70 * 2**30, 80 * 2**30),
        get_device_name="NVIDIA Made Up",
        get_device_capability=(9, 0),
    )
    device = probe("auto")
    assert (device.name, device.kind, device.rehearsal) == ("NVIDIA Made Up", "cuda", False)
    assert (device.capability, device.memory_bytes) == ("9.0", 80 * 2**30)
