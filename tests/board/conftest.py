"""Folders of results, and the site of the committed records."""

import shutil
from pathlib import Path

import pytest
import torch

from bench import paths
from bench.board.site import build_site
from bench.strip import draw_strip

from .html_pages import Site
from .made_up import Results

# Cells of the committed records that get a strip, which the repository does not keep.
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
    """The site of the committed records, some of them with strips."""
    folder = tmp_path_factory.mktemp("board")
    results = folder / "results"
    shutil.copytree(paths.LEADERBOARD / "results", results)
    pixels = torch.Generator().manual_seed(0)
    for name in WITH_STRIP:
        (record,) = results.glob(f"digits-ddpm-fully_synthetic-{name}-smoke-seed0-*.json")
        rows = [torch.randint(256, (20, 1, 8, 8), dtype=torch.uint8, generator=pixels) for _ in range(5)]
        record.with_suffix(".png").write_bytes(draw_strip(rows))
    build_site(results, folder / "site")
    return Site(folder / "site")
