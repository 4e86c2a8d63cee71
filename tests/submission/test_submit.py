"""`autophagy submit`: what it writes, what it refuses, and what it says."""

import datetime
import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import paths
from bench.cells.earlier_files import EarlierFile
from bench.cells.record import FurtherScores, Record, read_record
from bench.cells.submitted import read_submitted, read_submitters
from bench.cli.main import main
from bench.cli.submit import _named
from bench.files.hashing import file_sha256
from bench.files.sealed import read_sealed, write_sealed
from submission.place import Place, png

Submit = Callable[..., str]


def flip_last_byte(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def other_fid(record: Record) -> Record:
    """The record with another FID in generation 2."""
    first, second = record.generations
    scores = second.scores.model_copy(update={"fid": second.scores.fid + 1})
    return record.model_copy(update={"generations": (first, second.model_copy(update={"scores": scores}))})


def planned_cells(text: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
    """Give the command at the end of a note to `autophagy run`, and return the ids of the cells that it would run."""
    command = shlex.split(re.search(r"autophagy run .*", text)[0])[1:]
    capsys.readouterr()
    assert main([*command, "--dry-run", "--json"]) == 0
    return {each["cell_id"] for each in json.loads(capsys.readouterr().out)}


def test_records_and_the_method_are_copied_and_nothing_else(place: Place, submit: Submit):
    submit(place.runs, "--method", place.method)
    cells = [place.cell(seed, method) for seed in (0, 1, 2) for method in ("mine", "none")]
    expected = {f"results/{cell.name}.json": (cell / "record.json").read_bytes() for cell in cells}
    assert place.files() == expected | {"methods/mine.py": place.method.read_bytes()}


def test_a_cell_can_be_named_by_its_own_folder(place: Place, submit: Submit):
    submit(place.cell(0, "none"))
    assert list(place.files()) == [f"results/{place.cell(0, 'none').name}.json"]


def test_the_leaderboard_folder_is_the_one_that_is_given(place: Place, submit: Submit):
    shutil.move(place.leaderboard, place.path / "elsewhere")
    submit(place.cell(0, "none"), "--leaderboard", "elsewhere")
    assert [path.name for path in (place.path / "elsewhere").iterdir()] == ["results"]


def test_of_the_pictures_those_of_seed_0_are_copied(place: Place, submit: Submit):
    for seed in (0, 1, 2):
        (place.cell(seed, "none") / "strip.png").write_bytes(png())
        (place.cell(seed, "none") / "samples.png").write_bytes(png(40, 20))
    submit(*(place.cell(seed, "none") for seed in (0, 1, 2)))
    pictures = {name: content for name, content in place.files().items() if name.endswith(".png")}
    name = f"results/{place.cell(0, 'none').name}"
    assert pictures == {f"{name}.png": png(), f"{name}.samples.png": png(40, 20)}


def test_no_method_is_executed(place: Place, submit: Submit):
    submit(place.runs, "--method", place.method)
    submit(place.runs, "--method", place.method)
    assert not place.method_was_imported


def test_what_was_written_is_listed_and_then_what_to_do(place: Place, submit: Submit):
    lines = submit(place.runs, "--method", place.method, "--by", "Ada").splitlines()
    written = [line.split()[1] for line in lines if line.startswith("written ")]
    assert sorted(written) == sorted(f"leaderboard/{name}" for name in place.files())
    assert [line.strip() for line in lines[-3:]] == [
        "autophagy board --results leaderboard/results --out site",
        "git add leaderboard",
        "git commit",
    ]
    assert not [line for line in lines if line.startswith("note ")]


def test_the_same_for_a_program(place: Place, submit: Submit):
    content = json.loads(submit(place.runs, "--method", place.method, "--json"))
    assert sorted(content["written"]) == sorted(f"leaderboard/{name}" for name in place.files())
    assert (content["kept"], content["notes"]) == ([], [])


def test_a_second_time_everything_is_kept(place: Place, submit: Submit):
    submit(place.runs, "--method", place.method)
    times = {path: path.stat().st_mtime_ns for path in place.leaderboard.rglob("*")}
    content = json.loads(submit(place.runs, "--method", place.method, "--json"))
    assert content["written"] == content["notes"] == []
    assert sorted(content["kept"]) == sorted(f"leaderboard/{name}" for name in place.files())
    assert {path: path.stat().st_mtime_ns for path in place.leaderboard.rglob("*")} == times


def test_a_method_that_is_on_the_leaderboard_need_not_be_given_again(place: Place, submit: Submit):
    submit(place.cell(0), "--method", place.method)
    submit(place.runs)
    assert len(place.files()) == 7


def test_who_submits_is_named_in_a_file_of_its_own(place: Place, submit: Submit):
    submit(place.runs, "--method", place.method)
    unnamed = place.files()
    shutil.rmtree(place.leaderboard)
    place.leaderboard.mkdir()
    submit(place.runs, "--method", place.method, "--by", "Ada Lovelace", "--link", "https://example.org/~ada")
    [new] = set(place.files()) - set(unnamed)
    assert {path: content for path, content in place.files().items() if path != new} == unnamed
    told, today = read_submitted(place.leaderboard / new), datetime.datetime.now(datetime.UTC).date()
    assert (told.by, told.link, told.date) == ("Ada Lovelace", "https://example.org/~ada", today)
    cells = {read_record(path).cell_id for path in place.leaderboard.glob("results/*.json")}
    assert set(told.cells) == cells == set(read_submitters(place.leaderboard))


def test_who_submits_again_adds_nothing(place: Place, submit: Submit):
    options = ("--method", place.method, "--by", "Ada")
    submit(place.runs, *options)
    before = place.files()
    submit(place.runs, *options)
    assert place.files() == before


def test_who_submits_more_is_named_for_what_is_new(place: Place, submit: Submit):
    submit(place.cell(0, "none"), "--by", "Ada")
    submit(place.cell(0, "none"), place.cell(1, "none"), "--by", "Bob")
    found = {told.by: told.cells for told in map(read_submitted, place.leaderboard.glob("submissions/*.json"))}
    records = [read_record(place.cell(seed, "none") / "record.json").cell_id for seed in (0, 1)]
    assert found == {"Ada": (records[0],), "Bob": (records[1],)}


def test_that_nobody_is_named_is_noted_where_something_is_new(place: Place, submit: Submit):
    said = "nobody is named as who submits this: --by NAME"
    assert said in submit(place.cell(0, "none"))
    assert said not in submit(place.cell(0, "none"))
    assert said not in submit(place.cell(1, "none"), "--by", "Ada")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--by", "<b>Ada</b>"), "--by '<b>Ada</b>' has <: use plain text"),
        (("--by", ""), "use 1 to 80 characters"),
        (("--by", "Ada", "--link", "javascript:alert(1)"), "--link 'javascript:alert(1)': give https://"),
        (("--link", "https://example.org"), "--link https://example.org: goes with --by NAME"),
    ],
)
def test_a_name_or_a_link_that_is_not_allowed_is_refused(place: Place, refusal: Submit, options, said: str):
    assert said in refusal(place.cell(0, "none"), *options)


