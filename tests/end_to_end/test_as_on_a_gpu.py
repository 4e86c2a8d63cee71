"""A whole cell of each generator by the engine of a GPU: compiled, bfloat16, channels last; on the CPU."""

from functools import partial
from pathlib import Path

import pytest
import torch
from builders import CPU, QUIET

from bench.cells.agreement import Finding, FoundGeneration, compare
from bench.cells.choices import Choices
from bench.cells.record import Record
from bench.executors.grid import plan_cells
from bench.executors.local import LocalExecutor
from bench.generators.engine import Engine

AS_ON_A_GPU = Engine(torch.device("cpu"), bfloat16=True, channels_last=True, compiled=True)
STYLEGAN = """
[tiers.smoke.generators.stylegan]
channels = [16]
latent = 16
augment = ["translation"]
r1_weight = 1.0
images = 256
batch_size = 64
learning_rate = 1e-3
sampling_batch = 80
"""


def cell(task: Path, generator: str, engine: Engine, runs: Path) -> Record:
    """Run the plain loop for two generations, guided or truncated, and return its record."""
    [planned] = plan_cells(
        Choices(
            tasks=[str(task)], generators=[generator], loops=["synthetic_augmentation"], methods=["none"],
            sampling_biases=[0.8], seeds=[0], tier="smoke", pool="accumulated", protocol="scratch", generations=2,
        )
    )  # fmt: skip
    [outcome] = LocalExecutor(runs, None, engine, QUIET).run([planned])
    assert outcome.record is not None, outcome.error
    return outcome.record


@pytest.mark.slow  # it compiles
@pytest.mark.filterwarnings("ignore:Dynamo detected a call to a `functools.lru_cache`")
@pytest.mark.parametrize("generator", ["ddpm", "stylegan"])
def test_a_cell_of_the_engine_of_a_gpu_agrees_with_one_in_plain_float32(
    tiny_task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, generator: str
):
    with tiny_task.open("a") as file:
        file.write(STYLEGAN)
    plain = cell(tiny_task, generator, CPU, tmp_path / "plain")
    # The graphs are captured and differentiated as on a GPU, and then run without generated code.
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    fast = cell(tiny_task, generator, AS_ON_A_GPU, tmp_path / "fast")
    assert (fast.environment.bfloat16, fast.environment.compiled) == (True, True)
    finding = Finding(
        floor=fast.score.floor,
        generations=tuple(FoundGeneration.of(result) for result in fast.generations),
        environment=fast.environment,
    )
    agreement = compare(plain, finding)
    assert agreement.differing == ()
    assert not agreement.identical  # bfloat16 was used
