import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """An environment with the wheel installed, without the checkout; other packages come from this one."""
    environment = wheel.parent / "environment"
    venv.create(environment, with_pip=False)
    # Packages of a path that a .pth file adds are found, an editable install's own .pth file in it is not read.
    site = Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))
    (site / "shared.pth").write_text(sysconfig.get_path("purelib"))
    pip = [sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python"), "install", "--no-deps"]
    subprocess.run([*pip, "--no-index", "--quiet", str(wheel)], check=True, capture_output=True)
    return environment / "bin"


def run(installed: Path, folder: Path, *arguments: str) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    command = [str(installed / "autophagy"), *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_carries_the_rooms_and_lists_what_is_in_them_without_the_checkout(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "unpacked")
    rooms = tmp_path / "unpacked" / "bench" / "rooms"
    for room in ("tasks", "baselines", "leaderboard"):
        ours, theirs = ({path.name for path in (root / room).rglob("*.*")} for root in (ROOT, rooms))
        assert {name for name in ours - theirs if not name.endswith(".pyc")} == set()
    # Before the path of an editable install.
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "unpacked")}
    program = (
        "import bench, sys; from bench.cli.main import main; print(bench.__file__); sys.exit(main(['list', '--json']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    where, _, listed = done.stdout.partition("\n")
    assert where == str(tmp_path / "unpacked" / "bench" / "__init__.py")
    listed = json.loads(listed)
    assert {"digits", "mnist"} <= set(listed["tasks"])
    assert {"none", "accumulate_subsample"} <= set(listed["methods"])


@pytest.mark.slow
def test_the_wheel_runs_a_cell_and_builds_the_page_in_an_empty_folder(installed, tmp_path):
    where = [str(installed / "python"), "-c", "import bench; print(bench.__file__)"]
    assert str(ROOT) not in subprocess.run(where, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    listed = json.loads(run(installed, tmp_path, "list", "--json"))
    assert {"digits", "mnist"} <= set(listed["tasks"])
    assert {"none", "accumulate_subsample"} <= set(listed["methods"])

    cell = ("--task", "digits", "--loop", "fully_synthetic", "--generations", "1", "--device", "cpu")
    [outcome] = json.loads(run(installed, tmp_path, "run", *cell, "--json"))
    assert outcome["state"] == "finished"
    run(installed, tmp_path, "board", "--results", "runs", "--out", "site")
    assert outcome["cell_id"][:16] in (tmp_path / "site" / "index.html").read_text()
