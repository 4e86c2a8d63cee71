import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.cli import main


@pytest.fixture
def fails(capsys):
    """Run the command line, and return its error: one line on stderr, nothing on stdout, exit status 2."""

    def run(*arguments: object) -> str:
        capsys.readouterr()
        assert main([str(argument) for argument in arguments]) == 2
        captured = capsys.readouterr()
        lines = [line for line in captured.err.splitlines() if not line.startswith("[")]
        assert captured.out == ""
        assert len(lines) == 1, captured.err
        assert lines[0].startswith("autophagy: error: ")
        return lines[0]

    return run


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("run --task nonsense", ["'nonsense'", "digits", "mnist"]),
        ("run --loop nonsense", ["nonsense", "fully_synthetic", "fresh_data"]),
        ("run --method nonsense", ["'nonsense'", "none", "accumulate_subsample"]),
        ("run --generator nonsense", ["nonsense", "ddpm"]),
        ("run --tier nonsense", ["nonsense", "smoke", "paper"]),
        ("run --pool last:0", ["pool", "last:0"]),
        ("run --protocol nonsense", ["protocol", "nonsense", "finetune"]),
        ("run --seeds one,2", ["--seeds", "one", "whole numbers"]),
        ("run --seeds -1", ["--seeds"]),
        ("run --seeds 1,1", ["--seeds", "different"]),
        ("run --sampling-bias high", ["--sampling-bias", "high", "(0, 1]"]),
        ("run --sampling-bias 0", ["--sampling-bias 0", "(0, 1]"]),
        ("run --sampling-bias 1.5", ["--sampling-bias 1.5", "(0, 1]"]),
        ("run --loop fresh_data --n-real 0", ["n_real is 0", "fresh_data"]),
        ("run --loop fully_synthetic --n-real 5", ["n_real is 5", "fully_synthetic"]),
        ("run --loop fresh_data --generations 20", ["digits", "1297", "lower generations to 5 or n_real to 41"]),
        ("run --loop fully_synthetic --n-initial 2000", ["2000", "1297"]),
        ("run --generations two", ["--generations", "two"]),
        ("run --device cuda:99", ["cuda:99", "cpu"]),
        ("run --data /does/not/exist", ["/does/not/exist"]),
        ("run --method accumulate_subsample", ["accumulate_subsample", "--pool accumulated"]),
        ("score a b --features nonsense", ["nonsense", "digits", "mnist"]),
        ("board --results /does/not/exist", ["/does/not/exist"]),
        ("data nonsense", ["'nonsense'", "digits"]),
        ("data digits --from /does/not/exist", ["/does/not/exist"]),
        ("list nonsense", ["nonsense", "tasks"]),
        ("", ["VERB"]),
        ("run --no-such-option", ["--no-such-option"]),
    ],
)
def test_bad_arguments_are_one_line_that_names_them_and_what_is_allowed(fails, arguments, words):
    error = fails(*arguments.split())
    assert [word for word in words if word not in error] == []


def test_missing_data_says_how_to_get_it(fails, tmp_path, monkeypatch):
    monkeypatch.setenv("AUTOPHAGY_DATA", str(tmp_path))
    error = fails("run", "--task", "mnist", "--runs", tmp_path / "runs")
    assert "autophagy data mnist" in error
    assert "--data DIR" in error


def test_an_unwritable_run_folder_is_named(fails, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    assert str(tmp_path / "file") in fails("run", "--runs", tmp_path / "file" / "runs")


def test_an_unwritable_site_folder_is_named(fails, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "runs" / "cells").mkdir(parents=True)
    assert str(tmp_path / "file") in fails(
        "board", "--results", tmp_path / "runs", "--out", tmp_path / "file" / "site"
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("import no_such_module", "ModuleNotFoundError"),
        ("def broken(:", "SyntaxError"),
        ("x = 1", "class derived from"),
    ],
)
def test_a_method_file_that_is_none_is_named(fails, tmp_path, content, words):
    path = tmp_path / "mine.py"
    path.write_text(content)
    error = fails("run", "--method", path)
    assert str(path) in error
    assert words in error


def test_a_key_that_a_task_file_does_not_have_is_named(fails, tiny_task):
    tiny_task.write_text(tiny_task.read_text().replace("batch_size = 64", "batch_sice = 64"))
    error = fails("run", "--task", tiny_task)
    assert str(tiny_task) in error
    assert "tiers.smoke" in error
    assert "batch_sice" in error


