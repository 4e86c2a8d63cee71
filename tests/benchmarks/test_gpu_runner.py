"""The minutes of a GPU day, with a clock and processes that are made up."""

import os
import re
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from gpu_day.parts import STAGES, jobs
from gpu_day.report import Device, Folder, Part
from gpu_day.runner import GO_ON_STATUS, GRACE_SECONDS, RESERVE_SECONDS, Job, Runner, lanes_of

from bench.process.interruption import GRACE_SECONDS as GRACE
from bench.process.interruption import Interrupted, stoppable

DEVICE = Device(
    name="made up", kind="cuda", rehearsal=False, memory_bytes=2**34, torch="2.11", python="3.12", cores=4,
    date="2026-01-31",
)  # fmt: skip
DONE = Part(found={"value": 1}, whole=True)


class Clock:
    """Seconds that pass only in sleep."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class FakeWorker:
    """Takes `seconds` for each part; what a part does at its end is in `fates`."""

    def __init__(self, day: "MadeUpDay", job: Job, parts: Sequence[str]) -> None:
        self._day, self._job, self._left = day, job, list(parts)
        self._at = day.clock()
        self._status: int | None = None
        self.signals: list[int] = []
        self._mark()

    def _mark(self) -> None:
        mark = self._day.folder.running(self._job.name)
        mark.write_text(self._left[0]) if self._left else mark.unlink(missing_ok=True)

    def poll(self) -> int | None:
        while self._status is None and self._left:
            part = self._left[0]
            took = self._day.seconds.get(part, 1.0)
            if self._day.clock() - self._at < took:
                return None
            self._at += took
            self._status = self._day.fates.get(part, self._done)(part)
            if self._status is None:
                self._left.pop(0)
                self._mark()
        return 0 if self._status is None else self._status

    def _done(self, part: str) -> int | None:
        self._day.folder.keep(part, DONE)
        return None

    def end(self, number: int) -> None:
        self.signals.append(number)
        if self._status is None and self._left and (number == signal.SIGKILL or not self._day.deaf):
            self._status = -number

    def last_words(self) -> str:
        return "Segmentation fault"


@dataclass
class MadeUpDay:
    folder: Folder
    clock: Clock = field(default_factory=Clock)
    seconds: dict[str, float] = field(default_factory=dict)
    fates: dict[str, Callable[[str], int | None]] = field(default_factory=dict)
    started: list[tuple[float, str, tuple[str, ...], float]] = field(default_factory=list)
    workers: list[FakeWorker] = field(default_factory=list)
    deaf: bool = False
    lanes: int = 1

    def start(self, job: Job, parts: Sequence[str], seconds: float) -> FakeWorker:
        self.started.append((self.clock() - 1000, job.name, tuple(parts), seconds))
        self.workers.append(FakeWorker(self, job, parts))
        return self.workers[-1]

    def run(self, minutes: float, *jobs: Job) -> Runner:
        runner = Runner(
            self.folder, self.start, minutes, lanes=self.lanes, clock=self.clock, sleep=self.clock.sleep, visible=False
        )
        runner.run(jobs)
        return runner

    @property
    def names(self) -> list[str]:
        return [name for _, name, _, _ in self.started]


@pytest.fixture
def day(tmp_path: Path) -> MadeUpDay:
    folder = Folder(tmp_path / "out")
    folder.make()
    folder.check_device(DEVICE)
    return MadeUpDay(folder)


def job(name: str, *parts: str, least: float = 1, most: float = 100, **changes: bool) -> Job:
    return Job(name, tuple(f"{name}.{part}" for part in parts or ("x",)), least, most, **changes)


def test_jobs_run_one_after_the_other_in_their_order(day: MadeUpDay):
    day.run(5, job("a.1", "x", "y"), job("b.1"), job("c.1"))
    assert day.names == ["a.1", "b.1", "c.1"]
    assert set(day.folder.report().parts) == {"a.1.x", "a.1.y", "b.1.x", "c.1.x"}


def test_what_is_there_is_skipped_and_what_failed_or_was_cut_is_run_again(day: MadeUpDay):
    day.folder.keep("a.1.x", DONE)
    day.folder.keep("a.1.y", Part(failed="no memory"))
    day.folder.keep("a.1.z", Part(found={"value": 0.5}))
    day.folder.keep("b.1.x", DONE)
    day.run(5, job("a.1", "x", "y", "z"), job("b.1"))
    assert [parts for _, _, parts, _ in day.started] == [("a.1.y", "a.1.z")]
    assert day.folder.is_done("a.1.y")
    assert day.folder.is_done("a.1.z")


def test_a_job_that_needs_more_than_is_left_is_named_and_a_shorter_one_after_it_runs(day: MadeUpDay):
    runner = day.run(1, job("a.1", least=55), job("b.1", least=40))
    assert day.names == ["b.1"]
    assert runner.not_run == {"a.1.x": "50 s were left, and it needs about 55 s"}


def test_a_worker_is_told_what_it_may_take_and_never_more_than_is_left(day: MadeUpDay):
    day.seconds = {"a.1.x": 20}
    day.run(1, job("a.1", most=30), job("b.1", most=300))
    (_, _, _, first), (at, _, _, second) = day.started
    assert first == 30
    assert second == pytest.approx(60 - RESERVE_SECONDS - at)


def test_what_was_spent_before_counts(day: MadeUpDay):
    runner = Runner(day.folder, day.start, 1, spent=30, clock=day.clock, sleep=day.clock.sleep, visible=False)
    runner.run([job("a.1", least=25)])
    assert runner.not_run == {"a.1.x": "20 s were left, and it needs about 25 s"}


def test_a_bar_shows_the_minutes_that_are_left_and_what_runs(day: MadeUpDay, capsys: pytest.CaptureFixture[str]):
    day.seconds = {"a.1.x": 60}
    Runner(day.folder, day.start, 5, clock=day.clock, sleep=day.clock.sleep).run([job("a.1")])
    shown = re.findall(r"([0-9.]+) of 5 minutes left: (\S+)", capsys.readouterr().err)
    assert shown[-1] == ("4.0", "done")
    assert "a.1" in {name for _, name in shown}


def test_a_part_that_hangs_is_ended_and_costs_nothing_but_itself(day: MadeUpDay):
    day.seconds = {"a.1.y": 1e9}
    day.run(5, job("a.1", "x", "y", "z", most=20), job("b.1"))
    parts = day.folder.report().parts
    assert parts["a.1.y"].failed == "took longer than its 20 s"
    assert [parts[name].whole for name in ("a.1.x", "a.1.z", "b.1.x")] == [True] * 3
    assert [each for _, _, each, _ in day.started] == [("a.1.x", "a.1.y", "a.1.z"), ("a.1.z",), ("b.1.x",)]


def test_a_worker_that_does_not_listen_is_killed_after_its_grace(day: MadeUpDay):
    day.seconds, day.deaf = {"a.1.x": 1e9}, True
    day.run(5, job("a.1", most=20))
    assert day.workers[0].signals[:2] == [signal.SIGTERM, signal.SIGKILL]
    assert 20 + GRACE_SECONDS <= day.clock() - 1000 < 20 + GRACE_SECONDS + 2


def test_what_runs_when_the_minutes_are_over_is_no_failure(day: MadeUpDay):
    day.seconds = {"f.1.y": 1e9}
    runner = day.run(1, job("f.1", "x", "y", most=3600))
    assert day.clock() - 1000 <= 60
    assert "f.1.y" not in day.folder.report().parts
    assert runner.not_run == {"f.1.y": "cut when the minutes were over"}


def crashed(part: str) -> int:
    return -signal.SIGSEGV


def test_a_crash_is_told_and_the_parts_after_it_run_in_a_new_worker(day: MadeUpDay):
    day.fates = {"a.1.y": crashed}
    day.run(5, job("a.1", "x", "y", "z"))
    parts = day.folder.report().parts
    assert parts["a.1.y"].failed == "its process ended (killed by SIGSEGV): Segmentation fault"
    assert parts["a.1.z"].whole
    assert len(day.started) == 2


def test_what_a_part_had_found_before_it_crashed_is_kept(day: MadeUpDay):
    def found_and_crashed(part: str) -> int:
        day.folder.keep(part, Part(found={"value": 3}))
        return 1

    day.fates = {"a.1.x": found_and_crashed}
    day.run(5, job("a.1"))
    assert day.folder.part("a.1.x").found == {"value": 3}
    assert day.folder.part("a.1.x").failed == "its process ended (exit status 1): Segmentation fault"


def test_a_worker_that_never_begins_is_not_started_for_each_of_its_parts(day: MadeUpDay):
    def never(part: str) -> int:
        day.folder.running("a.1").unlink()
        return 1

    day.fates = {"a.1.x": never}
    day.run(5, job("a.1", "x", "y", "z"))
    assert len(day.started) == 1
    assert all(day.folder.part(f"a.1.{name}").failed for name in "xyz")


def test_a_worker_whose_context_is_lost_is_followed_by_a_new_one(day: MadeUpDay):
    def poisoned(part: str) -> int:
        day.folder.keep(part, Part(failed="CUDA error: an illegal memory access was encountered"))
        day.folder.running("a.1").unlink()
        return GO_ON_STATUS

    day.fates = {"a.1.x": poisoned}
    day.run(5, job("a.1", "x", "y"))
    assert day.folder.part("a.1.x").failed.startswith("CUDA error")
    assert day.folder.is_done("a.1.y")


def test_jobs_that_may_run_side_by_side_where_there_are_cores_and_alone_before_a_timing(day: MadeUpDay):
    day.lanes, day.seconds = 2, {"a.1.x": 10, "a.2.x": 20, "a.3.x": 5, "b.1.x": 1}
    beside = {"together": True}
    day.run(5, job("a.1", **beside), job("a.2", **beside), job("a.3", **beside), job("b.1"))
    at = {name: seconds for seconds, name, _, _ in day.started}
    assert at["a.1"] == at["a.2"] == 0
    assert 10 <= at["a.3"] < 11
    assert at["b.1"] >= 20


def test_a_signal_ends_the_workers_and_what_they_found_is_in_the_report(day: MadeUpDay):
    def asked(part: str) -> None:
        day.folder.keep(part, DONE)
        os.kill(os.getpid(), signal.SIGTERM)

    day.fates, day.seconds = {"a.1.x": asked}, {"a.1.y": 1e9}
    with pytest.raises(Interrupted), stoppable():
        day.run(5, job("a.1", "x", "y"), job("b.1"))
    assert day.workers[0].signals[0] == signal.SIGTERM
    assert day.names == ["a.1"]
    assert '"a.1.x"' in (day.folder.path / "report.json").read_text()


def test_workers_that_save_have_their_grace_after_a_signal(day: MadeUpDay, monkeypatch: pytest.MonkeyPatch):
    """The alarm that ends what does not hear a signal must not end what waits for the workers."""
    timers: list[float] = []
    monkeypatch.setattr(signal, "setitimer", lambda which, seconds: timers.append(seconds))

    def asked(part: str) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    day.fates, day.seconds, day.deaf = {"a.1.x": asked}, {"a.1.y": 1e9}, True
    with pytest.raises(Interrupted), stoppable():
        day.run(5, job("a.1", "x", "y"))
    assert timers[:2] == [GRACE, 0]
    assert day.workers[0].signals == [signal.SIGTERM, signal.SIGKILL]
    assert day.clock() - 1001 >= GRACE_SECONDS


@pytest.mark.parametrize("stage", STAGES)
def test_a_cut_in_any_stage_costs_its_own_part_and_the_next_day_goes_on(day: MadeUpDay, stage: str):
    planned = jobs([stage])
    first = planned[0]
    cut = first.parts[-1]
    day.seconds = {cut: 1e9}
    day.run(1.5, first)
    assert not day.folder.is_done(cut)
    before = {part: day.folder.part(part) for part in first.parts[:-1]}
    day.seconds = {}
    started = len(day.started)
    day.run(60, *planned)
    assert day.started[started][2] == (cut,)
    assert {part: day.folder.part(part) for part in first.parts[:-1]} == before
    assert all(day.folder.is_done(part) for job in planned for part in job.parts)


@pytest.mark.parametrize(("cores", "gibibytes", "lanes"), [(16, 139, 8), (64, 80, 6), (16, 16, 1), (1, 80, 1)])
def test_so_many_run_together_as_cores_and_memory_allow(cores: int, gibibytes: int, lanes: int):
    assert lanes_of(cores, gibibytes * 2**30) == lanes
