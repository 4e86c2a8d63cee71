"""Feature spaces by their names."""

import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import torch
from builders import QUIET, make_images

from bench.cells.task import TIERS, Task, TierName, load_task
from bench.errors import BadInput
from bench.features.build import space_named, space_summaries, task_space

# With images that each is for.
OF_TASKS = {"digits": (1, 8, 8), "fashion_mnist": (1, 28, 28), "mnist": (1, 28, 28)}
SHIPPED = OF_TASKS | {"efficientnet-lite0": (3, 32, 32), "identity": (3, 32, 32)}
DOWNLOADED = {"inception": "inception-2015-12-05.pt", "dinov2": "dinov2_vitb14_pretrain.pth"}
EXTRAS = {"dinov2": "timm", "efficientnet-lite0": "efficientnet_lite_pytorch"}


def refusal(name: str, weights: Path | None = None) -> str:
    with pytest.raises(BadInput) as caught:
        space_named(name, "cpu", weights, QUIET)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_every_space_is_shipped_or_downloaded():
    assert space_summaries().keys() == SHIPPED.keys() | DOWNLOADED.keys()


def test_the_spaces_of_the_tasks_come_first():
    assert list(space_summaries())[: len(OF_TASKS)] == list(OF_TASKS)


@pytest.mark.parametrize("name", ["cifar10", "ffhq64"])
def test_a_task_without_a_space_of_its_own_is_scored_in_the_one_that_its_tier_names(name: str):
    task = load_task(name)
    assert task_space(task, "smoke", "cpu", QUIET).name == task.tiers["smoke"].features == "efficientnet-lite0"


@pytest.mark.parametrize("tier", TIERS)
def test_a_task_with_a_space_of_its_own_is_scored_in_it_in_every_tier(digits: Task, tier: TierName):
    assert task_space(digits, tier, "cpu", QUIET).name == "digits"


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_space_gives_features_without_a_network(
    cache_folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
):
    monkeypatch.setattr(urllib.request, "urlopen", None)
    space = space_named(name, "cpu", None, QUIET)
    features = space(make_images(2, shape=SHIPPED[name]).images)
    assert space.name == name
    assert features.dtype == torch.float32
    assert len(features) == 2
    assert not cache_folder.exists()


@pytest.mark.parametrize("name", DOWNLOADED)
def test_without_a_network_a_downloaded_space_says_what_to_do(
    cache_folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
):
    def fail(*_: object, **__: object) -> None:
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(urllib.request, "urlopen", fail)
    message = refusal(name)
    assert f"'{name}'" in message
    assert f"/{DOWNLOADED[name]} where" in message
    assert str(cache_folder / "weights" / DOWNLOADED[name]) in message
    assert "--weights FILE" in message


@pytest.mark.parametrize("name", EXTRAS)
def test_without_its_packages_a_space_names_its_extra(monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.setitem(sys.modules, EXTRAS[name], None)
    assert f"pip install 'autophagy-bench[{name}]'" in refusal(name)


@pytest.mark.parametrize("name", [*OF_TASKS, "identity"])
def test_weights_are_refused_where_there_is_nothing_to_choose(tmp_path: Path, name: str):
    weights = tmp_path / "mine.pt"
    assert refusal(name, weights).startswith(f"--weights {weights}: feature space '{name}'")


@pytest.mark.parametrize("name", ["inception", "dinov2", "efficientnet-lite0"])
def test_weights_that_are_given_are_held_against_the_published_hash(tmp_path: Path, name: str):
    weights = tmp_path / "mine.pt"
    weights.write_bytes(b"other weights")
    assert refusal(name, weights).startswith(f"{weights}: SHA-256 is ")


@pytest.mark.parametrize("name", ["nonsense", "Inception", ""])
def test_an_unknown_space_is_refused_with_those_that_there_are(name: str):
    message = refusal(name)
    assert message.startswith(f"--features {name}: ")
    assert [known for known in SHIPPED | DOWNLOADED if known not in message] == []
