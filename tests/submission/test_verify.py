"""`autophagy verify`: cells run again, samples scored again, and records that were made to look better."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from bench import paths
from bench.cells.cell import Cell
from bench.cells.earlier_files import earlier_file
from bench.cells.record import Record, read_record
from bench.cells.reproduction import read_reproduction
from bench.cells.task import load_task
from bench.cli.main import main
from bench.errors import BadInput
from bench.files.hashing import file_sha256
from bench.generators.engine import Engine
from bench.runs.run_folder import RunFolder
from bench.submission.verify import plan_again

OTHER_SAMPLES = "9" * 64
CELL = ("--task", "gaussian", "--generator", "gaussian", "--generations", "3", "--device", "cpu")
METHOD = """\
from bench import Method


class Mine(Method):
    \"\"\"The plain loop.\"\"\"
"""


@dataclass(frozen=True)
class Verified:
    """What a command gave."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.out)
        return content

    @property
    def differing(self) -> list[tuple[int, str]]:
        return [(c["generation"], c["name"]) for c in self.json["compared"] if not c["agrees"]]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a finished cell."""
    runs = tmp_path_factory.mktemp("original")
    assert main(["run", *CELL, "--loop", "fully_synthetic", "--runs", str(runs)]) == 0
    [folder] = (runs / "cells").iterdir()
    return folder


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the command is used in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def result(original: Path, here: Path) -> Path:
    """The cell's file among the results of a leaderboard."""
    return submitted(read_record(original / "record.json"), here)


@pytest.fixture
def verify(here: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Verified]:
    def run(*arguments: str | Path) -> Verified:
        capsys.readouterr()
        status = main(["verify", *map(str, arguments), "--device", "cpu"])
        captured = capsys.readouterr()
        return Verified(status, captured.out, captured.err)

    return run


@pytest.fixture
def refusal(verify: Callable[..., Verified]) -> Callable[..., str]:
    """Return the one line that bad input ends with."""

    def run(*arguments: str | Path) -> str:
        verified = verify(*arguments)
        assert (verified.status, verified.out) == (2, "")
        line = verified.err.splitlines()[-1]
        assert line.startswith("autophagy: error: ")
        assert "Traceback" not in verified.err
        return line

    return run


def submitted(record: Record, folder: Path) -> Path:
    """Write a record, with the hash that fits it, where results are submitted."""
    path = folder / "leaderboard" / "results" / f"{record.cell.slug}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(record.to_json())
    return path


def edited(result: Path, edit: Callable[[dict[str, Any]], object]) -> Path:
    """Change a result's JSON, and give it the hash that fits."""
    content = json.loads(result.read_text())
    del content["sha256"]
    edit(content)
    result.write_text(Record.model_validate(content).to_json())
    return result


def better(factor: float, **last: Any) -> Callable[[dict[str, Any]], None]:
    """Return an edit that multiplies the last FID, and changes more of the last generation."""

    def edit(content: dict[str, Any]) -> None:
        generation = content["generations"][-1]
        generation["scores"]["fid"] *= factor
        generation.update(last)

    return edit


def of_cell(**changes: Any) -> Callable[[dict[str, Any]], None]:
    """Return an edit that makes the record one of another cell, with the id that fits."""

    def edit(content: dict[str, Any]) -> None:
        content["cell"] |= changes
        content["cell_id"] = Cell.model_validate(content["cell"]).id

    return edit


def test_every_cell_of_the_leaderboard_can_be_planned_again():
    records = [path for path in (paths.LEADERBOARD / "results").glob("*.json") if "seed0" in path.name]
    assert len(records) > 50
    for path in records:
        record = read_record(path)
        if earlier_file(record.cell.method):
            with pytest.raises(BadInput, match=f"is of the baseline {record.cell.method.name} as it was before"):
                plan_again(path, record, load_task(record.cell.task), None)
            sha256 = file_sha256(paths.BASELINES / f"{record.cell.method.name}.py")
            method = record.cell.method.model_copy(update={"sha256": sha256})
            record = record.model_copy(update={"cell": record.cell.model_copy(update={"method": method})})
        assert plan_again(path, record, load_task(record.cell.task), None).cell == record.cell


