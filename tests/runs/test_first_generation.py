"""Models of generation 1 that cells share."""

from pathlib import Path

import pytest
import torch
from damaged import DAMAGES, Damage, flip_last_byte

from bench.process.progress import Progress
from bench.runs.first_generation import FirstGenerationCache
from bench.runs.stored import TrainingCost

STATE = {"weight": torch.tensor([[0.1, -2.0]]), "step": torch.tensor(7)}


@pytest.fixture
def cache(tmp_path: Path) -> FirstGenerationCache:
    """The cache of a model of generation 1 that has been trained."""
    cache = FirstGenerationCache(tmp_path, "key", Progress())
    with cache.claimed():
        cache.save(STATE, TrainingCost(images=640, seconds=1.5))
    return cache


def test_a_trained_first_generation_is_given_back_with_its_cost(tmp_path: Path, cache: FirstGenerationCache):
    found = FirstGenerationCache(tmp_path, "key", Progress()).load()
    assert found is not None
    weights, cost = found
    assert {name: value.tolist() for name, value in weights.items()} == {n: v.tolist() for n, v in STATE.items()}
    assert cost == TrainingCost(images=640, seconds=1.5)


def test_a_first_generation_under_another_key_is_not_given_back(tmp_path: Path, cache: FirstGenerationCache):
    assert FirstGenerationCache(tmp_path, "other", Progress()).load() is None


def test_a_first_generation_whose_fit_is_unfinished_is_not_given_back(tmp_path: Path):
    cache = FirstGenerationCache(tmp_path, "key", Progress())
    with cache.claimed():
        cache.checkpoint("fit").save(STATE)
    assert cache.load() is None


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["model.safetensors", "cost.json"])
def test_a_damaged_first_generation_is_never_given_back(
    tmp_path: Path, cache: FirstGenerationCache, capsys: pytest.CaptureFixture[str], name: str, damage: Damage
):
    path = tmp_path / "g1" / "key" / name
    if damage is flip_last_byte and name == "cost.json":
        path.write_text(path.read_text().replace("640", "641"))
    else:
        damage(path)
    assert cache.load() is None
    if (name, damage) != ("cost.json", Path.unlink):
        assert f"{path}: damaged (" in capsys.readouterr().err
    cache.save(STATE, TrainingCost(images=640, seconds=1.5))
    assert cache.load() is not None
