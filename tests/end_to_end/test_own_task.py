"""The commands of docs/tasks.md, word for word, with a folder of images in three classes."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.cells.record import Record, read_record
from bench.cells.task import load_task
from bench.cli.main import main
from bench.features import train
from bench.runs import environment

# It trains two generators and a classifier; data/test_new_task.py and features/test_train.py have the parts.
pytestmark = pytest.mark.slow

DOCUMENT = Path(__file__).parents[2] / "docs" / "tasks.md"
COLOURS = {"red": (220, 30, 30), "green": (30, 200, 40), "stripes": (30, 40, 220)}
# What the commands would take an hour with: the file is its author's to change.
TINY = {
    r"generations = \d+": "generations = 2",
    r"\bimages = \d+": "images = 64",
    r"channels = \[64\]": "channels = [16]",
    r"sampling_steps = \d+": "sampling_steps = 2",
    r'features = "efficientnet-lite0"': 'features = "identity"',
}


def commands() -> list[str]:
    blocks = re.findall(r"(?ms)^```sh\n(.*?)^```", DOCUMENT.read_text(encoding="utf-8"))
    return [line for block in blocks for line in block.splitlines()]


def draw_photos(folder: Path, n: int = 20) -> None:
    """Draw n images of 16x16 of each class: its colour, or stripes of it, with noise."""
    random = np.random.RandomState(0)
    for name, colour in COLOURS.items():
        (folder / name).mkdir(parents=True)
        for i in range(n):
            pixels = np.broadcast_to(np.array(colour), (16, 16, 3)) + random.normal(0, 20, (16, 16, 3))
            if name == "stripes":
                pixels = pixels * (np.arange(16) // 2 % 2)[:, None, None]
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / name / f"{i}.png")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the commands were given."""
    folder = tmp_path_factory.mktemp("own")
    draw_photos(folder / "photos")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("AUTOPHAGY_DATA", str(folder / "data"))
        patch.setattr(train, "STEPS", 60)
        patch.setattr(environment, "_git", lambda *arguments: None)  # the checkout that is tested may be dirty
        for line in commands():
            program, *words = shlex.split(line)
            if program == "mkdir":
                Path(words[0]).mkdir()
                continue
            assert main(words) == 0, line
            if words[0] == "new-task":
                text = Path("pets.toml").read_text(encoding="utf-8")
                for old, new in TINY.items():
                    text = re.sub(old, new, text)
                Path("pets.toml").write_text(text, encoding="utf-8")
    return folder


def records(runs: Path) -> dict[str, Record]:
    found = map(read_record, runs.glob("cells/*/record.json"))
    return {record.cell.generator.name: record for record in found}


def test_both_generators_were_run_on_the_images_that_the_file_pins(folder: Path):
    found = records(folder / "runs")
    assert set(found) == {"ddpm", "stylegan"}
    assert all(record.data.pinned for record in found.values())


def test_a_probe_that_tells_the_classes_apart_has_read_the_labels(folder: Path):
    for record in records(folder / "runs").values():
        assert record.score.probe is not None
        assert record.score.probe.accuracy == record.score.floor.label_agreement == 1  # they are three colours
        assert all(result.scores.label_agreement is not None for result in record.generations)
        assert all(result.scores.class_imbalance is not None for result in record.generations)


def test_after_the_training_labels_are_read_by_the_tasks_own_classifier(folder: Path):
    [record] = records(folder / "runs2").values()
    task = load_task(str(folder / "pets.toml"))
    assert (record.score.features, record.score.probe) == ("pets", None)
    assert record.score.features_sha256 == task.features.sha256
    assert task.features.accuracy > 0.9
    assert record.generations[0].scores.label_agreement is not None


def test_the_leaderboard_has_the_result_the_task_and_its_network(folder: Path):
    [result] = (folder / "leaderboard" / "results").glob("*.json")
    kept = load_task(str(folder / "leaderboard" / "tasks" / "pets.toml"))
    assert read_record(result).task_sha256 == kept.sha256 == load_task(str(folder / "pets.toml")).sha256
    assert (kept.path.parent / kept.features.weights).is_file()


def test_the_page_shows_the_result(folder: Path):
    assert "pets" in (folder / "site" / "index.html").read_text(encoding="utf-8")


def test_the_result_is_verified(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(folder)
    [result] = (folder / "leaderboard" / "results").glob("*.json")
    assert main(["verify", str(result), "--data", "photos", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["identical"]


def test_the_cell_is_scored_in_another_space_and_images_in_the_tasks_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(folder)
    [cell] = Path("runs2/cells").iterdir()
    assert main(["rescore", str(cell), "--features", "identity", "--task", "pets.toml"]) == 0
    assert main(["score", "photos", "photos", "--features", "pets.toml", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.partition("\n{")[2].join(["{", ""]))["features"] == "pets"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "--task", "pets.toml", "--loop", "fully_synthetic", "--tier", "paper"], "tiers.paper is missing"),
        (["new-task", "pets", "--from", "photos"], "there is such a file already"),
        (
            ["new-task", "more", "--from", "photos", "--tier", "huge"],
            "--tier huge: choose one of smoke, laptop, standard, paper",
        ),
        (["train-features", "digits"], "give the path of a task file"),
        (["submit", "runs", "--leaderboard", "leaderboard"], "task_sha256 = "),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_said_in_one_line(
    folder: Path, words: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(folder)
    capsys.readouterr()
    assert main(words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.strip().count("\n") == 0