@pytest.mark.parametrize("damage", ["truncated", "edited"])
def test_a_damaged_record_is_named_and_nothing_is_lost(fails, run_tiny, tiny_task, tmp_path, damage):
    _, [outcome], _ = run_tiny("--loop", "fully_synthetic")
    record = Path(outcome["record"])
    original = record.read_text()
    if damage == "truncated":
        record.write_text(original[: len(original) // 2])
    else:
        fid = json.loads(original)["generations"][-1]["scores"]["fid"]
        record.write_text(original.replace(repr(fid), repr(fid / 2)))
    damaged = record.read_text()
    runs = tmp_path / "runs"
    run = ("run", "--task", tiny_task, "--loop", "fully_synthetic", "--runs", runs)
    for arguments in (run, ("board", "--results", runs, "--out", tmp_path / "site")):
        assert str(record) in fails(*arguments)
    assert record.read_text() == damaged
    record.unlink()
    assert run_tiny("--loop", "fully_synthetic")[0] == 0
    assert record.read_text() == original


def test_other_data_in_the_same_run_folder_is_refused(fails, run_tiny, tiny_task, tmp_path):
    run_tiny("--loop", "fully_synthetic")
    tiny_task.write_text(tiny_task.read_text().replace("sampling_steps = 3", "sampling_steps = 4"))
    error = fails("run", "--task", tiny_task, "--loop", "fully_synthetic", "--runs", tmp_path / "runs")
    assert "task_sha256" in error
    assert "--runs" in error


def test_dry_run_prints_cells_and_budgets_and_runs_nothing(run_tiny, tmp_path):
    status, cells, _ = run_tiny("--dry-run", "--sampling-bias", "1,0.5")
    assert status == 0
    assert len(cells) == 6
    assert sum(cell["images_trained"] for cell in cells) == 512 * (6 * 3 - 5)  # G^1 once
    assert [cell["network_evaluations"] for cell in cells] == [630] * 3 + [1260] * 3
    assert all(cell["seconds"] > 0 for cell in cells)
    assert not (tmp_path / "runs").exists()


def test_run_prints_a_table_of_the_cells(tiny_task, tmp_path, capsys):
    assert main(["run", "--task", str(tiny_task), "--loop", "fully_synthetic", "--runs", str(tmp_path / "runs")]) == 0
    captured = capsys.readouterr()
    assert "digits-ddpm-fully_synthetic-none-smoke-seed0" in captured.out
    assert "precision" in captured.out
    assert "generation 3/3 fit" in captured.err
    assert "img/s" in captured.err


def test_board_makes_a_page_of_a_runs_folder(run_tiny, tmp_path, capsys):
    run_tiny()
    assert main(["board", "--results", str(tmp_path / "runs"), "--out", str(tmp_path / "site")]) == 0
    assert "3 cells" in capsys.readouterr().out
    assert len(list((tmp_path / "site" / "strips").glob("*.png"))) == 3


@pytest.mark.parametrize("what", ["tasks", "methods", "generators", "loops", "features"])
def test_list_names_what_there_is(capsys, what):
    assert main(["list", what, "--json"]) == 0
    [(key, content)] = json.loads(capsys.readouterr().out).items()
    assert key == what
    assert content
    assert all(content.values())


def test_score_of_real_images_against_themselves_is_perfect(tmp_path, capsys):
    from sklearn.datasets import load_digits

    for i, digit in enumerate(load_digits().images[:40]):
        (tmp_path / "real").mkdir(exist_ok=True)
        Image.fromarray(np.rint(digit * (255 / 16)).astype(np.uint8)).save(tmp_path / "real" / f"{i:03d}.png")
    assert main(["score", str(tmp_path / "real"), str(tmp_path / "real"), "--features", "digits", "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["fid"] == pytest.approx(0, abs=1e-6)
    assert (scores["precision"], scores["recall"]) == (1, 1)
    assert (scores["n_real"], scores["n_fake"], scores["k"]) == (40, 40, 5)


def test_score_refuses_fewer_images_than_neighbours(fails, tmp_path):
    np.save(tmp_path / "few.npy", np.zeros((5, 1, 8, 8), np.uint8))
    error = fails("score", tmp_path / "few.npy", tmp_path / "few.npy", "--features", "digits")
    assert "5 images" in error
    assert "6" in error


def test_score_refuses_images_that_the_feature_space_is_not_for(fails, tmp_path):
    np.save(tmp_path / "large.npy", np.zeros((50, 3, 32, 32), np.uint8))
    error = fails("score", tmp_path / "large.npy", tmp_path / "large.npy", "--features", "digits")
    assert "(3, 32, 32)" in error


def test_data_checks_the_digits_against_their_hashes(capsys):
    assert main(["data", "digits", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["pinned"] is True
    assert (content["training"]["n"], content["reference"]["n"]) == (1297, 500)


def test_help_and_list_need_no_torch():
    program = "import sys; from bench.cli import main; main(['list', 'tasks']); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True).returncode == 0
