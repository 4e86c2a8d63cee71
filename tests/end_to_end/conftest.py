import json
import re
import tomllib
from pathlib import Path

import pytest

from bench import paths
from bench.cli.main import main

TINY_DDPM = """\
channels = [16]
layers_per_block = 1
attention = false
images = 512
batch_size = 64
learning_rate = 3e-3
sampling_steps = 3
sampling_batch = 40
"""
TINY_LOOPS = """\
fully_synthetic = { generations = 3, n_initial = 80, n_real = 0, n_synthetic = 70 }
synthetic_augmentation = { generations = 3, n_initial = 80, n_real = 60, n_synthetic = 70 }
fresh_data = { generations = 3, n_initial = 80, n_real = 30, n_synthetic = 70 }
"""


@pytest.fixture
def tiny_task(tmp_path: Path) -> Path:
    """The digits task with a smoke tier that takes a second."""
    text = (paths.TASKS / "digits.toml").read_text()
    weights = paths.TASKS / tomllib.loads(text)["features"]["weights"]
    text = re.sub(r'(?m)^weights = ".*"$', f'weights = "{weights}"', text)
    text = re.sub(r"(?s)(\[tiers\.smoke\]\n).*?(?=\n[^\n]*\n\[tiers\.standard\])", "", text)
    smoke = f"[tiers.smoke]\nn_score = 60\n[tiers.smoke.loops]\n{TINY_LOOPS}[tiers.smoke.generators.ddpm]\n{TINY_DDPM}"
    path = tmp_path / "tiny.toml"
    path.write_text(f"{text}\n{smoke}")
    return path


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
