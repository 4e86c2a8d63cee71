"""The log of a cell for Weights & Biases."""

import io
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import wandb
from board.made_up import make_record
from event_files import wandb_config, wandb_history, wandb_records, wandb_summary
from PIL import Image

from bench.logs.wandb import WandbLog

RECORD = make_record()


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.delenv("WANDB_PROJECT", raising=False)


@pytest.fixture(scope="module", autouse=True)
def _own_service() -> Iterator[None]:
    yield
    wandb.teardown()


def only_file(runs: Path) -> Path:
    """The one .wandb file of a runs folder; it is of an offline run."""
    [file] = (runs / "wandb").glob("offline-run-*/*.wandb")
    return file


def strip() -> bytes:
    buffer = io.BytesIO()
    Image.new("LA", (30, 10)).save(buffer, "PNG")
    return buffer.getvalue()


def test_offline_files_hold_scores_losses_strips_floor_and_cell_and_nothing_of_the_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("USER", "somebody")
    before = random.getstate(), torch.get_rng_state().tolist()
    log = WandbLog(tmp_path, RECORD.cell, RECORD.score)
    for result in RECORD.generations:
        log.log_losses({"loss": 0.5}, 1000 * result.generation - 500)
        log.log_losses({"loss": 0.25}, 1000 * result.generation)
        log.log_generation(result, strip())
    log.close(True)
    assert (random.getstate(), torch.get_rng_state().tolist()) == before

    file = only_file(tmp_path)
    history = wandb_history(file)
    scores = [(row["_step"], row["generation"], row["scores/fid"]) for row in history if "generation" in row]
    assert scores == [(1001, 1, 1.5), (2001, 2, 2.25), (3001, 3, 4.125)]
    losses = [(row["_step"], row["losses/loss"]) for row in history if "losses/loss" in row]
    assert losses == [(500, 0.5), (1000, 0.25), (1500, 0.5), (2000, 0.25), (2500, 0.5), (3000, 0.25)]
    assert len(list((file.parent / "files" / "media" / "images").glob("strip_*.png"))) == 3
    assert wandb_summary(file)["floor/fid"] == 0.5
    assert wandb_config(file)["cell"] == RECORD.cell.model_dump(mode="json")
    [run] = [record.run for record in wandb_records(file) if record.HasField("run")]
    assert (run.run_id, run.display_name) == (RECORD.cell_id, RECORD.cell.slug)
    assert (run.host, run.git.remote_url) == ("-", "")
    sent = {kind for record in wandb_records(file) if (kind := record.WhichOneof("record_type"))}
    assert not sent & {"stats", "output", "output_raw", "environment"}
    assert not list(file.parent.glob("files/*.*"))  # neither requirements, nor metadata, nor code
    assert b"somebody" not in file.read_bytes()


def test_a_second_logger_of_a_cell_takes_the_place_of_the_first(tmp_path):
    killed = WandbLog(tmp_path, RECORD.cell, RECORD.score)
    killed.log_generation(RECORD.generations[0], None)
    killed.close(False)
    # The name of a folder has the second in which it was made: it was not this one.
    folder = only_file(tmp_path).parent
    folder.rename(folder.with_name(f"offline-run-20260101_000000-{RECORD.cell_id}"))
    other = make_record(seed=1)
    WandbLog(tmp_path, other.cell, other.score).close(True)

    log = WandbLog(tmp_path, RECORD.cell, RECORD.score)
    for result in RECORD.generations:
        log.log_generation(result, None)
    log.close(True)
    [file] = (tmp_path / "wandb").glob(f"offline-run-*/run-{RECORD.cell_id}.wandb")
    assert [row["scores/fid"] for row in wandb_history(file)] == [1.5, 2.25, 4.125]
    assert len(list((tmp_path / "wandb").glob("offline-run-*"))) == 2


class Run:
    """Stands for a run of W&B whose server has a part of it already."""

    def __init__(self, starting_step: int) -> None:
        self.starting_step = starting_step
        self.summary = {}
        self.logged = []

    def define_metric(self, *_, **__):
        return None

    def log(self, values, step, commit):
        self.logged.append((step, values))

    def finish(self, exit_code):
        self.exit_code = exit_code


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch):
    """Puts a stand-in into the place of wandb, and keeps what `init` was given."""
    kept = SimpleNamespace(run=Run(0), given={})

    def init(**given):
        kept.given = given
        return kept.run

    module = SimpleNamespace(init=init, Image=lambda image: image, Settings=lambda **settings: settings)
    monkeypatch.setitem(sys.modules, "wandb", module)
    return kept


@pytest.mark.parametrize(
    ("wanted", "mode"), [(None, "offline"), ("online", "online"), ("run", "offline"), ("", "offline")]
)
def test_only_wandb_mode_online_sends(stand_in, tmp_path, monkeypatch, wanted, mode):
    if wanted is not None:
        monkeypatch.setenv("WANDB_MODE", wanted)
    WandbLog(tmp_path, RECORD.cell, RECORD.score)
    assert stand_in.given["mode"] == mode
    assert stand_in.given["resume"] == ("allow" if mode == "online" else None)


def test_wandb_does_not_report_errors_to_its_maker_unless_it_is_online(stand_in, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "true")
    monkeypatch.setenv("WANDB_MODE", "online")
    WandbLog(tmp_path, RECORD.cell, RECORD.score)
    assert os.environ["WANDB_ERROR_REPORTING"] == "true"
    monkeypatch.delenv("WANDB_MODE")
    WandbLog(tmp_path, RECORD.cell, RECORD.score)
    assert os.environ["WANDB_ERROR_REPORTING"] == "false"


def test_the_server_gets_only_what_it_has_not(stand_in, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "online")
    # It has the scores of generation 1 (step 1001), and of generation 2 the losses up to its end (step 2000).
    stand_in.run = Run(2001)
    log = WandbLog(tmp_path, RECORD.cell, RECORD.score)
    log.log_generation(RECORD.generations[0], None)
    log.log_losses({"loss": 0.5}, 2000)
    log.log_generation(RECORD.generations[1], None)
    log.log_losses({"loss": 0.5}, 2500)
    log.close(False)
    assert [step for step, _ in stand_in.run.logged] == [2001, 2500]
    assert stand_in.run.logged[0][1]["generation"] == 2
    assert stand_in.run.exit_code == 1
