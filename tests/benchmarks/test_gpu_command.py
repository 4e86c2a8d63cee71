"""The command: what it refuses, and what it does with what was found."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import gpu
import psutil
import pytest
from gpu_day import page
from gpu_day.parts import STAGES, all_parts, jobs
from gpu_day.report import Device, Folder, read_report

from benchmarks.reports import made_up

JOBS = {job.name: job for job in jobs(STAGES)}


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Return the one line that a refused command writes."""
    assert gpu.main([str(argument) for argument in arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    [line] = captured.err.splitlines()
    return line.removeprefix("gpu.py: error: ")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder in which a device was measured."""
    folder = Folder(tmp_path / "out")
    folder.make()
    folder.check_device(made_up().device)
    for name, part in made_up().parts.items():
        folder.keep(name, part)
    return folder.path


@pytest.mark.parametrize("minutes", ["0", "-1", "nan", "inf", "100000"])
def test_minutes_that_there_are_not_are_refused(capsys, minutes: str):
    assert "choose a number above 0, up to 1440" in refused(capsys, f"--minutes={minutes}")


def test_words_that_are_not_understood_are_one_line(capsys, tmp_path: Path):
    assert refused(capsys, "--minutes", "many").startswith("argument --minutes: invalid float value: 'many'")
    assert refused(capsys, "--stages", "a,z").startswith("--stages a,z: 'z' is no stage: choose from a, b")
    assert refused(capsys, "--data", tmp_path / "none").endswith("nothing there: name the folder that holds MNIST/raw")
    assert refused(capsys, "--tables").startswith("unrecognized arguments: --tables")
    assert "not allowed with argument" in refused(capsys, "--table", "--page")


def test_a_folder_that_is_a_file_is_refused_before_anything_is_looked_at(capsys, tmp_path: Path):
    (tmp_path / "file").write_text("")
    assert refused(capsys, "--out", tmp_path / "file") == f"--out {tmp_path / 'file'}: a file: name a folder"


def test_a_folder_of_another_device_is_refused(capsys, out: Path, monkeypatch: pytest.MonkeyPatch):
    other = Device.model_validate(made_up().device.model_dump() | {"name": "NVIDIA Other"})
    monkeypatch.setattr(gpu, "probed", lambda options, folder: other)
    assert "is of another device: name is NVIDIA Made Up there and NVIDIA Other here" in refused(capsys, "--out", out)


def test_what_was_found_is_printed_as_tables(capsys, out: Path):
    assert gpu.main(["--table", "--out", str(out)]) == 0
    assert capsys.readouterr().out == page.section(made_up()) + "\n"


def test_a_report_is_shown_as_its_folder_is(capsys, out: Path):
    report = Folder(out).write_report()
    assert gpu.main(["--table", "--out", str(report)]) == 0
    assert capsys.readouterr().out == page.section(made_up()) + "\n"


def test_a_report_without_a_device_is_refused(capsys, out: Path):
    report = Folder(out).write_report()
    content = json.loads(report.read_text())
    del content["device"]
    report.write_text(json.dumps(content))
    assert refused(capsys, "--table", "--out", report).startswith(
        f"{report}: not a report of benchmarks/gpu.py: device"
    )


def test_budgets_are_applied_to_copies(capsys, out: Path):
    assert gpu.main(["--apply", "--out", str(out)]) == 0
    written = capsys.readouterr().out.split()
    assert written == [str(out / "tasks" / f"{name}.toml") for name in ("cifar10", "mnist", "ffhq64")]
    assert all(Path(path).is_file() for path in written)


def test_a_folder_in_which_nothing_was_measured_is_one_line(capsys, tmp_path: Path):
    for option in ("--table", "--apply"):
        assert "nothing measured there" in refused(capsys, option, "--out", tmp_path / "none")


def test_the_page_is_written_from_the_reports_that_are_kept(capsys, out: Path, tmp_path: Path, monkeypatch):
    kept = tmp_path / "measured"
    kept.mkdir()
    Folder(out).write_report().rename(kept / "made-up.json")
    monkeypatch.setattr(page, "MEASURED", kept)
    monkeypatch.setattr(page, "PAGE", tmp_path / "gpu.md")
    assert gpu.main(["--page"]) == 0
    assert "### NVIDIA Made Up, 2026-01-31" in (tmp_path / "gpu.md").read_text()


def test_a_worker_finds_compiled_code_and_caches_in_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    alone, beside = (gpu.environment_of(Folder(tmp_path), job) for job in (JOBS["b.cifar10-ddpm"], JOBS["a.waits"]))
    assert alone["TORCHINDUCTOR_CACHE_DIR"] == str(tmp_path / "compiled")
    assert alone["AUTOPHAGY_CACHE"] == str(tmp_path / "work" / "cache")
    # What is timed has all cores; what runs beside others shares them.
    assert "OMP_NUM_THREADS" not in alone
    assert beside["OMP_NUM_THREADS"] == "2"


def test_deterministic_products_are_asked_for_where_they_are_measured_alone(tmp_path: Path):
    asked = [
        name for name, job in JOBS.items() if "CUBLAS_WORKSPACE_CONFIG" in gpu.environment_of(Folder(tmp_path), job)
    ]
    assert asked == ["a.deterministic"]


def started(out: Path, *more: str) -> subprocess.Popen[str]:
    """Start a rehearsal of stage d as a lab would."""
    command = [sys.executable, gpu.__file__, "--device=cpu", f"--out={out}", "--stages=d", "--minutes=30", *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(condition: Callable[[], object], command: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 600
    while not condition():
        assert command.poll() is None, command.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow  # a rehearsal of a stage, with a kill, a signal, and the rest
def test_a_rehearsal_that_is_killed_and_stopped_goes_on_and_loses_nothing(tmp_path: Path):
    out = tmp_path / "rehearsal"
    folder = Folder(out)

    # kill -9, when the first part is there: its worker must not stay on the device.
    command = started(out)
    wait_for(lambda: (folder.parts / "d.metrics.json").exists() and folder.is_done("d.metrics"), command)
    wait_for(lambda: folder.running("d.features").exists(), command)
    workers = psutil.Process(command.pid).children(recursive=True)
    assert workers
    command.kill()
    command.communicate()
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert alive == []
    before = (folder.parts / "d.metrics.json").read_bytes()

    # SIGTERM, in the middle of what comes next.
    command = started(out)
    wait_for(lambda: len(list(folder.parts.glob("*.json"))) > 1, command)
    command.send_signal(signal.SIGTERM)
    _, err = command.communicate(timeout=120)
    assert command.returncode == 143
    assert err.splitlines()[-1] == ("gpu.py: stopped by SIGTERM. What was found is kept: the same command goes on.")

    command = started(out)
    said, err = command.communicate(timeout=900)
    assert command.returncode == 0, err
    assert "minutes left" in err
    assert f"Everything found is in {out / 'report.json'}." in said
    assert (folder.parts / "d.metrics.json").read_bytes() == before
    report = read_report(out / "report.json")
    assert set(report.parts) == {part for part in all_parts() if part.startswith("d.")}
    assert {name: part.failed for name, part in report.parts.items() if part.failed} == {}
    assert report.device.rehearsal
    assert "a rehearsal with tiny sizes: no figure here means anything" in page.section(report)
