import json
import re
import shutil
import tomllib
from pathlib import Path

import pytest

from bench import paths
from bench.cli.main import main

TINY_DDPM = """\
channels = [16]
layers_per_block = 1
attention = false
images = 256
batch_size = 64
learning_rate = 3e-3
sampling_steps = 3
sampling_batch = 80
"""
TINY_LOOPS = """\
fully_synthetic = { generations = 3, n_initial = 80, n_real = 0, n_synthetic = 70 }
synthetic_augmentation = { generations = 3, n_initial = 80, n_real = 60, n_synthetic = 70 }
fresh_data = { generations = 3, n_initial = 80, n_real = 30, n_synthetic = 70 }
"""


def write_tiny_task(path: Path) -> Path:
    """Write the digits task with a smoke tier that takes a second."""
    text = (paths.TASKS / "digits.toml").read_text()
    weights = paths.TASKS / tomllib.loads(text)["features"]["weights"]
    text = re.sub(r'(?m)^weights = ".*"$', f'weights = "{weights}"', text)
    text = re.sub(r"(?s)(\[tiers\.smoke\]\n).*?(?=\n[^\n]*\n\[tiers\.standard\])", "", text)
    smoke = f"[tiers.smoke]\nn_score = 60\n[tiers.smoke.loops]\n{TINY_LOOPS}[tiers.smoke.generators.ddpm]\n{TINY_DDPM}"
    path.write_text(f"{text}\n{smoke}")
    return path


@pytest.fixture
def tiny_task(tmp_path: Path) -> Path:
    return write_tiny_task(tmp_path / "tiny.toml")


@pytest.fixture
def run_tiny(tiny_task: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Run cells of the tiny task and return the exit status, the outcomes and what was written to stderr."""

    def run(*arguments: str, runs: str = "runs"):
        base = ["run", "--task", str(tiny_task), "--runs", str(tmp_path / runs), "--device", "cpu", "--json"]
        capsys.readouterr()
        status = main([*base, *arguments])
        captured = capsys.readouterr()
        return status, json.loads(captured.out) if captured.out else None, captured.err

    return run


@pytest.fixture(scope="session")
def undisturbed_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A runs folder with the plain cells of the three loops, run once for all tests."""
    folder = tmp_path_factory.mktemp("undisturbed")
    task, runs = write_tiny_task(folder / "tiny.toml"), folder / "runs"
    assert main(["run", "--task", str(task), "--loop", "all", "--runs", str(runs), "--device", "cpu"]) == 0
    return runs


@pytest.fixture
def finished(undisturbed_runs: Path, run_tiny, tmp_path: Path):
    """Put the plain cell of a loop, finished, into a runs folder of the test, and return its outcome."""

    def put(kind: str, runs: str = "runs") -> dict:
        [cell] = undisturbed_runs.glob(f"cells/digits-ddpm-{kind}-none-smoke-seed0-*")
        for part in (cell, undisturbed_runs / "g1"):
            shutil.copytree(part, tmp_path / runs / part.relative_to(undisturbed_runs), dirs_exist_ok=True)
        status, [outcome], log = run_tiny("--loop", kind, runs=runs)
        assert (status, "is finished" in log) == (0, True)
        return outcome

    return put
