"""The cache of what is computed from real images."""

from collections.abc import Callable
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest
import torch
from builders import QUIET, make_images
from forked import CONTEXT, process
from torch import Tensor

from bench.errors import BadInput, StorageFailed
from bench.features import cache as module
from bench.features.base import FeatureSpace
from bench.features.cache import FeatureCache, default_cache
from bench.files.tensors import read_sealed_tensors
from bench.process.progress import Progress

PROCESSES = 3


class CountingSpace(FeatureSpace):
    """The mean and the largest pixel of each image; it counts, in a file, how often it is asked."""

    def __init__(self, count: Path, name: str = "counting", sha256: str = "0" * 64, resize: str = "none") -> None:
        super().__init__(name, sha256, resize, "cpu", 1000)
        self._count = count

    @property
    def asked(self) -> int:
        return self._count.stat().st_size if self._count.exists() else 0

    def embed(self, batch: Tensor) -> Tensor:
        with self._count.open("ab") as file:
            file.write(b".")
        pixels = batch.flatten(1).float()
        return torch.stack([pixels.mean(1), pixels.amax(1)], 1)


@pytest.fixture
def space(tmp_path: Path) -> CountingSpace:
    return CountingSpace(tmp_path / "count")


@pytest.fixture
def cache(tmp_path: Path) -> FeatureCache:
    return FeatureCache(tmp_path / "cache")


def files(tmp_path: Path) -> list[Path]:
    """Return the files in the cache, but for the locks."""
    return [path for path in (tmp_path / "cache").iterdir() if path.suffix != ".lock"]


def test_features_are_those_of_the_space(cache: FeatureCache, space: CountingSpace):
    images = make_images(20)
    pixels = images.images.flatten(1).double()
    expected = torch.stack([pixels.mean(1), pixels.amax(1)], 1).float()
    for _ in range(2):
        torch.testing.assert_close(cache.features(space, images, QUIET), expected)


def test_features_are_given_back_to_the_last_bit(cache: FeatureCache, space: CountingSpace):
    images = make_images(20)
    computed = space(images.images)
    cache.features(space, images, QUIET)
    assert torch.equal(cache.features(space, images, QUIET), computed)


def test_features_are_computed_once(cache: FeatureCache, space: CountingSpace):
    for _ in range(3):
        cache.features(space, make_images(20), QUIET)
    assert space.asked == 1


def test_another_process_later_computes_nothing(cache: FeatureCache, space: CountingSpace, tmp_path: Path):
    cache.features(space, make_images(20), QUIET)
    FeatureCache(tmp_path / "cache").features(CountingSpace(tmp_path / "count"), make_images(20), QUIET)
    assert space.asked == 1


def test_other_images_have_features_of_their_own(cache: FeatureCache, space: CountingSpace):
    for seed in (0, 1):
        images = make_images(20, seed=seed)
        assert torch.equal(cache.features(space, images, QUIET), space(images.images))


@pytest.mark.parametrize("different", [{"name": "other"}, {"sha256": "1" * 64}, {"resize": "bilinear"}])
def test_another_space_is_asked_itself(
    cache: FeatureCache, space: CountingSpace, tmp_path: Path, different: dict[str, str]
):
    cache.features(space, make_images(20), QUIET)
    cache.features(CountingSpace(tmp_path / "count", **different), make_images(20), QUIET)
    assert space.asked == 2


@pytest.mark.parametrize(
    ("target", "name", "value"),
    [
        (module, "_code", "1" * 64),
        (torch, "get_num_threads", 77),
        (module.platform, "machine", "abacus"),
    ],
)
def test_other_code_or_another_machine_computes_again(
    cache: FeatureCache, space: CountingSpace, monkeypatch: pytest.MonkeyPatch, target: Any, name: str, value: object
):
    cache.features(space, make_images(20), QUIET)
    monkeypatch.setattr(target, name, lambda *_: value)
    cache.features(space, make_images(20), QUIET)
    assert space.asked == 2


def test_another_torch_computes_again(cache: FeatureCache, space: CountingSpace, monkeypatch: pytest.MonkeyPatch):
    cache.features(space, make_images(20), QUIET)
    monkeypatch.setattr(torch, "__version__", "0.1")
    cache.features(space, make_images(20), QUIET)
    assert space.asked == 2


def test_results_of_the_same_images_are_told_apart_by_what_they_are(cache: FeatureCache, space: CountingSpace):
    images = make_images(20)
    whats: list[dict[str, str | int]] = [{"statistics": "a", "k": 3}, {"statistics": "a", "k": 5}, {"statistics": "b"}]
    for number, what in enumerate(whats):
        cache.tensors(space, images, what, lambda number=number: {"number": torch.tensor(number)})
    found = [cache.tensors(space, images, what, dict)["number"].item() for what in whats]
    assert found == [0, 1, 2]