def test_an_honest_record_agrees_bit_for_bit(verify, result):
    verified = verify(result, "--json")
    assert verified.status == 0
    assert (verified.json["agrees"], verified.json["identical"]) == (True, True)
    assert verified.json["same_samples"] == [True, True, True]
    numbers = {c["name"]: (c["reported"], c["found"]) for c in verified.json["compared"] if c["generation"] == 3}
    assert numbers["fid"] == (read_record(result).generations[2].scores.fid,) * 2
    assert {"precision", "recall", "images_trained", "real_images"} <= set(numbers)


def test_the_table_has_three_scores_of_each_generation_and_the_verdict(verify, result):
    verified = verify(result)
    header, *rows, verdict = verified.out.splitlines()
    assert header.split() == [
        "generation",
        "score",
        "reported",
        "found",
        "difference",
        "allowed",
        "of",
        "the",
        "floor",
    ]
    scores = [(t, name) for t in "123" for name in ("fid", "precision", "recall")]
    assert [tuple(row.split()[:2]) for row in rows] == scores
    assert "AGREES (identical)" in verdict
    recall, floor = read_record(result).generations[0].scores.recall, read_record(result).score.floor.recall
    share = f"{100 * recall / floor:.0f}%"
    assert rows[2].endswith(f"{floor:.3f} ({share}, {share})")


def test_the_shares_of_the_floor_are_in_json(verify, result):
    found, record = verify(result, "--json").json, read_record(result)
    assert found["floor"]["precision"] == record.score.floor.precision
    assert found["shares_of_floor"][2]["recall"] == pytest.approx(
        record.generations[2].scores.recall / record.score.floor.recall
    )


def test_a_better_fid_than_the_samples_have_is_found_out(verify, result):
    edited(result, better(0.999))
    verified = verify(result, "--json")
    assert (verified.status, verified.differing) == (1, [(3, "fid")])
    table = verify(result)
    assert (table.status, table.out.count("DIFFERS")) == (1, 1)
    assert "DOES NOT AGREE" in table.out.splitlines()[-1]


def test_a_much_better_fid_than_the_method_has_is_found_out_on_another_machine_too(verify, result):
    edited(result, better(0.7, samples_sha256=OTHER_SAMPLES))
    verified = verify(result, "--json")
    assert (verified.status, verified.differing) == (1, [(3, "fid")])


def test_where_another_device_does_not_agree_the_records_own_is_named(verify, result):
    def edit(content: dict[str, Any]) -> None:
        better(0.7, samples_sha256=OTHER_SAMPLES)(content)
        content["environment"] |= {"device": "NVIDIA H100", "driver": "1"}

    verified = verify(edited(result, edit), "--json")
    assert verified.status == 1
    [note] = verified.json["notes"]
    assert "NVIDIA H100" in note


def test_a_record_from_a_machine_with_other_bits_agrees_statistically(verify, result):
    def edit(content: dict[str, Any]) -> None:
        better(0.98, samples_sha256=OTHER_SAMPLES)(content)
        content["environment"] |= {"device": "NVIDIA H100", "driver": "1"}

    verified = verify(edited(result, edit), "--json")
    assert verified.status == 0
    assert (verified.json["identical"], verified.json["same_samples"]) == (False, [True, True, False])
    assert verified.json["notes"] == []


def test_other_bits_of_the_same_kind_of_machine_are_said(verify, result):
    verified = verify(edited(result, better(1, samples_sha256=OTHER_SAMPLES)), "--json")
    assert verified.status == 0
    [note] = verified.json["notes"]
    assert "not the same bits" in note


def test_where_networks_were_run_in_another_way_it_is_said_which(verify, result):
    def edit(content: dict[str, Any]) -> None:
        better(1, samples_sha256=OTHER_SAMPLES)(content)
        content["environment"] |= {"bfloat16": True, "compiled": True}

    verified = verify(edited(result, edit), "--json")
    assert verified.status == 0
    [note] = verified.json["notes"]
    assert "the record was run with bfloat16 True, here False; compiled True, here False" in note


