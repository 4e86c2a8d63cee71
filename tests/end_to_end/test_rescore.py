"""Finished cells, scored once more in another feature space."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from builders import QUIET
from prdc import compute_prdc
from safetensors.torch import load_file
from torch import Tensor

from bench.cells.record import Record, Scores, read_record
from bench.cells.task import load_task
from bench.cli.main import main
from bench.data.real import load_real_data
from bench.features.cache import default_cache
from bench.features.identity import IdentitySpace
from bench.scoring.rescore import rescore as add_scores

N, K = 60, 5


@pytest.fixture
def cell(finished) -> Path:
    """The run folder of a finished cell."""
    return Path(finished("fresh_data")["record"]).parent


@pytest.fixture
def rescore(cell: Path, tiny_task: Path, capsys: pytest.CaptureFixture[str]):
    """Score the cell in a feature space and return what was printed."""

    def run(features: str = "identity") -> dict:
        capsys.readouterr()
        assert main(["rescore", str(cell), "--features", features, "--task", str(tiny_task), "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return run


def test_the_table_has_each_generation_beside_the_floor(
    cell: Path, tiny_task: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["rescore", str(cell), "--features", "identity", "--task", str(tiny_task)]) == 0
    rows = [re.split(r"  +", line) for line in capsys.readouterr().out.splitlines()]
    precision, recall = rows[0].index("precision"), rows[0].index("recall")
    for row in rows[1:4]:
        assert all(re.fullmatch(r"\.\d{3} of \.\d{3} \(\d+%\)", row[i]) for i in (precision, recall))
    assert rows[4][0] == "real"
    assert float(rows[4][recall]) == pytest.approx(float(rows[1][recall].split()[2]), abs=5e-4)


def test_the_shares_of_the_floor_are_in_json(rescore):
    found = rescore()
    floor = found["score"]["floor"]["recall"]
    recalls = [generation["recall"] for generation in found["generations"]]
    assert [each["recall"] for each in found["shares_of_floor"]] == pytest.approx([r / floor for r in recalls])


@pytest.fixture
def refusal(capsys: pytest.CaptureFixture[str], tiny_task: Path) -> Callable[[Path], str]:
    """Try to score a cell, and return the error: one line on stderr, nothing on stdout, exit status 2."""

    def run(cell: Path) -> str:
        capsys.readouterr()
        assert main(["rescore", str(cell), "--features", "identity", "--task", str(tiny_task)]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        [line] = captured.err.splitlines()
        assert line.startswith("autophagy: error: ")
        return line

    return run


def pixels(images: Tensor) -> np.ndarray:
    return images.flatten(1).double().numpy() / 255


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Return |m_a - m_b|^2 + tr C_a + tr C_b - 2 |A B^T|_*, where C_a = A^T A: the trace of (C_a C_b)^(1/2)."""
    centred = [(x - x.mean(0)) / np.sqrt(len(x) - 1) for x in (a, b)]
    means = np.square(a.mean(0) - b.mean(0)).sum()
    return means + sum(np.square(x).sum() for x in centred) - 2 * np.linalg.norm(centred[0] @ centred[1].T, "nuc")


def assert_scores(scores: dict | Scores, real: np.ndarray, generated: np.ndarray) -> None:
    scores = Scores.model_validate(scores).model_dump()
    expected = compute_prdc(real, generated, K) | {"fid": frechet_distance(real, generated)}
    assert {name: scores[name] for name in expected} == pytest.approx(expected, rel=1e-4, abs=1e-4)


def without_further_scores(record: Record) -> Record:
    return record.model_copy(update={"further_scores": ()})


def test_scores_are_those_of_the_stored_samples(cell: Path, rescore, tiny_task: Path):
    printed = rescore()
    real = pixels(load_real_data(load_task(str(tiny_task))).reference.images[:N])
    assert len(printed["generations"]) == 3
    for t, scores in enumerate(printed["generations"], start=1):
        samples = load_file(cell / f"generation-{t:03d}" / "samples.safetensors")["images"][:N]
        assert_scores(scores, real, pixels(samples))


def test_the_floor_is_that_of_real_images_in_the_other_space(rescore, tiny_task: Path):
    data = load_real_data(load_task(str(tiny_task)))
    floor = rescore()["score"]["floor"]
    assert_scores(floor, pixels(data.reference.images[:N]), pixels(data.training.images[:N]))


def test_in_a_space_without_a_classifier_a_probe_reads_the_labels(rescore):
    found = rescore()
    assert found["score"]["probe"]["images"] == 4 * N
    assert found["score"]["probe"]["accuracy"] == found["score"]["floor"]["label_agreement"] > 0.8
    for scores in found["generations"]:
        assert 0 < scores["label_agreement"] < 1
        assert 0 <= scores["class_imbalance"] < 1


def test_what_is_printed_is_in_the_record(cell: Path, rescore):
    printed = rescore()
    record = read_record(cell / "record.json")
    [further] = record.further_scores
    assert printed["cell_id"] == record.cell_id
    assert printed["score"] == further.score.model_dump(mode="json")
    assert printed["generations"] == [scores.model_dump() for scores in further.generations]