def test_tensors_of_any_kind_are_given_back(cache: FeatureCache, space: CountingSpace):
    tensors = {
        "scalar": torch.tensor(1 / 3, dtype=torch.float64),
        "turned": torch.arange(6).reshape(2, 3).T,
        "flags": torch.tensor([True, False]),
    }
    cache.tensors(space, make_images(20), {}, lambda: tensors)
    found = cache.tensors(space, make_images(20), {}, dict)
    assert found.keys() == tensors.keys()
    for name, value in tensors.items():
        assert found[name].dtype == value.dtype
        assert torch.equal(found[name], value)


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flip_a_bit_of_the_header(content: bytes) -> bytes:
    return content[:12] + bytes([content[12] ^ 1]) + content[13:]


def flip_a_bit_of_a_feature(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


def empty(content: bytes) -> bytes:
    return b""


def zeros(content: bytes) -> bytes:
    return bytes(len(content))


@pytest.mark.parametrize("damage", [cut, flip_a_bit_of_the_header, flip_a_bit_of_a_feature, empty, zeros])
def test_a_damaged_file_is_named_set_aside_and_computed_again(
    space: CountingSpace, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[bytes], bytes]
):
    images, cache = make_images(20), FeatureCache(tmp_path / "cache", Progress())
    computed = cache.features(space, images, QUIET)
    [file] = files(tmp_path)
    damaged = damage(file.read_bytes())
    file.write_bytes(damaged)
    assert torch.equal(cache.features(space, images, QUIET), computed)
    assert space.asked == 2
    assert torch.equal(read_sealed_tensors(file)[0]["features"], computed)
    assert f"{file}: damaged (" in capsys.readouterr().err
    assert (file.parent / "set-aside" / f"{file.name}.1").read_bytes() == damaged


def test_a_file_in_the_place_of_another_is_not_taken_for_it(cache: FeatureCache, space: CountingSpace, tmp_path: Path):
    images, others = make_images(20), make_images(20, seed=1)
    computed = cache.features(space, images, QUIET)
    [file] = files(tmp_path)
    cache.features(space, others, QUIET)
    [other] = set(files(tmp_path)) - {file}
    file.write_bytes(other.read_bytes())
    assert torch.equal(cache.features(space, images, QUIET), computed)


def test_what_a_killed_write_has_left_is_removed(cache: FeatureCache, space: CountingSpace, tmp_path: Path):
    images = make_images(20)
    cache.features(space, images, QUIET)
    [file] = files(tmp_path)
    file.unlink()
    left, of_another = (file.with_name(f".{name}.{'0' * 16}.part") for name in (file.name, "other.safetensors"))
    left.touch()
    of_another.touch()  # which another process may be writing now
    cache.features(space, images, QUIET)
    assert set(files(tmp_path)) == {file, of_another}


def test_a_folder_that_was_removed_is_made_again(cache: FeatureCache, space: CountingSpace, tmp_path: Path):
    cache.features(space, make_images(20), QUIET)
    for path in (tmp_path / "cache").iterdir():
        path.unlink()
    (tmp_path / "cache").rmdir()
    cache.features(space, make_images(20), QUIET)
    assert len(files(tmp_path)) == 1


def test_an_error_in_between_leaves_nothing(cache: FeatureCache, space: CountingSpace, tmp_path: Path):
    def fail() -> dict[str, Tensor]:
        raise BadInput("not finite")

    with pytest.raises(BadInput, match="not finite"):
        cache.tensors(space, make_images(20), {}, fail)
    assert files(tmp_path) == []


def compute_at_once(start: Barrier, tmp_path: Path, found: "Queue[list[list[float]]]") -> None:
    start.wait()
    space = CountingSpace(tmp_path / "count")
    found.put(FeatureCache(tmp_path / "cache").features(space, make_images(20), QUIET).tolist())


def test_several_processes_compute_once_between_them_and_agree(tmp_path: Path, space: CountingSpace):
    start, found = CONTEXT.Barrier(PROCESSES), CONTEXT.Queue()
    processes = [process(compute_at_once, start, tmp_path, found) for _ in range(PROCESSES)]
    for each in processes:
        each.start()
    results = [found.get(timeout=60) for _ in processes]
    for each in processes:
        each.join()
    assert space.asked == 1
    assert results == [space(make_images(20).images).tolist()] * PROCESSES
    assert len(files(tmp_path)) == 1


def test_a_folder_that_cannot_be_made_costs_one_note(
    tmp_path: Path, space: CountingSpace, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "file").write_text("a file stands in the way")
    cache = FeatureCache(tmp_path / "file" / "cache", Progress())
    for seed in (0, 1):
        images = make_images(20, seed=seed)
        assert torch.equal(cache.features(space, images, QUIET), space(images.images))
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "AUTOPHAGY_CACHE" in said


def test_what_is_in_a_folder_that_cannot_be_written_is_still_read(
    cache: FeatureCache, space: CountingSpace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    images = make_images(20)
    before = cache.features(space, images, QUIET)

    def denied(path: Path) -> None:
        raise StorageFailed(f"{path}: read-only")

    monkeypatch.setattr(module, "locked", denied)
    assert torch.equal(FeatureCache(tmp_path / "cache").features(space, images, QUIET), before)
    assert space.asked == 1


def test_the_usual_place_is_in_the_cache_folder(cache_folder: Path, space: CountingSpace):
    default_cache(QUIET).features(space, make_images(20), QUIET)
    assert len(list((cache_folder / "features").glob("*.safetensors"))) == 1