@pytest.mark.parametrize(
    ("driver", "compiled", "expected"), [("1", False, False), ("1", True, True), (None, False, True)]
)
def test_a_gpu_compiles_where_the_records_gpu_has(verify, result, monkeypatch, driver, compiled, expected):
    def edit(content: dict[str, Any]) -> None:
        content["environment"] |= {"driver": driver, "compiled": compiled}

    asked: list[bool] = []

    def on(device: torch.device, *, compiled: bool) -> Engine:
        asked.append(compiled)
        return Engine(device)

    monkeypatch.setattr(Engine, "on", on)
    verify(edited(result, edit))
    assert asked == [expected]


def test_other_threads_agree(verify, result):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        verified = verify(result, "--json")
    finally:
        torch.set_num_threads(before)
    assert verified.status == 0
    assert verified.json["same_environment"] is (before == 2)


@pytest.mark.parametrize("count", ["images_trained", "network_evaluations", "real_images"])
def test_a_cost_that_was_not_counted_so_is_found_out(verify, result, count):
    edited(result, lambda content: content["generations"][1]["cost"].update({count: 7}))
    verified = verify(result, "--json")
    assert (verified.status, verified.differing) == (1, [(2, count)])


def test_without_a_name_nothing_is_written(verify, result, here):
    verified = verify(result, "--json")
    assert verified.json["reproduction"] is None
    assert "--by NAME" in verified.err
    assert not (here / "leaderboard" / "reproductions").exists()


def test_with_a_name_a_reproduction_is_written(verify, result, here):
    verified = verify(result, "--by", "somebody", "--json")
    [path] = (here / "leaderboard" / "reproductions").iterdir()
    assert verified.json["reproduction"] == str(path.relative_to(here))
    reproduction, record = read_reproduction(path), read_record(result)
    assert reproduction.cell_id == record.cell_id
    assert reproduction.record_sha256 == record.verified_sha256
    assert (reproduction.by, reproduction.mode, reproduction.kind) == ("somebody", "rerun", "identical")
    assert reproduction.agrees
    assert [g.scores for g in reproduction.found.generations] == [g.scores for g in record.generations]
    assert reproduction.found.environment.threads == torch.get_num_threads()


def test_one_that_does_not_agree_is_written_too(verify, result, here):
    edited(result, better(0.7))
    assert verify(result, "--by", "somebody").status == 1
    [path] = (here / "leaderboard" / "reproductions").iterdir()
    assert not read_reproduction(path).agrees


def test_a_name_that_is_none_is_refused_before_anything_runs(refusal, result, here):
    assert "--by" in refusal(result, "--by", "../me")
    assert not (here / "verification").exists()


def test_a_frozen_record_is_refused(refusal, result):
    line = refusal(edited(result, of_cell(task_version=99)))
    assert str(result) in line
    assert "frozen" in line


@pytest.mark.parametrize("key", ["n", "reference_sha256", "features"])
def test_other_conditions_than_the_tasks_are_refused(refusal, result, key):
    edited(result, lambda content: content["score"].update({key: {"n": 7, "features": "digits"}.get(key, "0" * 64)}))
    assert f"score.{key}" in refusal(result)


def test_a_task_that_the_package_does_not_have_is_refused(refusal, result):
    assert "task = 'nonsense': there are cifar10" in refusal(edited(result, of_cell(task="nonsense")))


def test_the_run_that_the_record_is_of_verifies_nothing(refusal, result, original):
    line = refusal(result, "--runs", original.parents[1], "--by", "somebody")
    assert "--runs" in line
    assert "verifies nothing" in line


def test_a_verification_that_was_interrupted_goes_on(verify, result, monkeypatch):
    finish = RunFolder.finish_generation

    def interrupted(self: RunFolder, *arguments: Any) -> None:
        finish(self, *arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "finish_generation", interrupted)
        assert verify(result).status == 130
    verified = verify(result, "--json")
    assert (verified.status, verified.json["identical"]) == (0, True)
    assert "resumes: generations 1 to 1 of 3 are finished" in verified.err


def test_a_run_that_fails_is_no_verdict(verify, result, monkeypatch, here):
    def fails(*_: Any) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("bench.generators.gaussian.Gaussian.fit", fails)
    verified = verify(result, "--by", "somebody")
    assert (verified.status, verified.out) == (1, "")
    assert "not verified" in verified.err
    assert list((here / "leaderboard" / "reproductions").iterdir()) == []


