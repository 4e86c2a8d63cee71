"""Rooms that may not know torch: reading cells and records costs no more than what it needs."""

import pkgutil
import subprocess
import sys

import pytest

import bench.board
import bench.cells
import bench.files


def modules_of(room):
    return [module.name for module in pkgutil.iter_modules(room.__path__, f"{room.__name__}.")]


@pytest.mark.parametrize(
    "modules",
    [
        modules_of(bench.cells),
        sorted({*modules_of(bench.files)} - {"bench.files.tensors"}),
        modules_of(bench.board),
        ["bench.runs.status", "bench.runs.stored"],
    ],
    ids=["cells", "files", "board", "runs"],
)
def test_no_torch(modules):
    assert len(modules) > 1
    program = f"import sys, {', '.join(modules)}\nprint(sorted({{'torch', 'diffusers'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout.strip() == "[]"
