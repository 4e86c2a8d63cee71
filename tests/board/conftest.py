"""Folders of results, and the site of the committed records."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from bench import paths
from bench.board import first_rows
from bench.board.site import build_site
from bench.cells.record import read_record
from bench.executors.grid import plan_cells
from bench.runs.strip import draw_strip

from .html_pages import Site, is_of_committed_site
from .made_up import Results

# Cells of the committed records that get a strip here.
WITH_STRIP = ("none", "real_only", "self_correction", "teacher")


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """An empty folder of result files."""
    return Results(tmp_path / "results")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture(scope="session")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The site of two tasks: the committed records of the baselines with the seeds 0 to 2, some of them with strips.

    What others submit may have more seeds or fewer, and must not change what is tested here; nor does a browser read
    more with every task that is run.
    """
    folder = tmp_path_factory.mktemp("board")
    results = folder / "results"
    results.mkdir()
    for path in (paths.LEADERBOARD / "results").glob("*.json"):
        cell = read_record(path).cell
        if is_of_committed_site(cell):
            shutil.copy(path, results)
    pixels = torch.Generator().manual_seed(0)
    for name in WITH_STRIP:
        record = min(results.glob(f"digits-ddpm-fully_synthetic-{name}-smoke-seed0-*.json"))
        rows = [torch.randint(256, (20, 1, 8, 8), dtype=torch.uint8, generator=pixels) for _ in range(5)]
        record.with_suffix(".png").write_bytes(draw_strip(rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(first_rows, "MOST_ROWS", 1_000)  # all are in the index; test_first_rows.py has those that wait
        build_site(results, folder / "site", plan_cells)
    return Site(folder / "site")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("there is no chromium or google-chrome to drive")
    with sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-renderer-backgrounding"]
        )
        yield browser
        browser.close()
