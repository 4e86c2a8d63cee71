"""The log of a cell for TensorBoard."""

import io
import json
from pathlib import Path

import pytest
from board.made_up import make_record
from event_files import images, scalars, text
from PIL import Image

from bench.logs.tensorboard import TensorBoardLog

RECORD = make_record()
STEPS = [(1, 1.5), (2, 2.25), (3, 4.125)]


@pytest.fixture
def open_log(tmp_path: Path):
    return lambda: TensorBoardLog(tmp_path, RECORD.cell, RECORD.score)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "tensorboard" / RECORD.cell.slug


def strip_of(t: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("LA", (30, 10 * t)).save(buffer, "PNG")
    return buffer.getvalue()


def test_every_generation_is_a_step_of_each_score_and_of_the_strip(open_log, folder):
    log = open_log()
    for result in RECORD.generations:
        log.log_generation(result, strip_of(result.generation))
    log.close(True)
    found = scalars(folder)
    assert found["scores/fid"] == STEPS
    assert found["cost/seconds/score"] == [(1, 0.5), (2, 0.5), (3, 0.5)]
    assert images(folder) == {1: (30, 10), 2: (30, 20), 3: (30, 30)}


def test_the_floor_is_a_line_from_the_first_generation_to_the_last(open_log, folder):
    open_log().close(True)
    assert scalars(folder / "floor")["scores/fid"] == [(1, 0.5), (3, 0.5)]


def test_the_settings_are_there_as_text(open_log, folder):
    open_log().close(True)
    assert json.loads(text(folder))["cell_id"] == RECORD.cell_id


def test_losses_are_shown_by_the_images_trained(open_log, folder):
    log = open_log()
    log.log_losses({"generator": 0.5, "discriminator": 1.5}, 64)
    log.log_losses({"generator": 0.25, "discriminator": 1.25}, 128)
    log.close(True)
    assert scalars(folder / "losses") == {
        "losses/generator": [(64, 0.5), (128, 0.25)],
        "losses/discriminator": [(64, 1.5), (128, 1.25)],
    }


def test_points_have_no_strip(open_log, folder):
    log = open_log()
    log.log_generation(RECORD.generations[0], None)
    log.close(True)
    assert scalars(folder)["scores/fid"] == STEPS[:1]
    with pytest.raises(KeyError):
        images(folder)


def test_what_is_logged_is_there_without_being_closed_as_after_a_kill(open_log, folder):
    log = open_log()
    log.log_losses({"loss": 0.5}, 64)
    log.log_generation(RECORD.generations[0], None)
    assert scalars(folder)["scores/fid"] == STEPS[:1]
    assert scalars(folder / "losses") == {"losses/loss": [(64, 0.5)]}


def test_a_second_logger_of_a_cell_shows_nothing_twice(open_log, folder):
    killed = open_log()
    for images_trained in (64, 128, 192):
        killed.log_losses({"loss": images_trained / 64}, images_trained)
    for result in RECORD.generations[:2]:
        killed.log_generation(result, strip_of(result.generation))

    log = open_log()
    for result in RECORD.generations:
        log.log_generation(result, strip_of(result.generation))
    for images_trained in (128, 192, 256):  # from the last checkpoint on
        log.log_losses({"loss": images_trained / 64}, images_trained)
    log.close(True)
    assert scalars(folder)["scores/fid"] == STEPS
    assert list(images(folder)) == [1, 2, 3]
    assert scalars(folder / "losses")["losses/loss"] == [(64, 1), (128, 2), (192, 3), (256, 4)]
    assert scalars(folder / "floor")["scores/fid"] == [(1, 0.5), (3, 0.5)]
