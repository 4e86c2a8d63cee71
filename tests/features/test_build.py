"""Feature spaces by their names."""

import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import torch
from builders import QUIET, make_images

from bench.cells.own_spaces import space_summaries
from bench.cells.task import TIERS, Task, TierName, load_task
from bench.errors import BadInput
from bench.features.build import missing_weights, space_named, task_space

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


def test_a_task_file_is_its_own_feature_space(digits: Task):
    path = str(digits.path)
    found = space_named(path, "cpu", None, QUIET)
    assert (found.name, found.sha256) == ("digits", digits.features.sha256)


def test_a_task_file_without_a_feature_space_of_its_own_is_refused():
    path = load_task("cifar10").path
    with pytest.raises(BadInput, match=rf"^--features {path}: .* `autophagy train-features {path}` makes one$"):
        space_named(str(path), "cpu", None, QUIET)


def test_weights_that_are_to_be_downloaded_are_missing_until_they_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AUTOPHAGY_CACHE", str(tmp_path))
    task = load_task("cifar10")
    said = missing_weights(task, "standard")
    assert said.startswith("feature space 'inception' needs its weights, which are downloaded first: https://")
    (tmp_path / "weights").mkdir()
    Path(said.rpartition(", to ")[2]).write_bytes(b"there")
    assert missing_weights(task, "standard") is None


def test_weights_of_a_tasks_own_network_are_missing_where_they_are_not_beside_the_file(digits: Task, tmp_path: Path):
    assert missing_weights(digits, "smoke") is None
    path = tmp_path / "digits.toml"
    path.write_text(digits.path.read_text(encoding="utf-8"), encoding="utf-8")
    said = missing_weights(load_task(str(path)), "smoke")
    assert said == f"feature space 'digits' needs its weights, and {tmp_path}/features/digits.safetensors is not there"
