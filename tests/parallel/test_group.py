"""Two processes on the CPU do what one does alone: the same weights up to rounding, the same bits elsewhere."""

from pathlib import Path
from typing import Any

import pytest
import torch
import work
from builders import CPU, Killed, KilledCheckpoint, MemoryCheckpoint
from group import COUNT, together
from models import equal, fit, stylegan

from bench.process.processes import ALONE

# Of a weight, in units of the largest in its tensor: the sums of gradients are taken in another order.
TOLERANCE = 1e-5
MODELS = ("ddpm", "ddpm-told", "ddpm-uneven", "stylegan", "stylegan-augment")
Found = list[dict[str, Any]]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one process finds."""
    fitted = work.fits(CPU)
    checkpoint = KilledCheckpoint(3)
    with pytest.raises(Killed):
        fit(stylegan(), checkpoint=checkpoint)
    return {
        "weights": {name: model.state_dict() for name, model in fitted.items()},
        "drawn": {name: work.drawn(model) for name, model in fitted.items()},
        "work": {name: vars(model.work) for name, model in fitted.items()},
        "undisturbed": fit(stylegan()).state_dict(),
        "state": checkpoint.state,
    } | work.scores(ALONE, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def found(alone: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Found:
    """What each of the processes finds."""
    folder: Path = tmp_path_factory.mktemp("processes")
    torch.save({"weights": alone["weights"], "state": alone["state"]}, folder / "given")
    return together(work.work, folder)


def distance(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> float:
    """The largest difference of two weights, in units of the largest of their tensor."""
    assert a.keys() == b.keys()
    return max(float((a[name] - b[name]).abs().max() / b[name].abs().max().clamp(min=1e-3)) for name in a)


def test_each_process_knows_its_place(found: Found):
    assert [(of["rank"], of["count"], of["device"]) for of in found] == [(0, COUNT, "cpu"), (1, COUNT, "cpu")]


@pytest.mark.parametrize("model", MODELS)
def test_a_fit_gives_all_processes_the_same_weights_bit_for_bit(found: Found, model: str):
    assert equal(found[0]["weights"][model], found[1]["weights"][model])


@pytest.mark.parametrize("model", MODELS)
def test_a_fit_gives_the_weights_of_one_process_up_to_rounding(alone: dict[str, Any], found: Found, model: str):
    assert distance(found[0]["weights"][model], alone["weights"][model]) < TOLERANCE


@pytest.mark.parametrize("model", MODELS)
def test_what_is_drawn_from_the_same_weights_is_the_same_bit_for_bit(alone: dict[str, Any], found: Found, model: str):
    for of in found:
        assert equal(of["drawn"][model], alone["drawn"][model])


@pytest.mark.parametrize("model", MODELS)
def test_each_process_is_charged_with_the_work_of_all(alone: dict[str, Any], found: Found, model: str):
    assert [of["work"][model] for of in found] == [alone["work"][model]] * COUNT


def test_features_and_scores_are_those_of_one_process(alone: dict[str, Any], found: Found):
    for of in found:
        assert torch.equal(of["features"], alone["features"])
        assert (of["scores"], of["floor"]) == (alone["scores"], alone["floor"])


def test_a_fit_that_one_process_began_is_finished_by_two(alone: dict[str, Any], found: Found):
    assert distance(found[0]["resumed"], alone["undisturbed"]) < TOLERANCE


def test_a_fit_that_two_processes_began_is_finished_by_one(alone: dict[str, Any], found: Found):
    checkpoint = MemoryCheckpoint()
    checkpoint.state = found[0]["state"]
    model = fit(stylegan(), checkpoint=checkpoint)
    assert int(checkpoint.state["step"]) == 2
    assert distance(model.state_dict(), alone["undisturbed"]) < TOLERANCE


def test_what_the_main_process_finds_all_are_told(found: Found):
    assert [of["from main"] for of in found] == [[0, "told"]] * COUNT
    assert [of["on main"] for of in found] == ["its own", None]
    assert [of["calls"] for of in found] == [1, 0]


def test_what_each_process_has_all_are_told_in_order(found: Found):
    for of in found:
        assert of["everyones"] == [0, 10]
        assert torch.equal(of["gathered"], torch.arange(6).view(3, 2))


def test_an_error_of_one_process_is_raised_by_all(found: Found):
    for of in found:
        assert of["error on main"].startswith("Damaged: some/file: damaged (cut short)")
        assert "'reason': 'cut short'" in of["error on main"]
        assert of["error of the second"] == "BadInput: too large"
    assert [of["bug on main"] for of in found] == ["KeyError: 'k'", "RuntimeError: KeyError: 'k'"]


def test_what_differs_between_processes_is_an_error_of_all(found: Found):
    for of in found:
        assert of["same"] is None
        assert of["not the same"].startswith("RunFailed: the pool came out differently on different processes")
        assert of["other pools"].startswith("RunFailed: the pool or the settings of a fit came out differently")


def test_a_fit_that_diverges_does_so_on_all_processes(found: Found):
    for of in found:
        assert "training has diverged" in of["diverged"]


def test_a_failure_of_all_is_told_from_one_that_leaves_others_waiting(found: Found):
    for of in found:
        assert of["failed together"] == "RunFailed: all alike"
    assert [of["failed apart"] for of in found] == [None, "FailedApart: process 2 of 2 has failed alone"]