def test_a_result_whose_method_does_not_say_what_it_uses_is_refused(place: Place, refusal: Submit):
    def used(record: Record) -> Record:
        first, *later = record.generations
        return record.model_copy(
            update={"generations": (first.model_copy(update={"used": ("real statistics",)}), *later)}
        )

    path = place.edit(0, used, "none")
    assert 'was seen to use "real statistics", which its class does not declare' in refusal(path)


def test_a_result_of_before_that_says_less_is_the_same(place: Place, submit: Submit):
    submit(place.cell(0, "none"))
    [path] = place.leaderboard.glob("results/*.json")
    record = read_record(path)
    less = {"retrained": None, "drawn": None, "used": ()}
    generations = tuple(result.model_copy(update=less) for result in record.generations)
    path.write_text(record.model_copy(update={"generations": generations, "uses": None}).to_json())
    assert "stays as it was: the scores are the same" in submit(place.cell(0, "none"))


@pytest.mark.parametrize("n_written", range(7))
def test_what_an_interrupted_command_leaves_behind_is_completed_by_the_next(
    place: Place, submit: Submit, monkeypatch: pytest.MonkeyPatch, n_written: int
):
    (place.cell(0) / "strip.png").write_bytes(png())
    submit(place.runs, "--method", place.method)
    complete = place.files()
    shutil.rmtree(place.leaderboard)
    place.leaderboard.mkdir()

    from bench.submission import submit as module

    write = module.write_bytes

    def interrupted(path: Path, content: bytes) -> None:
        if len(place.files()) == n_written:
            raise KeyboardInterrupt
        write(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_bytes", interrupted)
        assert main(["submit", str(place.runs), "--method", str(place.method)]) == 130
    assert len(place.files()) == n_written
    submit(place.runs, "--method", place.method)
    assert place.files() == complete


# What is given is not what can be submitted.


def test_a_path_that_is_not_there_is_refused(refusal: Submit):
    assert "error: nowhere: no such folder: give the folder of a cell" in refusal("nowhere")


def test_a_file_is_refused(place: Place, refusal: Submit):
    record = place.cell(0) / "record.json"
    assert f"{record}: a file: give the folder of a cell (RUNS/cells/NAME)" in refusal(record)


@pytest.mark.parametrize("inside", ["", "runs/cells", "runs/g1"])
def test_another_folder_is_refused(place: Place, refusal: Submit, inside: str):
    folder = place.path / inside
    assert f"{folder}: neither the folder of a cell (RUNS/cells/NAME) nor a runs folder" in refusal(folder)


def test_no_cells_are_refused(refusal: Submit):
    assert "CELL" in refusal()


def test_a_leaderboard_that_is_not_there_is_refused(place: Place, refusal: Submit):
    shutil.rmtree(place.leaderboard)
    error = refusal(place.runs, "--method", place.method)
    assert "error: leaderboard: no such folder: start this in a clone of the repository" in error


def test_a_leaderboard_that_cannot_be_written_is_refused(place: Place, refusal: Submit):
    (place.leaderboard / "results").write_text("a file where a folder should be")
    assert "leaderboard/results: cannot make this folder" in refusal(place.cell(0, "none"))


def test_an_unfinished_cell_is_refused_by_name_and_left_out_of_a_runs_folder(
    place: Place, submit: Submit, refusal: Submit
):
    cell = place.cell(2, "none")
    (cell / "record.json").unlink()
    assert f"{cell}: the cell is not finished" in refusal(cell)
    printed = submit(place.runs, "--method", place.method)
    assert f"note     {cell}: is not finished and left out" in printed
    assert f"results/{cell.name}.json" not in place.files()


def test_a_runs_folder_in_which_nothing_is_finished_is_refused(place: Place, refusal: Submit):
    for record in place.runs.glob("cells/*/record.json"):
        record.unlink()
    assert f"{place.runs}: none of its 6 cells is finished" in refusal(place.runs)


def test_two_runs_of_one_cell_are_refused(place: Place, refusal: Submit):
    shutil.copytree(place.runs, place.path / "again")
    cell = place.cell(0, "none")
    again = place.path / "again" / "cells" / cell.name
    assert f"{again}: a run of the same cell as {cell}: give one of them" in refusal(cell, again)


def test_one_cell_given_twice_counts_once(place: Place, submit: Submit):
    cell = place.cell(0, "none")
    submit(cell, cell.relative_to(place.path))
    assert len(place.files()) == 1


# The run folder is not whole, or not consistent.


def damage_samples(cell: Path) -> str:
    flip_last_byte(cell / "generation-002" / "samples.safetensors")
    return "generation-002/samples.safetensors: damaged (its content is not what was written)"


def lose_a_generation(cell: Path) -> str:
    shutil.rmtree(cell / "generation-002")
    return "generation-002/generation.json: damaged (not readable JSON: [Errno 2] No such file or directory"


def edit_the_record(cell: Path) -> str:
    record = cell / "record.json"
    record.write_text(record.read_text().replace('"k":5', '"k":4'))
    return "record.json: its sha256 does not fit its content: the file was edited"


def exchange_samples(cell: Path) -> str:
    """Put the samples of generation 1 in the place of those of generation 2, with their hash."""
    first, second = (cell / f"generation-00{t}" for t in (1, 2))
    shutil.copyfile(first / "samples.safetensors", second / "samples.safetensors")
    content = read_sealed(second / "generation.json")
    content["files"]["samples.safetensors"] = file_sha256(second / "samples.safetensors")
    write_sealed(second / "generation.json", content)
    return "the samples of generation 2 are not those of the record"


def edit_a_score_with_its_hash(cell: Path) -> str:
    record = cell / "record.json"
    record.write_text(other_fid(read_record(record)).to_json())
    return "record.json says of generation 2 what its own files do not say"


def change_conditions(cell: Path, **changes: str) -> None:
    """Change what everything in a run folder says of what it was started with, hashes included."""
    for file in (cell / "cell.json", *cell.glob("generation-*/generation.json")):
        content = read_sealed(file)
        content["conditions"] |= changes
        write_sealed(file, content)


def take_another_cells_description(cell: Path) -> str:
    [other] = cell.parent.glob("*-none-smoke-seed0-*")
    shutil.copyfile(other / "cell.json", cell / "cell.json")
    return "cell.json: is not of the cell that record.json beside it is of"


def change_the_task(cell: Path) -> str:
    change_conditions(cell, task_sha256="0" * 64)
    return "was run with another gaussian.toml than this version's"


def change_the_data(cell: Path) -> str:
    change_conditions(cell, data_sha256="0" * 64)
    return "cell.json and record.json name different real images"


def damage_the_description(cell: Path) -> str:
    (cell / "cell.json").write_text("{")
    return "cell.json: damaged (not readable JSON"


def spoil_the_strip(cell: Path) -> str:
    (cell / "strip.png").write_text("no picture")
    return "strip.png: not a PNG image"


def spoil_the_sheet(cell: Path) -> str:
    (cell / "samples.png").write_bytes(png(41, 20))
    return "samples.png: 41 x 20 pixels: must be 4 squares in each row, or 3 of points in one row"


@pytest.mark.parametrize(
    "damage",
    [
        damage_samples, lose_a_generation, edit_the_record, exchange_samples, edit_a_score_with_its_hash,
        take_another_cells_description, change_the_task, change_the_data, damage_the_description, spoil_the_strip,
        spoil_the_sheet,
    ],
)  # fmt: skip
def test_a_cell_that_is_not_what_its_record_says_is_refused_and_the_others_with_it(
    place: Place, refusal: Submit, damage: Callable[[Path], str]
):
    cell = place.cell(0)
    words = damage(cell)
    error = refusal(place.runs, "--method", place.method)
    assert str(cell) in error
    assert words in error


def test_a_record_that_breaks_the_rules_is_refused(place: Place, refusal: Submit):
    cell = place.edit(
        1,
        lambda record: record.model_copy(
            update={"environment": record.environment.model_copy(update={"dirty": True})}
        ),
    )
    assert f"{cell}/record.json: environment.dirty = true" in refusal(place.runs, "--method", place.method)


# The method.


def test_a_method_without_its_file_is_refused(place: Place, refusal: Submit):
    error = refusal(place.runs)
    assert "its method 'mine' is no baseline: give its file: --method mine.py" in error


def test_a_file_that_was_changed_after_the_run_is_refused(place: Place, refusal: Submit):
    place.method.write_text(place.method.read_text() + "# another thought\n")
    error = refusal(place.runs, "--method", place.method)
    assert f"--method {place.method}: not the file that " in error
    assert "run the cell again" in error


def test_the_name_of_another_method_on_the_leaderboard_is_refused(place: Place, refusal: Submit):
    there = place.leaderboard / "methods" / "mine.py"
    there.parent.mkdir()
    there.write_text("somebody else's")
    error = refusal(place.runs, "--method", place.method)
    assert "leaderboard/methods/mine.py: is another method than the one that " in error
    assert "choose another name for yours, such as mine_2" in error


def test_the_name_of_a_baseline_is_refused(place: Place, refusal: Submit, monkeypatch: pytest.MonkeyPatch):
    baselines = place.path / "baselines"
    baselines.mkdir()
    (baselines / "mine.py").write_text("a baseline of this name")
    (baselines / "none.py").write_text("another file")
    shutil.copy(paths.BASELINES / "earlier_files.toml", baselines)
    for module in ("bench.methods.file.paths.BASELINES", "bench.submission.rules.BASELINES"):
        monkeypatch.setattr(module, baselines)
    error = refusal(place.cell(0), "--method", place.method)
    assert "method 'mine' is not the baseline of this name" in error
    assert "choose another name for yours" in error


def test_a_cell_of_a_file_that_the_baseline_had_before_is_to_be_run_again(
    place: Place, refusal: Submit, monkeypatch: pytest.MonkeyPatch
):
    path = place.cell(0, "none") / "record.json"
    method = read_record(path).cell.method
    known = {("none", method.sha256): EarlierFile(datetime.date(2026, 1, 2), "imports")}
    monkeypatch.setattr("bench.cells.earlier_files._of_the_package", lambda: known)
    baselines = place.path / "baselines"
    baselines.mkdir()
    (baselines / "none.py").write_text("another file")
    for module in ("bench.methods.file.paths.BASELINES", "bench.submission.rules.BASELINES"):
        monkeypatch.setattr(module, baselines)
    error = refusal(path.parent)
    assert f"method 'none' is the baseline as it was before 2026-01-02 (sha256 {method.sha256[:12]}..., " in error
    assert error.endswith("run the cell again with the present one")


def test_a_file_that_no_cell_was_run_with_is_refused(place: Place, refusal: Submit):
    other = place.path / "other.py"
    other.write_text('"""Another."""\n')
    error = refusal(place.runs, "--method", place.method, "--method", other)
    assert f"--method {other}: no cell was run with it: their methods are mine, none" in error


def test_two_files_of_one_name_are_refused(place: Place, refusal: Submit):
    (place.path / "copy").mkdir()
    other = shutil.copy(place.method, place.path / "copy")
    error = refusal(place.runs, "--method", place.method, "--method", other)
    assert f"--method {other}: has the name of {place.method}" in error


# The seeds, and what a result is compared with.


def test_a_seed_that_was_left_out_is_refused_with_the_command_that_runs_it(
    place: Place, refusal: Submit, capsys: pytest.CaptureFixture[str]
):
    error = refusal(place.cell(2), place.cell(0), "--method", place.method)
    assert "seed 1 of gaussian-gaussian-fully_synthetic-mine-smoke missing beside seeds 0, 2" in error
    assert planned_cells(error, capsys) == {read_record(place.cell(1) / "record.json").cell_id}


def test_seeds_that_the_leaderboard_has_count(place: Place, submit: Submit):
    submit(place.cell(0, "none"))
    submit(place.cell(2, "none"), place.cell(1, "none"))
    assert len(place.files()) == 3


def test_too_few_seeds_to_be_ranked_are_noted_with_the_command_that_runs_the_others(
    place: Place, submit: Submit, capsys: pytest.CaptureFixture[str]
):
    [note] = json.loads(submit(place.cell(0, "none"), "--json"))["notes"]
    assert "gaussian-gaussian-fully_synthetic-none-smoke: 1 seed of the 3 that are needed: shown, not ranked" in note
    wanted = {read_record(place.cell(seed, "none") / "record.json").cell_id for seed in (1, 2)}
    assert planned_cells(note, capsys) == wanted


def test_the_commands_of_notes_go_on_in_the_runs_folder_of_the_cell(place: Place, submit: Submit):
    shutil.move(place.runs, place.path / "my runs")
    [cell] = (place.path / "my runs").glob("cells/*-none-smoke-seed0-*")
    [note] = json.loads(submit(cell, "--json"))["notes"]
    assert note.endswith(f" --runs '{place.path}/my runs'")


def test_a_missing_plain_loop_is_noted_with_the_command_that_runs_it(
    place: Place, submit: Submit, capsys: pytest.CaptureFixture[str]
):
    mine = [place.cell(seed) for seed in (0, 1, 2)]
    [note] = json.loads(submit(*mine, place.cell(0, "none"), "--method", place.method, "--json"))["notes"][1:]
    assert "gaussian-gaussian-fully_synthetic-mine-smoke: no comparison without the plain loop of seeds 1, 2" in note
    wanted = {read_record(place.cell(seed, "none") / "record.json").cell_id for seed in (1, 2)}
    assert planned_cells(note, capsys) == wanted


def test_a_plain_loop_that_the_leaderboard_has_is_enough(place: Place, submit: Submit):
    submit(*(place.cell(seed, "none") for seed in (0, 1, 2)))
    mine = [place.cell(seed) for seed in (0, 1, 2)]
    assert json.loads(submit(*mine, "--method", place.method, "--json"))["notes"] == []


def test_real_images_that_are_not_the_tasks_are_noted(place: Place, submit: Submit):
    data = {"data": read_record(place.cell(0, "none") / "record.json").data.model_copy(update={"pinned": False})}
    cell = place.edit(0, lambda record: record.model_copy(update=data), "none")
    notes = json.loads(submit(cell, "--json"))["notes"]
    assert any("not the real images that the task pins: it is shown apart" in note for note in notes)


# The leaderboard has a result of the cell.


def test_a_result_with_other_scores_is_refused_with_the_first_that_differs(
    place: Place, submit: Submit, refusal: Submit
):
    cell = place.cell(0, "none")
    submit(cell)
    result = place.leaderboard / "results" / f"{cell.name}.json"
    fid = read_record(result).generations[1].scores.fid
    result.write_text(other_fid(read_record(result)).to_json())
    error = refusal(cell)
    assert f"leaderboard/results/{cell.name}.json: there is a result of this cell with other scores" in error
    assert f"generation 2, scores.fid: {fid + 1} there, {fid} here" in error


def test_a_result_of_another_machine_with_the_same_scores_stays_as_it_was(place: Place, submit: Submit):
    cell = place.cell(0, "none")
    submit(cell)
    before = place.files()
    record = read_record(cell / "record.json")
    environment = record.environment.model_copy(update={"device": "another"})
    place.edit(0, lambda record: record.model_copy(update={"environment": environment}), "none")
    content = json.loads(submit(cell, "--json"))
    assert content["kept"] == [f"leaderboard/{name}" for name in before]
    assert "stays as it was: the scores are the same" in content["notes"][0]
    assert place.files() == before


def test_scores_in_a_further_space_do_not_change_a_result(place: Place, submit: Submit):
    cell = place.cell(0, "none")
    submit(cell)
    before = place.files()

    def with_further_scores(record: Record) -> Record:
        score = record.score.model_copy(update={"features": "other"})
        further = FurtherScores(score=score, generations=tuple(g.scores for g in record.generations))
        return record.model_copy(update={"further_scores": (further,)})

    place.edit(0, with_further_scores, "none")
    assert "stays as it was, without the scores in other" in submit(cell)
    assert place.files() == before


def test_a_result_under_the_name_of_another_is_refused(place: Place, refusal: Submit):
    wrong = place.leaderboard / "results" / f"{place.cell(0, 'none').name}.json"
    wrong.parent.mkdir()
    shutil.copyfile(place.cell(1, "none") / "record.json", wrong)
    assert f"{wrong.relative_to(place.path)}: is the record of another cell" in refusal(place.cell(0, "none"))


def test_a_damaged_result_on_the_leaderboard_is_refused(place: Place, refusal: Submit):
    broken = place.leaderboard / "results" / "broken.json"
    broken.parent.mkdir()
    broken.write_text("{}")
    assert "leaderboard/results/broken.json: its sha256 does not fit" in refusal(place.cell(0, "none"))


def test_a_pattern_that_the_shell_has_left_alone_names_folders(tmp_path: Path):
    for name in ("a-mine-1", "a-mine-2", "b"):
        (tmp_path / name).mkdir()
    assert _named(tmp_path / "*-mine-*") == [tmp_path / "a-mine-1", tmp_path / "a-mine-2"]
    assert _named(tmp_path / "b") == [tmp_path / "b"]
    assert _named(tmp_path / "none*") == [tmp_path / "none*"]
