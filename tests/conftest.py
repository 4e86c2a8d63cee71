"""What all tests share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from bench.cells.task import Task, load_task
from bench.data.real import RealData, load_real_data

MNIST_FOLDER = Path(__file__).parents[1].parent / "shared" / "data" / "mnist"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # The files with tests that are slow by nature first: what is left for the end, when a process has nothing more to
    # do while the other one works, is short.
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    # The networks here are tiny: on a busy machine threads that wait for each other take many times longer.
    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    # The user's cache is neither read nor filled.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTOPHAGY_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_the_disk() -> Iterator[None]:
    # What is written here need not outlive the machine; in what order files are flushed and renamed tests/files holds.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda file: None)
        yield


@pytest.fixture(scope="session")
def digits() -> Task:
    return load_task("digits")


@pytest.fixture(scope="session")
def digits_data(digits: Task) -> RealData:
    return load_real_data(digits)


@pytest.fixture(scope="session")
def mnist_folder() -> Path:
    if not MNIST_FOLDER.is_dir():
        pytest.skip("the MNIST files are not beside the repository, in shared/data/mnist")
    return MNIST_FOLDER


@pytest.fixture(scope="session")
def mnist_data(mnist_folder: Path) -> RealData:
    return load_real_data(load_task("mnist"), mnist_folder)