class TestMethodOfSomebody:
    """A result of a method that is no baseline."""

    @pytest.fixture
    def method(self, here: Path) -> Path:
        path = here / "leaderboard" / "methods" / "mine.py"
        path.parent.mkdir(parents=True)
        path.write_text(METHOD)
        return path

    @pytest.fixture
    def theirs(self, method: Path, here: Path) -> Path:
        arguments = ["run", *CELL, "--loop", "fully_synthetic", "--method", str(method), "--runs", str(here / "runs")]
        assert main(arguments) == 0
        [folder] = (here / "runs" / "cells").iterdir()
        return submitted(read_record(folder / "record.json"), here)

    def test_it_is_not_run_unasked(self, refusal, theirs, method):
        line = refusal(theirs)
        assert f"--method {method}" in line

    def test_where_there_is_no_file_none_is_named(self, refusal, theirs, method):
        method.unlink()
        assert refusal(theirs).endswith("--method FILE")

    def test_it_runs_where_its_file_is_given(self, verify, theirs, method):
        verified = verify(theirs, "--method", method, "--json")
        assert (verified.status, verified.json["identical"]) == (0, True)

    def test_another_version_of_the_file_is_refused_and_has_not_run(self, refusal, theirs, method, here):
        method.write_text(f"open({str(here / 'has run')!r}, 'w')\n{METHOD}")
        assert "another version" in refusal(theirs, "--method", method)
        assert not (here / "has run").exists()

    def test_a_file_of_another_name_is_refused(self, refusal, theirs, method):
        other = method.rename(method.with_name("other.py"))
        assert "'mine'" in refusal(theirs, "--method", other)

    def test_a_file_that_is_not_there_is_named(self, refusal, theirs, here):
        assert str(here / "no.py") in refusal(theirs, "--method", here / "no.py")

    def test_its_samples_are_scored_without_it(self, verify, theirs, method, here):
        method.unlink()
        [folder] = (here / "runs" / "cells").iterdir()
        verified = verify(theirs, "--samples", folder, "--json")
        assert (verified.status, verified.json["identical"]) == (0, True)


def test_a_method_with_a_baselines_name_and_other_content_is_not_run_unasked(refusal, result):
    method = read_record(result).cell.method.model_copy(update={"sha256": "0" * 64})
    assert "not the baseline none" in refusal(edited(result, of_cell(method=method.model_dump())))


class TestSamples:
    """The samples of the run, scored again."""

    def test_they_have_the_scores_of_the_record(self, verify, result, original, here):
        verified = verify(result, "--samples", original, "--by", "somebody", "--json")
        assert (verified.status, verified.json["identical"]) == (0, True)
        assert {c["name"] for c in verified.json["compared"]}.isdisjoint({"images_trained", "real_images"})
        [path] = (here / "leaderboard" / "reproductions").iterdir()
        assert read_reproduction(path).mode == "rescore"
        assert not (here / "verification").exists()

    def test_a_better_score_than_theirs_is_found_out(self, verify, result, original):
        verified = verify(edited(result, better(0.999)), "--samples", original, "--json")
        assert (verified.status, verified.differing) == (1, [(3, "fid")])

    def test_samples_that_are_not_those_of_the_record_do_not_agree(self, verify, result, original):
        edited(result, better(1, samples_sha256=OTHER_SAMPLES))
        verified = verify(result, "--samples", original)
        assert verified.status == 1
        assert "not those of the record" in verified.out.splitlines()[-1]

    def test_samples_of_another_cell_are_refused(self, refusal, result, here, capsys):
        assert main(["run", *CELL, "--loop", "fully_synthetic", "--seeds", "1", "--runs", str(here / "runs")]) == 0
        [folder] = (here / "runs" / "cells").iterdir()
        assert f"--samples {folder}" in refusal(result, "--samples", folder)

    def test_a_method_is_of_no_use_then(self, refusal, result, original):
        assert "--samples" in refusal(result, "--samples", original, "--method", "mine.py")
