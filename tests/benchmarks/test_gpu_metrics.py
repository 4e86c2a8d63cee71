"""How far a peer of the scorer is taken: until time or memory would not do."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from gpu_day import metrics
from gpu_day.metrics import PEER_SIZES, PEERS, measure
from gpu_day.report import Folder
from gpu_day.worker import Bench, NotHere

LARGE = 2**50


def full_bench(path: Path, seconds: float) -> Bench:
    return Bench(Folder(path), torch.device("cpu"), tiny=False, data=None, until=time.monotonic() + seconds)


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """A peer that says it takes a second for 5,000 features, four times as long for twice as many."""
    state = {"free": LARGE, "calls": 0}

    def timed(bench: Bench, work: Callable[[], Any]) -> tuple[float, dict[str, float]]:
        state["calls"] += 1
        return (PEER_SIZES[int(state["calls"]) - 1] / 5_000) ** 2, {"precision": 0.5}

    monkeypatch.setattr(metrics, "timed", timed)
    monkeypatch.setattr(metrics, "features", lambda n, dim, device: (torch.zeros(1), torch.zeros(1)))
    monkeypatch.setattr(metrics, "ours_at", lambda bench, real, fake: {"our_seconds": 0.1, "our_scores": {}})
    monkeypatch.setattr(metrics, "free_memory", lambda: int(state["free"]))
    monkeypatch.setitem(metrics.METRICS, PEERS["prdc"], lambda real, fake: lambda: {})
    return state


def sizes(bench: Bench) -> tuple[list[int], str | None]:
    *_, found = measure(bench, "d.metrics.prdc")
    return [row["n"] for row in found["sizes"]], found.get("stopped")


def test_with_time_and_memory_it_is_taken_to_the_size_of_ours(tmp_path: Path, peer: dict[str, float]):
    assert sizes(full_bench(tmp_path, 1000)) == ([5_000, 10_000, 20_000, 50_000], None)


def test_it_stops_before_a_size_that_would_take_too_long(tmp_path: Path, peer: dict[str, float]):
    # 16 s at 20,000 are 100 s at 50,000.
    found, why = sizes(full_bench(tmp_path, 60))
    assert found == [5_000, 10_000, 20_000]
    assert why is not None
    assert why.startswith("50,000 features would take about 100 s, and ")


def test_it_stops_before_a_size_that_may_take_all_memory(tmp_path: Path, peer: dict[str, float]):
    peer["free"] = 10 * 2**30  # 10,000 x 10,000 pairs are 4.5 GiB, 20,000 x 20,000 are 18
    assert sizes(full_bench(tmp_path, 1000)) == (
        [5_000, 10_000],
        "20,000 features may need 18 GiB, and it may take 7",
    )


def test_a_peer_that_is_not_installed_is_no_failure(tmp_path: Path, peer: dict[str, float], monkeypatch):
    def missing(real: Any, fake: Any) -> Any:
        raise ImportError("No module named 'prdc'")

    monkeypatch.setitem(metrics.METRICS, PEERS["prdc"], missing)
    with pytest.raises(NotHere, match="not installed: No module named 'prdc'"):
        list(measure(full_bench(tmp_path, 1000), "d.metrics.prdc"))