def test_the_scores_are_of_as_many_images_and_neighbours_as_the_cells_own(cell: Path, rescore):
    rescore()
    record = read_record(cell / "record.json")
    [further] = record.further_scores
    assert (further.score.features, further.score.n, further.score.k) == ("identity", N, K)
    assert further.score.reference_sha256 == record.score.reference_sha256


def test_nothing_else_in_the_record_changes(cell: Path, rescore):
    before = read_record(cell / "record.json")
    rescore()
    after = read_record(cell / "record.json")
    assert after != before
    assert without_further_scores(after) == before


def test_a_second_time_changes_nothing(cell: Path, rescore):
    first = rescore()
    written = (cell / "record.json").read_bytes()
    assert rescore() == first
    assert (cell / "record.json").read_bytes() == written


def test_a_third_space_is_added_to_the_second(cell: Path, rescore, tiny_task: Path):
    rescore()
    before = read_record(cell / "record.json")
    third = IdentitySpace()
    third.name = "third"
    after = add_scores(cell, load_real_data(load_task(str(tiny_task))), third, default_cache(QUIET), QUIET)
    assert [further.score.features for further in after.further_scores] == ["identity", "third"]
    assert after.further_scores[:1] == before.further_scores
    assert read_record(cell / "record.json") == after


def test_the_cells_own_space_is_left_as_it_is(cell: Path, rescore):
    written = (cell / "record.json").read_bytes()
    printed = rescore("digits")
    record = read_record(cell / "record.json")
    assert printed["generations"] == [g.scores.model_dump() for g in record.generations]
    assert (cell / "record.json").read_bytes() == written


def test_a_run_afterwards_finds_the_cell_finished_and_keeps_the_further_scores(cell: Path, rescore, run_tiny):
    rescore()
    written = (cell / "record.json").read_bytes()
    status, [outcome], log = run_tiny("--loop", "fresh_data")
    assert (status, outcome["state"]) == (0, "finished")
    assert "is finished" in log
    assert (cell / "record.json").read_bytes() == written


def test_a_table_has_a_row_for_each_generation_and_the_floor(
    cell: Path, tiny_task: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["rescore", str(cell), "--features", "identity", "--task", str(tiny_task)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:5]] == ["generation", "1", "2", "3", "real"]
    [further] = read_record(cell / "record.json").further_scores
    assert f"{further.generations[2].fid:.4g}" in lines[3].split()
    assert "(identity features, n = 60, k = 5)" in lines[5]


def test_the_page_has_a_table_for_each_space(cell: Path, rescore, tmp_path: Path):
    rescore()
    site = tmp_path / "site"
    assert main(["board", "--results", str(tmp_path / "runs"), "--out", str(site)]) == 0
    page = (site / "index.html").read_text()
    assert page.count("scored in <b>digits</b>") == page.count("scored in <b>identity</b>") == 1
    assert len(list((site / "strips").iterdir())) == 1


def test_a_folder_that_is_no_cells_is_refused(refusal, tmp_path: Path):
    assert f"{tmp_path}: not the folder of a cell" in refusal(tmp_path)


def test_an_unfinished_cell_is_refused(cell: Path, refusal):
    (cell / "record.json").unlink()
    assert f"{cell}: the cell is not finished" in refusal(cell)


def test_an_edited_record_is_refused_and_kept(cell: Path, refusal):
    path = cell / "record.json"
    path.write_text(path.read_text().replace('"k":5', '"k":4'))
    edited = path.read_bytes()
    assert f"{path}: its sha256 does not fit" in refusal(cell)
    assert path.read_bytes() == edited


def flip_last_byte(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def cut_in_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("damage", [flip_last_byte, cut_in_half, Path.unlink])
def test_damaged_or_missing_samples_are_refused_and_the_record_is_kept(
    cell: Path, refusal, damage: Callable[[Path], object]
):
    before = (cell / "record.json").read_bytes()
    samples = cell / "generation-002" / "samples.safetensors"
    damage(samples)
    assert f"{samples}: damaged (" in refusal(cell)
    assert (cell / "record.json").read_bytes() == before


def test_a_missing_generation_is_refused_and_the_record_is_kept(cell: Path, refusal):
    before = (cell / "record.json").read_bytes()
    shutil.rmtree(cell / "generation-002")
    assert f"{cell / 'generation-002' / 'generation.json'}: damaged (" in refusal(cell)
    assert (cell / "record.json").read_bytes() == before


def test_other_real_images_than_the_cells_are_refused(cell: Path, refusal, tiny_task: Path):
    text = tiny_task.read_text()
    assert "\ntraining = 1297\n" in text
    tiny_task.write_text(text.replace("\ntraining = 1297\n", "\ntraining = 1290\n"))
    assert f"{cell}: the cell was run with other real images" in refusal(cell)
