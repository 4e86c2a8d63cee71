"""What cells will take: `run --dry-run`, and the question before hours on a CPU."""

import io
import json
import sys

import pytest

from bench.cli.main import main

STANDARD = ["run", "--task", "mnist", "--tier", "standard", "--loop", "fully_synthetic", "--device", "cpu"]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch):
    """Sit at a terminal, and answer with these words."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def answer(words: str) -> None:
        monkeypatch.setattr(sys, "stdin", Terminal(words))
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)

    return answer


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What is run instead of cells: nothing, in as many as would be."""
    numbers: list[int] = []

    class Runs:
        def run(self, cells):
            numbers.append(len(cells))
            return iter(())

    monkeypatch.setattr("bench.executors.choose.choose_executor", lambda *_: Runs())
    return numbers


def test_hours_on_a_cpu_are_refused_where_nobody_can_be_asked(tmp_path, capsys, monkeypatch, ran):
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert main([*STANDARD, "--runs", str(tmp_path / "runs")]) == 2
    said = capsys.readouterr().err
    assert "tier standard is for a GPU: about " in said
    assert "--yes begins all the same" in said
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "runs").exists()
    assert ran == []


@pytest.mark.parametrize(("words", "status", "runs"), [("y\n", 0, [1]), ("\n", 2, []), ("", 2, []), ("no\n", 2, [])])
def test_at_a_terminal_somebody_is_asked(tmp_path, capsys, asked, ran, words, status, runs):
    asked(words)
    assert main([*STANDARD, "--runs", str(tmp_path / "runs")]) == status
    assert "Begin? [y/N]" in capsys.readouterr().err
    assert ran == runs


def test_yes_begins_and_says_what_it_will_take(tmp_path, capsys, ran):
    assert main([*STANDARD, "--yes", "--runs", str(tmp_path / "runs")]) == 0
    assert "tier standard is for a GPU: about " in capsys.readouterr().err
    assert ran == [1]


def test_what_takes_less_than_an_hour_begins_with_a_word(tmp_path, capsys, ran):
    words = ["run", "--task", "gaussian", "--generator", "gaussian", "--tier", "standard", "--loop", "fully_synthetic"]
    assert main([*words, "--runs", str(tmp_path / "runs")]) == 0
    assert "tier standard is for a GPU" in capsys.readouterr().err
    assert ran == [1]


def test_a_tier_for_a_cpu_begins_without_a_word(tmp_path, capsys, ran):
    assert main(["run", "--loop", "fully_synthetic", "--runs", str(tmp_path / "runs")]) == 0
    assert capsys.readouterr().err == ""
    assert ran == [1]


def test_a_plan_times_no_network_unless_it_is_to_measure(capsys, monkeypatch):
    timed: list[str] = []

    def measure(loaded, *_):
        timed.append(loaded.identity.name)
        return estimate._Speed(2.0, 3.0)

    from bench.executors import estimate

    monkeypatch.setattr(estimate, "_measure", measure)
    plan = ["run", "--loop", "fully_synthetic", "--dry-run", "--json", "--device", "cpu"]
    assert main(plan) == 0
    [computed] = json.loads(capsys.readouterr().out)
    assert (computed["measured"], timed) == (False, [])
    assert main([*plan, "--measure"]) == 0
    [measured] = json.loads(capsys.readouterr().out)
    assert (measured["measured"], timed) == (True, ["ddpm"])
    assert measured["seconds"] == 2 * measured["images_trained"] + 3 * measured["network_evaluations"] / 15
    assert {**measured, "seconds": 0, "measured": False} == {**computed, "seconds": 0}


def test_measure_without_a_plan_is_refused(capsys):
    assert main(["run", "--measure"]) == 2
    assert "--measure: goes with --dry-run" in capsys.readouterr().err
