"""Every stage with tiny sizes on a CPU, in a process that is killed in the middle and another one that goes on.

The engine is that of a GPU: compiled (captured and differentiated, without code that takes minutes to make), bfloat16,
channels last. What a stage finds here is held against what must be so whatever the device is.
"""

import math
import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from forked import process
from gpu_day import training
from gpu_day.networks import StandardNetwork
from gpu_day.parts import NETWORKS, all_parts
from gpu_day.report import Folder
from gpu_day.worker import Bench, work

from bench.cells.task import load_task

DEADLINE = 400.0


def bench(folder: Folder, data: Path | None = None) -> Bench:
    return Bench(folder, torch.device("cpu"), tiny=True, data=data, until=time.monotonic() + DEADLINE)


def work_in(path: Path, parts: Sequence[str]) -> None:
    """Be the worker of a job, in a process of its own."""
    os.setsid()
    raise SystemExit(work(bench(Folder(path)), "job", parts, parent=0))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path / "out")
    folder.make()
    return folder


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def run(folder: Folder, *parts: str) -> dict[str, dict[str, Any]]:
    """Measure parts in a process, and return what they have found."""
    worker = process(work_in, folder.path, parts)
    worker.start()
    worker.join(DEADLINE)
    assert worker.exitcode == 0
    found = {name: folder.part(name) for name in parts}
    assert {name: part.failed for name, part in found.items() if part is None or part.failed or not part.whole} == {}
    return {name: part.found for name, part in found.items()}


def cut(folder: Folder, parts: Sequence[str], when: Callable[[], object], number: int = signal.SIGKILL) -> None:
    """Measure parts in a process, and send it a signal when something is so."""
    worker = process(work_in, folder.path, parts)
    worker.start()
    wait_for(lambda: when() or not worker.is_alive())
    assert worker.is_alive(), "it was done before it could be cut"
    os.killpg(worker.pid, number)
    worker.join(60)
    assert worker.exitcode is not None


def at(folder: Folder, part: str) -> Callable[[], bool]:
    """Return whether the worker has come to a part."""
    mark = folder.running("job")
    return lambda: mark.exists() and mark.read_text() == part


def cut_and_gone_on(folder: Folder, *parts: str) -> dict[str, dict[str, Any]]:
    """Kill the worker in the last part, let another one do what is missing, and return what was found."""
    cut(folder, parts, at(folder, parts[-1]))
    files = {name: (folder.parts / f"{name}.json").read_bytes() for name in parts[:-1]}
    assert not folder.is_done(parts[-1])
    run(folder, *(name for name in parts if not folder.is_done(name)))
    assert {name: (folder.parts / f"{name}.json").read_bytes() for name in files} == files
    return {name: folder.part(name).found for name in parts}


@pytest.mark.slow
def test_stage_a_a_cell_agrees_with_its_record_and_has_the_same_bits_again(folder: Folder):
    found = cut_and_gone_on(folder, "a.compiled", "a.compiled-again")
    assert found["a.compiled-again"]["same_bits"]
    assert found["a.compiled-again"]["first_other_generation"] is None
    assert len(found["a.compiled"]["samples"]) == 2
    names = {each["name"] for each in found["a.compiled"]["compared"]}
    assert names == {"fid", "precision", "recall"}
    assert found["a.compiled"]["agrees"] == (found["a.compiled"]["differing"] == [])


@pytest.mark.slow
def test_stage_a_a_compiled_fit_goes_on_after_sigterm_with_the_same_bits(folder: Folder):
    found = cut_and_gone_on(folder, "a.resume-ddpm", "a.resume-stylegan")
    for name in found:
        assert found[name] == {
            "again_same_bits": True, "again_largest_difference": 0.0, "saved": True,
            "resumed_same_bits": True, "resumed_largest_difference": 0.0,
        }  # fmt: skip


@pytest.mark.slow
def test_stage_a_deterministic_mode_has_a_cost(folder: Folder):
    found = run(folder, "a.deterministic-ddpm", "a.waits-ddpm")
    assert found["a.deterministic-ddpm"]["deterministic_same_bits"]
    assert found["a.deterministic-ddpm"]["deterministic_seconds"] > 0
    assert found["a.waits-ddpm"] == {"not_here": "a CPU is never waited for"}


