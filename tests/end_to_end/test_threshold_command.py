"""`autophagy threshold` from the command line to the picture."""

import json
from pathlib import Path

import pytest
from forked import CONTEXT

from bench.cli.main import main
from bench.executors import processes


@pytest.fixture
def threshold(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Run the command and return the exit status, stdout and stderr."""

    def run(*arguments: str):
        capsys.readouterr()
        where = ["--device", "cpu", "--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "out")]
        status = main(["threshold", *arguments, *where])
        return status, *capsys.readouterr()

    return run


SMALL = ("--n-real", "20", "--n-synthetic", "20,40", "--seeds", "0,1", "--generations", "3", "--last", "2")


def test_a_sweep_prints_a_table_writes_json_and_picture_and_is_not_run_twice(threshold, tmp_path):
    status, table, log = threshold(*SMALL)
    assert status == 0
    assert "n_e / n_r" in table
    assert "n_real 20, sampling bias 1: " in table
    assert log.count("is finished") == 0
    n_cells = len(list((tmp_path / "runs" / "cells").iterdir()))
    assert n_cells == (9 + 2) * 2
    written = (tmp_path / "out" / "threshold.json").read_text()
    assert (tmp_path / "out" / "threshold.svg").read_text().startswith("<svg")

    status, printed, log = threshold(*SMALL, "--json")
    assert status == 0
    assert log.count("is finished") == n_cells
    assert json.loads(printed) == json.loads(written)
    # What a floor says of memorisation belongs to the real images of one cell, and is not that of the sweep.
    floor = json.loads(printed)["score"]["floor"]
    assert (floor["authpct"], floor["training_distance_ratio"]) == (None, None)


def test_records_are_kept_apart_and_read_from_there(threshold, tmp_path):
    results = tmp_path / "results"
    _, first, _ = threshold(*SMALL, "--json", "--results", str(results))
    kept = sorted(results.glob("*.json"))
    assert len(kept) == (9 + 2) * 2
    (tmp_path / "runs").rename(tmp_path / "elsewhere")
    kept[0].unlink()
    status, again, _ = threshold(*SMALL, "--json", "--results", str(results))
    assert status == 0
    assert [path.name for path in (tmp_path / "runs" / "cells").iterdir()] == [kept[0].stem]
    assert sorted(results.glob("*.json")) == kept
    assert json.loads(again) == json.loads(first)


@pytest.mark.slow  # real workers
def test_workers_find_what_one_process_finds(threshold, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "get_context", lambda _: CONTEXT)
    _, alone, _ = threshold(*SMALL, "--json", "--threads", "1")
    (tmp_path / "runs").rename(tmp_path / "alone")
    status, together, log = threshold(*SMALL, "--json", "--workers", "2")
    assert status == 0
    assert json.loads(together) == json.loads(alone)
    assert "22 of 22 cells done, 0 running" in log


def test_synthetic_data_are_admissible_without_bias_and_up_to_a_threshold_with_it(threshold):
    _, printed, _ = threshold(
        "--n-real", "100", "--n-synthetic", "100,1600", "--sampling-bias", "1,0.5", "--seeds", "0",
        "--generations", "12", "--last", "4", "--json",
    )  # fmt: skip
    content = json.loads(printed)
    ratios = {(p["sampling_bias"], p["n_synthetic"]): p["ratio"] for p in content["points"]}
    assert min(ratios[1.0, 100], ratios[1.0, 1600], ratios[0.5, 100]) > 1.2
    assert ratios[0.5, 1600] < 0.8
    assert {t["sampling_bias"]: t["largest_admissible"] for t in content["thresholds"]} == {1.0: 1600, 0.5: 100}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--n-real 20", ["--n-synthetic"]),
        ("--n-real some --n-synthetic 20", ["--n-real", "some", "whole numbers from 1"]),
        ("--n-real 0 --n-synthetic 20", ["--n-real 0", "a whole number from 1"]),
        ("--n-real 20 --n-synthetic 0", ["n_synthetic = 0"]),
        ("--n-real 20 --n-synthetic 20,20", ["--n-synthetic", "different"]),
        ("--n-real 20 --n-synthetic 20 --sampling-bias 2", ["--sampling-bias 2", "(0, 1]"]),
        ("--n-real 20 --n-synthetic 20 --last 21", ["--last 21", "1 to", "20"]),
        ("--n-real 20 --n-synthetic 20 --generator all", ["--generator", "ddpm", "gaussian"]),
        ("--n-real 20 --n-synthetic 20 --generator ddpm", ["gaussian.toml", "tiers.smoke", "'ddpm'"]),
        ("--n-real 20 --n-synthetic 20 --task nonsense", ["'nonsense'", "gaussian"]),
        ("--n-real 20 --n-synthetic 20 --tier nonsense", ["--tier nonsense", "smoke"]),
        ("--n-real 20 --n-synthetic 20 --last 2 --workers 0", ["--workers 0", "1 to 1024"]),
        ("--n-real 20 --n-synthetic 20 --last 2 --executor ray --workers 2", ["--workers 2", "--executor ray"]),
        ("--n-real 20 --n-synthetic 20 --last 2 --log mlflow", ["--log mlflow", "tensorboard, wandb"]),
        ("--n-real 5000 --n-synthetic 20", ["fresh_data", "'gaussian' has 50000", "lower generations"]),
    ],
)
def test_bad_arguments_are_one_line_that_names_them_and_what_is_allowed(threshold, tmp_path, arguments, words):
    status, printed, log = threshold(*arguments.split())
    assert (status, printed, len(log.splitlines())) == (2, "", 1)
    assert [word for word in words if word not in log] == []
    assert not (tmp_path / "runs").exists()
    assert not (tmp_path / "out").exists()


def test_a_failed_loop_is_named_and_there_is_no_result(threshold, tmp_path):
    # A pool of one real and no other point has no covariance in generation 1.
    status, printed, log = threshold("--n-real", "1", "--n-synthetic", "1", "--seeds", "0", "--last", "1")
    assert (status, printed) == (1, "")
    assert "autophagy: gaussian-gaussian-fresh_data-biased_pool" in log
    assert "at least 2 points" in log
    assert not (tmp_path / "out" / "threshold.json").exists()
