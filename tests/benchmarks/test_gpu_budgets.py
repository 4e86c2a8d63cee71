"""Budgets from speeds: by hand, and in copies of the task files."""

import re
import tomllib
from pathlib import Path

import pytest
from gpu_day.budgets import apply, proposed, rounded_down, with_budgets
from gpu_day.parts import NETWORKS
from gpu_day.report import Part, Report

from bench import paths
from bench.cells.task import load_task
from bench.errors import BadInput
from benchmarks.reports import made_up


def test_a_budget_is_what_an_hour_of_ten_generations_leaves_for_training():
    budgets = {(each.task, each.generator): each for each in proposed(made_up())}
    cifar10 = budgets["cifar10", "ddpm"]
    # 360 s with a spare of 15%; 10,000 samples at 1,000/s; 10,000 images at 2,500/s, a fifth of 2.5 s, and 1 s of FID.
    assert cifar10.sampling == pytest.approx(10)
    assert cifar10.scoring == pytest.approx(4 + 0.5 + 1)
    assert cifar10.images == 5_800_000  # 20,000 images/s for 306 - 15.5 s, two digits, rounded down
    assert cifar10.epochs == pytest.approx(580)
    assert cifar10.training == pytest.approx(290)
    assert cifar10.why == "360 s a generation"


def test_a_budget_is_not_above_that_of_the_paper_tier():
    [mnist] = [each for each in proposed(made_up()) if each.task == "mnist"]
    assert mnist.images == load_task("mnist").tiers["paper"].generators["ddpm"]["images"]
    assert mnist.why == "the budget of the paper tier"


def test_networks_that_were_not_measured_get_no_budget():
    assert {(each.task, each.generator) for each in proposed(made_up())} == {
        ("cifar10", "ddpm"),
        ("mnist", "ddpm"),
        ("ffhq64", "stylegan"),
    }


@pytest.mark.parametrize(("value", "wanted"), [(5_810_000.9, 5_800_000), (99, 99), (7.9, 7), (1234, 1200), (0.2, 0)])
def test_rounding_goes_down_to_two_digits(value: float, wanted: int):
    assert rounded_down(value) == wanted


def test_copies_of_the_task_files_have_the_budgets_and_the_next_version(tmp_path: Path):
    paths_written = apply(made_up(), tmp_path / "tasks")
    assert [path.name for path in paths_written] == ["cifar10.toml", "mnist.toml", "ffhq64.toml"]
    for path in paths_written:
        before, after = load_task(path.stem), load_task(str(path))
        assert after.version == before.version + 1
        assert after.tiers["smoke"] == before.tiers["smoke"]
        assert after.tiers["paper"] == before.tiers["paper"]
    standard = load_task(str(tmp_path / "tasks" / "cifar10.toml")).tiers["standard"]
    assert standard.generators["ddpm"]["images"] == 5_800_000
    assert standard.generators["stylegan"] == load_task("cifar10").tiers["standard"].generators["stylegan"]
    assert "# One GPU: images measured on NVIDIA Made Up, 2026-01-31," in (tmp_path / "tasks/cifar10.toml").read_text()


def test_what_a_copy_needs_beside_it_is_there(tmp_path: Path):
    apply(made_up(), tmp_path)
    task = load_task(str(tmp_path / "mnist.toml"))
    assert task.features is not None
    assert (tmp_path / task.features.weights).read_bytes() == (paths.TASKS / task.features.weights).read_bytes()


@pytest.mark.parametrize("name", sorted({network.rpartition("-")[0] for network in NETWORKS}))
def test_nothing_else_of_a_task_file_changes(name: str):
    text = (paths.TASKS / f"{name}.toml").read_text()
    found = with_budgets(text, {"ddpm": 123}, "# measured")
    changed = [(a, b) for a, b in zip(text.splitlines(), found.splitlines(), strict=True) if a != b]
    assert [re.sub(r"\d+", "N", b) for _, b in changed] == ["version = N", "# measured", "images = N"]


def test_a_task_file_that_is_written_in_another_way_is_refused():
    text = 'name = "other"\nversion = 1\n[tiers.standard]\ngenerators = { ddpm = { images = 3 } }\n'
    assert tomllib.loads(text)
    with pytest.raises(BadInput, match=r"other.toml: not written as \[tiers.standard.generators.NAME\]"):
        with_budgets(text, {"ddpm": 5}, "# measured")


def test_nothing_is_applied_of_a_rehearsal_or_of_a_day_without_speeds(tmp_path: Path):
    with pytest.raises(BadInput, match="of a rehearsal, which says nothing of speed"):
        apply(made_up(rehearsal=True), tmp_path)
    empty = Report(device=made_up().device, parts={"a.eager": Part(failed="no")})
    with pytest.raises(BadInput, match="neither training nor sampling of any network was measured"):
        apply(empty, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_device_on_which_sampling_alone_takes_too_long_gets_no_task(tmp_path: Path):
    report = made_up()
    slow = report.parts["c.cifar10-ddpm"].found | {"plain_images_per_second": 10.0}
    parts = dict(report.parts) | {"c.cifar10-ddpm": Part(found=slow, whole=True)}
    with pytest.raises(BadInput, match="sampling alone takes longer than a generation may: cifar10 ddpm"):
        apply(report.model_copy(update={"parts": parts}), tmp_path)
