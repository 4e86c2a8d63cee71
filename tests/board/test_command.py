"""The commands on the pages: those of the committed records give the very same cells."""

import shlex
from pathlib import Path

import pytest

from bench import paths
from bench.board.command import rescore_command, run_command, verify_command
from bench.board.method_files import find_method_files
from bench.board.results import find_results
from bench.cells.earlier_files import earlier_file
from bench.cells.record import Record
from bench.cli import main as cli
from bench.executors.grid import PlannedCell
from bench.executors.local import LocalExecutor
from bench.methods.file import load_method

from .made_up import make_record


def test_commands_of_the_committed_records_give_their_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    planned: list[PlannedCell] = []
    monkeypatch.setattr(LocalExecutor, "run", lambda _, cells: planned.extend(cells) or iter(()))
    files = find_method_files(paths.LEADERBOARD)
    # One seed of each method, pool and loop: no other seed has another command.
    records = [result.record for result in find_results(paths.LEADERBOARD / "results") if result.own_space]
    for record in (record for record in records if record.cell.seed == 0):
        method = record.cell.method
        cell = record.cell
        if earlier_file(method):  # the command runs the present file in its place
            present = load_method(method.name).identity.sha256
            cell = cell.model_copy(update={"method": method.model_copy(update={"sha256": present})})
            command = run_command(record, method.name)
        else:
            command = run_command(record, files[method.name, method.sha256].option)
        words = shlex.split(command)
        assert words[0] == "autophagy"
        assert cli.main([*words[1:], "--device", "cpu"]) == 0
        assert planned.pop().cell == cell, command
        assert planned == []


def test_the_command_names_every_choice() -> None:
    record = make_record(kind="fresh_data", seed=3, pool="last:2", sampling_bias=0.5)
    assert run_command(record, "none") == (
        "autophagy run --task digits --generator ddpm --loop fresh_data --method none --tier smoke --seeds 3 "
        "--pool last:2 --sampling-bias 0.5 --generations 3 --n-real 20 --n-synthetic 20 --n-initial 30 "
        "--protocol scratch"
    )


def test_the_fully_synthetic_loop_has_no_n_real() -> None:
    assert "--n-real" not in run_command(make_record(), "none")


def test_a_contaminated_loop_says_its_share() -> None:
    record = make_record(kind="synthetic_augmentation", n_real=20, n_synthetic=20, contamination=0.5)
    assert "--contamination 0.5" in run_command(record, "none")


def test_parameters_follow_the_method() -> None:
    record = make_record(method="mine", params={"keep": 0.25})
    assert "--method leaderboard/methods/mine.py:keep=0.25 --tier" in run_command(
        record, "leaderboard/methods/mine.py"
    )


def test_what_is_not_here_is_left_to_fill_in() -> None:
    record = make_record(method="mine", pinned=False)
    assert "--method PATH/mine.py --tier" in run_command(record, None)
    assert run_command(record, None).endswith("--data PATH")
    assert verify_command(record, None).endswith("--method PATH/mine.py --data PATH")


def quoted(record: Record) -> list[str]:
    commands = [run_command(record, "a b.py"), verify_command(record, "a b.py"), rescore_command(record, "$(x)")]
    return [word for command in commands for word in shlex.split(command)]


def test_words_are_quoted_for_a_shell() -> None:
    words = quoted(make_record())
    assert words.count("a b.py") == 2
    assert words.count("$(x)") == 1


def test_a_method_of_the_package_is_verified_without_its_file() -> None:
    record = make_record()
    assert verify_command(record, "none") == f"autophagy verify leaderboard/results/{record.cell.slug}.json"
    assert verify_command(record, "leaderboard/methods/none.py").endswith("--method leaderboard/methods/none.py")


def test_rescore_names_the_run_folder_of_the_cell() -> None:
    record = make_record(seed=5)
    words = shlex.split(rescore_command(record, "inception"))
    assert words == ["autophagy", "rescore", f"runs/cells/{record.cell.slug}", "--features", "inception"]
    assert Path(words[2]).name.startswith("digits-ddpm-fully_synthetic-none-smoke-seed5-")


def test_a_task_that_is_not_of_the_package_is_given_by_its_file():
    record = make_record()
    record = record.model_copy(update={"cell": record.cell.model_copy(update={"task": "pets"})})
    assert "--task PATH/pets.toml --generator" in run_command(record, "none")
    assert "--task mine/pets.toml --generator" in run_command(record, "none", task=Path("mine/pets.toml"))
