"""How work is shared out, as each process decides by itself."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from builders import QUIET
from group import environment, member
from models import ddpm, stylegan
from torch import Tensor

from bench.cli.main import main
from bench.errors import BadInput
from bench.executors.choose import Where, choose_executor
from bench.generators.augment import augment
from bench.generators.engine import Engine
from bench.generators.stylegan_layers import with_stddev
from bench.process.processes import Processes
from bench.process.shares import BatchShare


def shares(n: int, group: int, count: int) -> list[BatchShare]:
    return [member(rank, count).share_of_batch(n, group) for rank in range(count)]


def images(n: int) -> Tensor:
    return torch.rand(n, 3, 8, 8, generator=torch.Generator().manual_seed(9)) * 2 - 1


@pytest.mark.parametrize("count", [1, 2, 3, 8])
@pytest.mark.parametrize(("n", "unit"), [(1, 1), (7, 1), (100, 1), (100, 40), (120, 40), (5, 40)])
def test_every_item_is_done_once_and_whole_units_stay_together(n: int, unit: int, count: int):
    parts = [range(n)[member(rank, count).share(n, unit)] for rank in range(count)]
    assert [i for part in parts for i in part] == list(range(n))
    assert all(part.start % unit == 0 for part in parts if part)
    sizes = [-(-len(part) // unit) for part in parts]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(("n", "group", "count"), [(12, 1, 2), (12, 4, 3), (12, 2, 4), (15, 3, 2)])
def test_the_weights_of_the_shares_sum_to_one_and_are_their_sizes(n: int, group: int, count: int):
    parts = shares(n, group, count)
    assert sorted(i for part in parts for i in part.of(torch.arange(n)).tolist()) == list(range(n))
    assert [part.weight for part in parts] == [pytest.approx(len(part.of(torch.arange(n))) / n) for part in parts]


def test_the_share_of_one_that_is_alone_is_a_view_of_everything():
    values = images(12)
    own = Processes().share_of_batch(12, 4).of(values)
    assert torch.equal(own, values)
    assert own.data_ptr() == values.data_ptr()


@pytest.mark.parametrize(("n", "count"), [(8, 2), (16, 2), (12, 3)])
def test_the_discriminator_sees_in_a_share_the_deviations_of_the_whole_batch(n: int, count: int):
    whole = with_stddev(images(n), 4)
    for share in shares(n, 4, count):
        assert torch.equal(with_stddev(share.of(images(n)), 4), share.of(whole))


@pytest.mark.parametrize("kind", ["color", "translation", "cutout"])
def test_an_image_is_augmented_alike_whichever_process_has_it(kind: str):
    whole = augment(images(12), (kind, kind), torch.Generator().manual_seed(1))
    for share in shares(12, 2, 3):
        own = augment(share.of(images(12)), (kind, kind), torch.Generator().manual_seed(1), share)
        assert torch.equal(own, share.of(whole))


@pytest.mark.parametrize(
    ("build", "changes", "count", "message"),
    [
        (ddpm, {"batch_size": 2}, 3, "batch_size = 2: .* the most is 2 processes"),
        (stylegan, {"batch_size": 8}, 3, "of which 4 go together, the most is 2 processes"),
        (stylegan, {"batch_size": 10}, 2, "batch_size = 10: .* choose a multiple of 8"),
    ],
)
def test_a_batch_that_cannot_be_shared_is_refused(build, changes: dict[str, int], count: int, message: str):
    with pytest.raises(BadInput, match=message):
        build(engine=Engine(torch.device("cpu"), processes=member(0, count)), **changes)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["list"], "several processes were launched: only autophagy run can be launched so"),
        (["run", "--device", "cuda:0"], "--device cuda:0: where several processes were launched, choose auto"),
    ],
)
def test_what_launched_processes_cannot_do_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str], message: str
):
    for name, value in environment(0, 1).items():
        monkeypatch.setenv(name, value)
    assert main(command) == 2
    assert message in capsys.readouterr().err


def test_a_launcher_that_has_started_one_process_of_several_is_not_believed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    # What `accelerate launch --cpu --num_processes 2` sets.
    for name, value in {"ACCELERATE_USE_CPU": "True", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"}.items():
        monkeypatch.setenv(name, value)
    assert main(["run", "--device", "cpu"]) == 2
    assert "give it --multi_gpu in place of --cpu" in capsys.readouterr().err


def test_more_processes_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    for name, value in environment(1, 1).items():
        monkeypatch.setenv(name, value)
    assert main(["run"]) == 2
    assert "--device auto: more processes were launched than this machine has GPUs (1)" in capsys.readouterr().err


@pytest.mark.parametrize("changes", [{"executor": "ray"}, {"workers": 2}], ids=["ray", "workers"])
def test_processes_that_share_a_cell_have_no_workers_of_their_own(tmp_path: Path, changes: dict[str, Any]):
    plain = Where(executor="local", device="cpu", compiled=True, workers=None, threads=None, ray_address=None)
    with pytest.raises(BadInput, match="not where several processes were launched to share a cell"):
        choose_executor(replace(plain, **changes), tmp_path, None, QUIET, member(0, 2, torch.device("cpu")))