@pytest.mark.slow
def test_stages_b_and_c_time_a_network_that_is_compiled_and_count_what_it_does(folder: Folder):
    parts = [f"b.mnist-ddpm.{how}" for how in ("cold", "compiled", "eager", "fp32", "profile", "graphs", "larger")]
    found = cut_and_gone_on(folder, *parts[:2], "c.mnist-ddpm", *parts[2:])
    counted = {found[part]["flop_per_image"] for part in parts if "flop_per_image" in found[part]}
    assert len(counted) == 1  # the work is the same however it is done
    for part in parts[1:4]:
        each = found[part]
        product = each["chip"]["float32_flops" if part.endswith("fp32") else "bfloat16_flops"]
        assert each["share_of_product"] == pytest.approx(each["images_per_second"] * each["flop_per_image"] / product)
        assert each["images_per_second"] == pytest.approx(each["batch"] / each["step_seconds"])
    sampled = found["c.mnist-ddpm"]
    assert sampled["evaluations"] == 2
    assert sampled["plain_images_per_second"] > sampled["guided_images_per_second"] > 0  # it takes twice as many
    assert found["b.mnist-ddpm.profile"]["kernels"]


@pytest.mark.slow
def test_kernels_of_cudnn_are_tried_in_their_part_alone(folder: Folder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(training, "trained", lambda *_: iter([{"tried": torch.backends.cudnn.benchmark}]))
    assert list(training.measure(bench(folder), "b.mnist-ddpm.tuned")) == [{"tried": True}]
    assert not torch.backends.cudnn.benchmark


def test_stages_b_and_c_take_the_gan_too(folder: Folder):
    found = cut_and_gone_on(folder, "b.ffhq64-stylegan.compiled", "c.ffhq64-stylegan")
    assert found["b.ffhq64-stylegan.compiled"]["flop_per_image"] > 0
    assert found["c.ffhq64-stylegan"]["evaluations"] == 1


@pytest.mark.slow
def test_stage_d_ours_and_the_peers_find_the_same_scores(folder: Folder):
    found = run(folder, "d.metrics", "d.metrics.prdc", "d.metrics.torch-fidelity-fid")  # too short to be cut
    for row in found["d.metrics.prdc"]["sizes"]:
        for name, value in row["scores"].items():
            assert row["our_scores"][name] == pytest.approx(value, abs=1e-6)
    for row in found["d.metrics.torch-fidelity-fid"]["sizes"]:
        assert row["our_scores"]["fid"] == pytest.approx(row["scores"]["fid"], rel=1e-5)
    assert [row["n"] for row in found["d.metrics.prdc"]["sizes"]] == [100, 200]
    assert set(found["d.metrics"]["scores"]) >= {"fid", "precision", "recall", "density", "coverage", "kid", "authpct"}


@pytest.mark.slow
def test_stage_d_feature_networks_and_pipelines_are_timed(folder: Folder):
    parts = ("d.efficientnet-lite0", "d.inception", "d.features.ours", "d.features.torch-fidelity")
    found = cut_and_gone_on(folder, *parts)
    assert all(found[part]["images_per_second"] > 0 for part in parts)
    assert found["d.inception"]["n"] == 4


@pytest.mark.slow
def test_stage_e_the_usual_way_does_the_same_work(folder: Folder):
    found = cut_and_gone_on(folder, "e.training", "e.generation")
    assert set(found["e.training"]["images_per_second"]) == {"ours", "usual way"}
    seconds = found["e.generation"]["seconds"]
    assert found["e.generation"]["further"] == pytest.approx(
        seconds["usual way"]["total"] / seconds["ours, further"]["total"]
    )


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_stage_f_a_cell_goes_on_where_it_was(folder: Folder, number: int):
    part = "f.ddpm-fully_synthetic"
    done = folder.runs / "f" / "cells"
    cut(folder, [part], lambda: list(done.glob("*/generation-001/generation.json")), number)
    first = next(done.glob("*/generation-001/generation.json"))
    before = first.read_bytes()
    assert not folder.is_done(part)
    found = run(folder, part)[part]
    assert found["finished_generations"] == found["generations"] == 2
    assert first.read_bytes() == before
    assert (folder.runs / found["record"]).is_file()


@pytest.mark.slow
def test_stage_f_takes_each_generator(folder: Folder):
    found = run(folder, "f.stylegan-fresh_data")["f.stylegan-fresh_data"]
    assert len(found["scores"]) == 2
    assert found["total_seconds"] == pytest.approx(sum(sum(each.values()) for each in found["seconds"]))


@pytest.mark.slow
def test_stage_g_two_processes_come_to_the_weights_of_one(folder: Folder):
    found = cut_and_gone_on(folder, "g.nccl", "g.gloo")
    assert found["g.nccl"] == {"not_here": "NCCL is for GPUs"}
    for name in ("ddpm", "stylegan"):
        assert found["g.gloo"][f"{name}_largest_difference"] < 1e-3


def test_a_part_that_raises_is_told_and_the_next_one_is_measured(folder: Folder, monkeypatch: pytest.MonkeyPatch):
    def measure(bench: Bench, part: str) -> Any:
        yield {"so far": 1}
        if part == "a.eager":
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nMore lines.")
        yield {"so far": 2}

    monkeypatch.setattr("gpu_day.cells.measure", measure)
    monkeypatch.setattr(torch, "compile", torch.compile)  # a worker of a rehearsal puts another one there
    assert work(bench(folder), "job", ["a.eager", "a.compiled"], parent=0, commit="abc") == 0
    failed, done = folder.part("a.eager"), folder.part("a.compiled")
    assert failed.failed == "OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB"
    assert (failed.found, failed.whole, failed.commit) == ({"so far": 1}, False, "abc")
    assert (done.found, done.whole) == ({"so far": 2}, True)
    assert not folder.running("job").exists()


def test_a_lost_context_ends_the_worker_for_another_one_to_go_on(folder: Folder, monkeypatch: pytest.MonkeyPatch):
    def measure(bench: Bench, part: str) -> Any:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")
        yield

    monkeypatch.setattr("gpu_day.cells.measure", measure)
    monkeypatch.setattr(torch, "compile", torch.compile)
    assert work(bench(folder), "job", ["a.eager", "a.compiled"], parent=0) == 75
    assert folder.part("a.eager").failed.startswith("RuntimeError: CUDA error")
    assert folder.part("a.compiled") is None


def test_the_cells_of_mnist_wait_for_its_images(folder: Folder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    from gpu_day.cells import measure
    from gpu_day.worker import NotHere

    full = Bench(folder, torch.device("cpu"), tiny=False, data=tmp_path, until=math.inf)
    with pytest.raises(NotHere, match="MNIST is not at hand, --data names its folder: "):
        next(measure(full, "f.ddpm-fully_synthetic"))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_rehearsal_has_as_many_resolutions_and_the_same_images_but_for_their_size(name: str):
    full, tiny = StandardNetwork.of(name, tiny=False), StandardNetwork.of(name, tiny=True)
    assert len(tiny.settings.channels) == len(full.settings.channels)
    assert tiny.data.n_classes == full.data.n_classes
    assert full.settings == load_task(name.rpartition("-")[0]).tiers["standard"].generator_settings(
        name.rpartition("-")[2]
    )


def test_operations_are_those_that_the_network_alone_has(folder: Folder):
    """Held against `training_loop.py`, which counts a network that is built anew and computes nothing."""
    from gpu_day.training import flop_per_image
    from training_loop import LoopWork
    from training_loop import flop_per_image as counted_alone

    network = StandardNetwork.of("cifar10-ddpm", tiny=True)
    settings = network.settings.model_copy(update={"attention": False})  # which a CPU computes by an own kernel
    data = load_task("cifar10").data.model_copy(update={"size": network.data.image_shape[-1], "classes": ()})
    alone = counted_alone(LoopWork(settings=settings, data=data, device="cpu", warmup=0))
    found = flop_per_image(settings, network, bench(folder))
    assert found == pytest.approx(alone, rel=0.02)


def test_parts_are_told_from_each_other_by_their_files():
    assert not any(name.startswith(".") or "/" in name for name in all_parts())


def test_a_worker_whose_command_is_gone_ends(folder: Folder):
    """`kill -9` of the command must not leave a worker on the device."""
    worker = process(orphaned, folder.path)
    worker.start()
    worker.join(60)
    assert worker.exitcode is not None


def orphaned(path: Path) -> None:
    from gpu_day.worker import _end_with

    os.setsid()
    _end_with(parent=-1)  # nobody's number: who started it is gone
    time.sleep(3600)
