"""Scripts and notebooks: bench.run, bench.read_results, bench.compare and bench.score, and the page about them."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import bench
from bench import paths
from bench.cells.record import Record, read_record
from bench.cells.task import load_task
from bench.cli.main import main
from bench.data.draws import RealDraws
from bench.data.image_set import ImageSet
from bench.data.real import load_real_data

PAGE = paths.TASKS.parent / "docs" / "python.md"


@pytest.fixture
def cell(finished) -> Path:
    """The run folder of a finished cell."""
    return Path(finished("fresh_data")["record"]).parent


@pytest.fixture
def record(cell: Path) -> Record:
    return read_record(cell / "record.json")


@pytest.fixture
def samples(cell: Path) -> ImageSet:
    tensors = load_file(cell / "generation-003" / "samples.safetensors")
    return ImageSet(tensors["images"], tensors["labels"])


def refused(call) -> str:
    with pytest.raises(bench.BadInput) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_samples_of_a_cell_have_the_scores_of_its_record(record: Record, samples: ImageSet, tiny_task: Path):
    task = load_task(str(tiny_task))
    seen = RealDraws(load_real_data(task).training, "digits", 0).all(record.cell.loop)
    found = bench.score(
        samples.images, task=str(tiny_task), labels=samples.labels, training=seen, device="cpu", quiet=True
    )
    scores, floor = record.generations[-1].scores, record.score.floor
    of_real = {
        "precision_of_real": scores.precision / floor.precision,
        "recall_of_real": scores.recall / floor.recall,
    }
    assert found == scores.model_dump(exclude_none=True) | of_real


def test_the_command_gives_the_same_numbers(
    record: Record, samples: ImageSet, tiny_task: Path, tmp_path: Path, capsys
):
    np.save(tmp_path / "fake.npy", samples.images.numpy())
    capsys.readouterr()
    words = ["score", "--task", str(tiny_task), str(tmp_path / "fake.npy"), "--device", "cpu", "--json"]
    assert main(words) == 0
    printed = json.loads(capsys.readouterr().out)
    expected = record.generations[-1].scores.model_dump()
    for name in ("fid", "kid", "precision", "recall", "density", "coverage"):
        assert printed[name] == expected[name]
    assert (printed["n_real"], printed["n_fake"], printed["k"]) == (60, 60, 5)
    assert "label_agreement" not in printed


def test_forms_of_images_are_the_same(samples: ImageSet, tiny_task: Path, tmp_path: Path):
    np.save(tmp_path / "fake.npy", samples.images.numpy())
    forms = [samples.images, samples.images.numpy(), ImageSet(samples.images), str(tmp_path / "fake.npy")]
    found = [bench.score(form, task=str(tiny_task), device="cpu", quiet=True) for form in forms]
    assert found == [found[0]] * 4


def test_without_a_task_the_numbers_are_those_of_the_command(tmp_path: Path, capsys):
    draw = np.random.default_rng(0)
    real, fake = (draw.integers(0, 256, (40, 1, 8, 8), dtype=np.uint8) for _ in range(2))
    np.save(tmp_path / "real.npy", real)
    np.save(tmp_path / "fake.npy", fake)
    capsys.readouterr()
    paths_of = [str(tmp_path / "real.npy"), str(tmp_path / "fake.npy")]
    assert main(["score", *paths_of, "--features", "identity", "--device", "cpu", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    found = bench.score(fake, real=real, features="identity", device="cpu", quiet=True)
    assert found == {name: printed[name] for name in found}  # without a share: no real images are left for a floor


def test_results_are_read_as_rows_of_their_records(cell: Path, record: Record):
    rows = bench.read_results(cell.parents[1])
    assert [row["generation"] for row in rows] == [0, 1, 2, 3]
    assert [row["fid"] for row in rows[1:]] == [each.scores.fid for each in record.generations]
    assert rows[0]["fid"] == record.score.floor.fid
    assert {row["cell_id"] for row in rows} == {record.cell_id}


def test_a_run_gives_what_is_read_afterwards(tmp_path: Path):
    arguments = {"task": "gaussian", "generator": "gaussian", "loop": "fresh_data", "generations": 2}
    found = bench.run(**arguments, seeds=[1, 0], runs=tmp_path / "runs", device="cpu", quiet=True)
    assert [row["seed"] for row in found[::3]] == [1, 0]
    read = bench.read_results(tmp_path / "runs")
    assert sorted(map(str, read)) == sorted(map(str, found))
    (row,) = bench.compare(tmp_path / "runs")
    assert (row["method"], row["seeds"]) == ("none", "0 1")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: bench.run(seed=3), "run(seed=...): did you mean seeds? choose one of task, generator, loop, "),
        (lambda: bench.score([], tasks="digits"), "score(tasks=...): did you mean task? choose one of images, real"),
        (lambda: bench.compare("x", against="neon"), "compare(against=...): choose to"),
        (lambda: bench.read_results(path="x"), "read_results(path=...): give folders alone"),
        (lambda: bench.run(task="digitz"), "no task 'digitz': did you mean digits? choose one of cifar10, digits, "),
        (lambda: bench.run(loop="fresh"), "--loop fresh: did you mean fresh_data? choose one of fully_synthetic, "),
        (lambda: bench.run(method="nome"), "no method 'nome': did you mean none? choose one of "),
        (lambda: bench.run(seeds="0"), "seeds = '0': give int, or a list of them"),
        (lambda: bench.run(seeds=[0, 0]), "seeds = [0, 0]: give different values"),
        (lambda: bench.score("x"), "score: give one of task=NAME and real=IMAGES"),
        (lambda: bench.score("x", "y", task="digits"), "score: give one of task=NAME and real=IMAGES"),
        (lambda: bench.score("nowhere", task="digits"), "nowhere: "),
        (lambda: bench.score(torch.zeros(3, 8, 8), task="digits"), "images: images must be uint8 (n, channels, "),
        (lambda: bench.score(np.zeros((9, 1, 8, 8), np.uint8), np.zeros((9, 1, 8, 8), np.uint8)), "score: features"),
        (lambda: bench.score(np.zeros((9, 1, 8, 8), np.uint8), task="digits"), "images: 9 images: the tier smoke of"),
        (lambda: bench.score(np.zeros((500, 3, 8, 8), np.uint8), task="digits"), "images: torch.uint8 of shape (3, 8"),
        (
            lambda: bench.score(np.zeros((500, 1, 8, 8), np.uint8), task="digits", tier="big"),
            "--tier big: task 'digits' has smoke, standard",
        ),
        (
            lambda: bench.score(np.zeros((500, 1, 8, 8), np.uint8), task="digits", labels=[10] * 500, quiet=True),
            "labels from 10 to 10: choose from 0 to 9",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(call, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert refused(call).startswith(said)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["x", "--task", "digits", "--k", "3"],
            "--k: not with --task, which says what FAKE is scored against, and how",
        ),
        (["x", "y", "--task", "digits"], "REAL: not with --task, which says what FAKE is scored against, and how"),
        (["x", "--tier", "smoke", "y"], "--tier: only with --task"),
        (["x", "--task", "digits", "y"], "REAL: not with --task, which says what FAKE is scored against, and how"),
        (["nowhere", "--task", "digits"], "nowhere: there is no such file or folder"),
        (["--task", "digits", "nowhere"], "nowhere: there is no such file or folder"),
        (["nowhere", "--features", "identity", "x"], "nowhere: there is no such file or folder"),
        (["x"], "the following arguments are required: FAKE (see autophagy score --help)"),
        (["x", "y"], "add --features NAME (`autophagy list features` has them), or --task NAME and no REAL"),
    ],
)
def test_score_is_told_one_way(capsys, words, said):
    assert main(["score", *words]) == 2
    assert capsys.readouterr().err == f"autophagy: error: {said}\n"


def test_the_page_is_a_notebook_that_runs(tmp_path: Path, monkeypatch, capsys):
    pytest.importorskip("pandas")
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for code in re.findall(r"(?ms)^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8")):
        exec(code, names)
    assert (tmp_path / "fid.png").read_bytes().startswith(b"\x89PNG")
    assert "random_subset" in capsys.readouterr().out
