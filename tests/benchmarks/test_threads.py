"""How `benchmarks/threads.py` counts steps, and what it tells the processes that it starts."""

import io
import sys

import pytest
import threads


def test_steps_are_counted_from_when_it_is_asked_until_the_seconds_are_over(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    now = [0.0]
    monkeypatch.setattr(threads.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(sys, "stdin", io.StringIO("1\n"))
    stopwatch = threads.Stopwatch()
    for _ in range(threads.WARM_STEPS):
        assert capsys.readouterr().out == ""
        now[0] += 10.0
        stopwatch.due()
    assert capsys.readouterr().out == "warm\n"
    for _ in range(3):
        assert capsys.readouterr().out == ""
        now[0] += 0.4
        if now[0] - 10 * threads.WARM_STEPS < 1:
            stopwatch.due()
    with pytest.raises(SystemExit):  # nobody asks any more
        stopwatch.due()
    assert float(capsys.readouterr().out) == pytest.approx(0.4)


def test_what_the_user_has_set_of_waiting_does_not_reach_the_processes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    found = threads.environment(1000, 2)
    assert "OMP_WAIT_POLICY" not in found
    assert (found["GOMP_SPINCOUNT"], found["OMP_NUM_THREADS"]) == ("1000", "2")
