"""The size of a cell that `--dry-run` states, against what a finished cell takes."""

import json
from pathlib import Path

import pytest
from builders import TINY_STYLEGAN

from bench.cli.main import main

# Its images for the pools are its own, drawn apart from those that are scored.
APART = '''"""Draws what enters the pools once more: for tests."""

from bench import Method


class Apart(Method):
    """The plain loop, with images of its own for the pools."""

    def synthesize(self, generator, n, ctx):
        return self.sample(generator, n, ctx)
'''


def real_size(folder: Path) -> int:
    """Return the bytes of what a cell and its G^1 keep, without the notes of the run."""
    files = [path for part in ("cells", "g1") for path in (folder / part).rglob("*") if path.is_file()]
    return sum(path.stat().st_size for path in files if path.suffix in (".json", ".safetensors", ".png"))


@pytest.fixture
def sizes(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Return the size that is stated of each cell, and what they take together when they are finished."""

    def run(*choices: str) -> tuple[list[int], int]:
        command = ["run", *choices, "--runs", str(tmp_path / "runs"), "--device", "cpu", "--json"]
        capsys.readouterr()
        assert main([*command, "--dry-run"]) == 0
        stated = [cell["disk_bytes"] for cell in json.loads(capsys.readouterr().out)]
        assert not (tmp_path / "runs").exists()
        assert main(command) == 0
        return stated, real_size(tmp_path / "runs")

    return run


@pytest.mark.parametrize("generator", ["ddpm", "stylegan"])
def test_the_stated_size_is_that_of_a_finished_cell(sizes, tiny_task, generator):
    tiny_task.write_text(tiny_task.read_text() + TINY_STYLEGAN)
    [stated], found = sizes("--task", str(tiny_task), "--generator", generator, "--loop", "fully_synthetic")
    assert stated == pytest.approx(found, rel=0.03)


def test_the_stated_size_of_points_is_that_of_a_finished_cell(sizes):
    gaussian = ("--task", "gaussian", "--generator", "gaussian", "--generations", "3")
    [stated], found = sizes(*gaussian, "--loop", "fully_synthetic")
    assert stated == pytest.approx(found, rel=0.03)


def test_the_model_of_generation_1_counts_once_where_cells_share_it(sizes, tiny_task):
    stated, found = sizes("--task", str(tiny_task), "--loop", "fully_synthetic,fresh_data")
    assert stated[0] > stated[1] * 1.2
    assert sum(stated) == pytest.approx(found, rel=0.03)


def test_images_for_the_pools_count_where_they_are_drawn_apart(sizes, tmp_path):
    method = tmp_path / "apart.py"
    method.write_text(APART)
    gaussian = ("--task", "gaussian", "--generator", "gaussian", "--generations", "2")
    stated, found = sizes(*gaussian, "--loop", "fully_synthetic", "--method", f"none,{method}")
    assert stated[1] > stated[0]
    assert sum(stated) == pytest.approx(found, rel=0.03)
