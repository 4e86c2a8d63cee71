"""Handing cells to workers: what happens when these die, fail, or find somebody else at work."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from board.made_up import make_record

from bench import paths
from bench.cells.choices import Choices
from bench.errors import BadInput, StorageFailed
from bench.executors import workers as module
from bench.executors.cell_runner import Outcome
from bench.executors.grid import PlannedCell, plan_cells
from bench.executors.workers import MOST_DEATHS, Death, Order, Report, apart, run_on
from bench.files.sealed import read_sealed
from bench.process.progress import Progress

CHOICES = Choices(
    tasks=["gaussian"], generators=["gaussian"], loops=["fully_synthetic", "fresh_data"], methods=["none"],
    sampling_biases=[1.0], seeds=[0, 1], tier="smoke", pool="previous", protocol="scratch",
)  # fmt: skip
DONE = Report(record=make_record())
Said = Report | Death


class Script:
    """Workers that say what a script has for each cell, in its order; no more than `room` at a time."""

    def __init__(self, script: Callable[[Order, int], Said], room: int = 2) -> None:
        self.script = script
        self.room = room
        self.started: list[str] = []
        self.most = 0
        self.stopped = False
        self._running: list[Order] = []

    def start(self, order: Order) -> bool:
        if len(self._running) == self.room:
            return False
        self._running.append(order)
        self.most = max(self.most, len(self._running))
        self.started.append(order.cell.id)
        return True

    def wait(self, seconds: float) -> list[tuple[Order, Said]]:
        if not self._running:
            return []
        order = self._running.pop(0)
        return [(order, self.script(order, self.started.count(order.cell.id)))]

    def stop(self) -> None:
        self.stopped = True


@pytest.fixture
def cells(tmp_path: Path) -> list[PlannedCell]:
    planned = plan_cells(CHOICES)
    for cell in planned:
        (tmp_path / "cells" / cell.cell.slug).mkdir(parents=True)
    return planned


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BUSY_SECONDS", 0.0)


def run(script: Script, cells: list[PlannedCell], runs: Path) -> dict[str, Outcome]:
    outcomes = list(run_on(script, cells, runs, Progress()))
    assert script.stopped
    assert len(outcomes) == len(cells)
    return {outcome.planned.cell.id: outcome for outcome in outcomes}


def test_every_cell_is_run_once_and_no_more_at_a_time_than_there_is_room(tmp_path: Path, cells: list[PlannedCell]):
    script = Script(lambda order, n: DONE)
    outcomes = run(script, cells, tmp_path)
    assert sorted(script.started) == sorted(planned.cell.id for planned in cells)
    assert script.most == 2
    assert all(outcome.record is not None for outcome in outcomes.values())


def test_a_failed_cell_does_not_keep_the_others_from_running(tmp_path: Path, cells: list[PlannedCell]):
    bad = cells[0].cell.id
    outcomes = run(
        Script(lambda order, n: Report(error="the loss is nan") if order.cell.id == bad else DONE), cells, tmp_path
    )
    assert [id_ for id_, outcome in outcomes.items() if outcome.error] == [bad]
    assert outcomes[bad].error == "the loss is nan"


def test_a_cell_whose_process_died_is_started_again(
    tmp_path: Path, cells: list[PlannedCell], capsys: pytest.CaptureFixture[str]
):
    script = Script(lambda order, n: Death("its process was ended by SIGKILL") if n == 1 else DONE)
    outcomes = run(script, cells, tmp_path)
    assert all(outcome.record is not None for outcome in outcomes.values())
    assert len(script.started) == 2 * len(cells)
    assert f"{cells[0].cell.slug}: its process was ended by SIGKILL: it is started again" in capsys.readouterr().err


def test_a_cell_that_dies_again_and_again_at_one_step_has_failed(tmp_path: Path, cells: list[PlannedCell]):
    bad = cells[1].cell
    script = Script(lambda order, n: Death("ended by SIGKILL") if order.cell.id == bad.id else DONE)
    outcomes = run(script, cells, tmp_path)
    assert script.started.count(bad.id) == MOST_DEATHS
    assert outcomes[bad.id].error == f"ended by SIGKILL, {MOST_DEATHS} times at the same step"
    assert read_sealed(tmp_path / "cells" / bad.slug / "failure.json")["error"] == outcomes[bad.id].error


def test_a_cell_that_comes_further_before_each_death_goes_on(tmp_path: Path, cells: list[PlannedCell]):
    lucky = cells[1].cell

    def script(order: Order, n: int) -> Said:
        if order.cell.id != lucky.id or n > 3 * MOST_DEATHS:
            return DONE
        folder = tmp_path / "cells" / lucky.slug / f"generation-{n:03d}"
        folder.mkdir()
        (folder / "generation.json").write_text("{}")
        return Death("ended by SIGKILL")

    assert run(Script(script), cells, tmp_path)[lucky.id].record is not None


def test_lost_machines_are_never_blamed_on_a_cell(tmp_path: Path, cells: list[PlannedCell]):
    script = Script(lambda order, n: Death("its machine is lost", of_machine=True) if n <= 10 else DONE)
    assert all(outcome.record is not None for outcome in run(script, cells, tmp_path).values())


def test_a_cell_that_somebody_else_runs_comes_later(tmp_path: Path, cells: list[PlannedCell]):
    busy = cells[0].cell.id
    script = Script(lambda order, n: Report(busy=True) if order.cell.id == busy and n < 4 else DONE, room=1)
    assert run(script, cells, tmp_path)[busy].record is not None
    assert script.started.count(busy) == 4
    assert script.started[-1] == busy


def test_where_nothing_can_be_written_all_stops(tmp_path: Path, cells: list[PlannedCell]):
    script = Script(lambda order, n: Report(storage="RUNS: No space left on device"))
    with pytest.raises(StorageFailed, match="No space left"):
        list(run_on(script, cells, tmp_path, Progress()))
    assert script.stopped


def test_what_was_found_finished_is_said_to_be(tmp_path: Path, cells: list[PlannedCell]):
    outcomes = run(Script(lambda order, n: replace(DONE, was_finished=True)), cells, tmp_path)
    assert all(outcome.was_finished for outcome in outcomes.values())


def test_cells_that_share_generation_1_are_not_started_together(cells: list[PlannedCell]):
    seeds = [planned.cell.seed for planned in cells]
    assert seeds == [0, 0, 1, 1]
    assert [planned.cell.seed for planned in apart(cells)] == [0, 1, 0, 1]


def test_an_order_gives_the_cell_that_it_was_made_of(cells: list[PlannedCell]):
    for planned in cells:
        again = Order.of(planned).planned()
        assert again.cell == planned.cell
        assert again.task.sha256 == planned.task.sha256
        assert again.method.identity == planned.method.identity


def test_an_order_of_files_gives_them_with_their_parameters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text((paths.BASELINES / "entropy_selection.py").read_text())
    (tmp_path / "own.toml").write_text((paths.TASKS / "gaussian.toml").read_text())
    choices = replace(CHOICES, tasks=["own.toml"], methods=["mine.py:keep=0.25"])
    for planned in plan_cells(choices):
        order = Order.of(planned)
        monkeypatch.chdir("/")
        assert order.planned().method.identity.params["keep"] == 0.25
        monkeypatch.chdir(tmp_path)


def test_a_file_that_is_another_one_there_is_refused(tmp_path: Path):
    method = tmp_path / "mine.py"
    method.write_text((paths.BASELINES / "none.py").read_text())
    [planned, *_] = plan_cells(replace(CHOICES, methods=[str(method)]))
    order = Order.of(planned)
    method.write_text(method.read_text() + "\n# changed\n")
    with pytest.raises(BadInput, match=r"mine\.py: on .* its sha256 is .* all machines need the same files"):
        order.planned()
