"""Runs that are logged: the record stays what it is, a resumed run shows nothing twice, and nothing is sent."""

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from builders import comparable
from event_files import images, scalars, wandb_history

from bench.cli.main import main
from bench.logs import tensorboard as tensorboard_log
from bench.runs import fit_checkpoint

STEPS, BATCH = 4, 64

# Says on stderr what Python connects to or looks up, other than sockets in the file system.
WATCHED = """\
import sys

def watch(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname") or (
        event in ("socket.connect", "socket.sendto") and not isinstance(arguments[1], (str, bytes))
    ):
        print("CONNECTS", event, arguments[1:], file=sys.stderr)

sys.addaudithook(watch)
from bench.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_MODE", raising=False)


def logs(outcome: dict, tmp_path: Path, runs: str = "runs") -> Path:
    """Return the folder of a cell's log for TensorBoard."""
    return tmp_path / runs / "tensorboard" / outcome["slug"]


def test_the_record_is_the_same_with_logs_and_without(run_tiny, finished, tmp_path):
    plain = finished("fresh_data", "plain")
    status, [logged], _ = run_tiny("--loop", "fresh_data", "--log", "tensorboard,wandb")
    assert status == 0
    assert comparable(Path(logged["record"])) == comparable(Path(plain["record"]))
    assert not (tmp_path / "plain" / "tensorboard").exists()
    assert not (tmp_path / "plain" / "wandb").exists()

    # Both logs have the scores of the record, and a point of the losses for each step of this short fit.
    fids = [scores["fid"] for scores in logged["generations"]]
    shown = scalars(logs(logged, tmp_path))["scores/fid"]
    assert shown == [(t, pytest.approx(fid, rel=1e-6)) for t, fid in enumerate(fids, start=1)]
    assert list(images(logs(logged, tmp_path))) == [1, 2, 3]
    trained = [BATCH * step for step in range(1, 3 * STEPS + 1)]
    assert [step for step, _ in scalars(logs(logged, tmp_path) / "losses")["losses/loss"]] == trained
    [file] = tmp_path.glob("runs/wandb/offline-run-*/*.wandb")
    history = wandb_history(file)
    assert [row["scores/fid"] for row in history if "generation" in row] == fids
    assert [row["_step"] for row in history if "losses/loss" in row] == trained


def test_a_run_that_was_interrupted_shows_nothing_twice(run_tiny, tmp_path, monkeypatch):
    _, [undisturbed], _ = run_tiny("--loop", "fresh_data", "--log", "tensorboard", runs="undisturbed")

    monkeypatch.setattr(fit_checkpoint, "CHECKPOINT_SECONDS", 0.0)
    log_losses = tensorboard_log.TensorBoardLog.log_losses

    def interrupted(self, losses, images_trained):
        log_losses(self, losses, images_trained)
        if images_trained == BATCH * (STEPS + 3):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(tensorboard_log.TensorBoardLog, "log_losses", interrupted)
        assert run_tiny("--loop", "fresh_data", "--log", "tensorboard")[0] == 130
    # As after a clock that was ahead: TensorBoard reads the files of a folder by the times in their names.
    for file in (tmp_path / "runs" / "tensorboard").rglob("events.out.tfevents.*"):
        file.rename(file.with_name("events.out.tfevents.9999999999.host"))
    _, [resumed], log = run_tiny("--loop", "fresh_data", "--log", "tensorboard")
    assert f"goes on from step 2 of {STEPS}" in log

    for part in (".", "losses", "floor"):
        expected = scalars(logs(undisturbed, tmp_path, "undisturbed") / part)
        found = scalars(logs(resumed, tmp_path) / part)
        assert len(expected) > 0
        assert {name: points for name, points in found.items() if "cost/seconds" not in name} == {
            name: points if "peak_memory" not in name else found[name]
            for name, points in expected.items()
            if "cost/seconds" not in name
        }
    assert list(images(logs(resumed, tmp_path))) == [1, 2, 3]


def test_a_log_that_fails_does_not_end_the_cell(run_tiny, monkeypatch):
    def fails(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tensorboard_log.TensorBoardLog, "log_generation", fails)
    status, [outcome], log = run_tiny("--loop", "fresh_data", "--log", "tensorboard")
    assert (status, outcome["state"]) == (0, "finished")
    assert log.count("logging to tensorboard stops here, the run does not") == 1


@pytest.mark.slow  # whole commands in processes of their own; tests/test_security.py watches those that run no cell
def test_nothing_connects(tmp_path):
    connections = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"

        def listen():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                connections.append(connection)
                connection.close()

        threading.Thread(target=listen, daemon=True).start()
        # Whatever honours the environment, the helper process of W&B too, would come to this server.
        names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "WANDB_BASE_URL")
        environment = {**os.environ, **dict.fromkeys(names, address), "WANDB_API_KEY": "a" * 40}
        environment.pop("NO_PROXY", None)
        command = ["run", "--task", "gaussian", "--generator", "gaussian", "--loop", "fully_synthetic"]
        command += ["--generations", "2", "--runs", str(tmp_path), "--log", "tensorboard,wandb", "--device", "cpu"]
        done = subprocess.run(
            [sys.executable, "-c", WATCHED, *command], env=environment, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    assert "stops here" not in done.stderr
    assert "CONNECTS" not in done.stderr
    assert connections == []
    [file] = tmp_path.glob("wandb/offline-run-*/*.wandb")
    assert [row["generation"] for row in wandb_history(file) if "generation" in row] == [1, 2]


def test_an_unknown_logger_is_refused_before_anything_runs(tmp_path, capsys):
    assert main(["run", "--log", "tensorboard,mlflow", "--runs", str(tmp_path / "runs")]) == 2
    assert capsys.readouterr().err == "autophagy: error: --log mlflow: choose one of tensorboard, wandb\n"
    assert not (tmp_path / "runs").exists()
