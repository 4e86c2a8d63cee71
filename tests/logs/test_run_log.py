"""The log of a cell: what goes into it, and that it never ends the cell."""

from importlib import metadata

import pytest
from board.made_up import make_record, make_scores
from builders import QUIET

from bench.errors import BadInput
from bench.logs import run_log
from bench.logs.run_log import RunLog, check_loggers
from bench.logs.values import floor_of, settings_of, values_of
from bench.process.progress import Progress

RECORD = make_record()
RESULT = RECORD.generations[1]


class Kept:
    """A logger that keeps what it is given, and fails at the calls that it is told to."""

    def __init__(self, *failing: str) -> None:
        self.failing = failing
        self.calls = []

    def _call(self, name, *arguments):
        self.calls.append((name, *arguments))
        if name in self.failing:
            raise OSError(28, "No space left on device")

    def log_generation(self, result, strip):
        self._call("generation", result.generation, strip)

    def log_losses(self, losses, images_trained):
        self._call("losses", losses, images_trained)

    def close(self, finished):
        self._call("close", finished)


def test_every_logger_gets_generations_losses_and_the_end():
    loggers = Kept(), Kept()
    with RunLog({"a": lambda: loggers[0], "b": lambda: loggers[1]}, QUIET) as log:
        log.losses({"loss": 0.5}, 128)
        log.generation(RESULT, b"png")
    expected = [("losses", {"loss": 0.5}, 128), ("generation", 2, b"png"), ("close", True)]
    assert [logger.calls for logger in loggers] == [expected, expected]


def test_loggers_are_closed_as_unfinished_where_the_cell_fails():
    logger = Kept()
    with pytest.raises(KeyboardInterrupt), RunLog({"a": lambda: logger}, QUIET):
        raise KeyboardInterrupt
    assert logger.calls == [("close", False)]


@pytest.mark.parametrize("failing", ["generation", "losses", "close"])
def test_a_logger_that_fails_is_left_out_with_one_note_and_the_others_go_on(failing, capsys):
    broken, sound = Kept(failing), Kept()
    with RunLog({"broken": lambda: broken, "sound": lambda: sound}, Progress("cell")) as log:
        for t in (1, 2):
            log.losses({"loss": 0.5}, t)
            log.generation(RESULT, None)
    assert len(sound.calls) == 5
    assert [call[0] for call in broken.calls].count(failing) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line == (
        "cell logging to broken stops here, the run does not (OSError: [Errno 28] No space left on device)"
    )


def test_a_logger_that_cannot_be_opened_is_left_out_with_one_note(capsys):
    def fails():
        raise RuntimeError("no such server\nmore about it")

    with RunLog({"broken": fails}, Progress()) as log:
        assert not log
        log.generation(RESULT, None)
    assert capsys.readouterr().err == "logging to broken stops here, the run does not (RuntimeError: no such server)\n"


def test_the_values_of_a_generation_are_its_scores_and_its_cost_and_none_is_left_out():
    result = RESULT.model_copy(update={"scores": make_scores(2.25, None)})
    values = values_of(result)
    assert values["scores/fid"] == 2.25
    assert values["scores/recall"] == 0.625
    assert values["cost/images_trained"] == 1000
    assert values["cost/seconds/fit"] == 2.0
    assert "scores/label_agreement" not in values
    assert len(values) == 10 + 5 + 3


def test_the_floor_has_the_names_of_the_scores():
    assert floor_of(RECORD.score)["scores/precision"] == 0.9375
    assert set(floor_of(RECORD.score)) == {name for name in values_of(RESULT) if name.startswith("scores/")}


def test_the_settings_are_the_cell_and_the_conditions_of_the_score_and_nothing_of_the_machine():
    settings = settings_of(RECORD.cell, RECORD.score)
    assert set(settings) == {"cell_id", "cell", "score"}
    assert settings["cell"] == RECORD.cell.model_dump(mode="json")
    assert settings["score"]["n"] == 500
    assert "floor" not in settings["score"]


def test_a_logger_that_does_not_exist_is_refused():
    with pytest.raises(BadInput, match=r"^--log mlflow: choose one of tensorboard, wandb$"):
        check_loggers(["tensorboard", "mlflow"])


@pytest.mark.parametrize("name", run_log.LOGGERS)
def test_a_logger_whose_package_is_missing_is_refused_with_the_line_that_installs_it(name, monkeypatch):
    def missing(package):
        raise metadata.PackageNotFoundError(package)

    monkeypatch.setattr(run_log, "distribution", missing)
    with pytest.raises(BadInput) as caught:
        check_loggers([name])
    assert str(caught.value) == f"--log {name} needs {name}: pip install 'autophagy-bench[{name}]'"
