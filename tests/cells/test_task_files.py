"""Where the task of a record is found."""

from pathlib import Path

import pytest
from builders import make_cell

from bench import paths
from bench.cells.task_files import KnownTasks
from bench.errors import BadInput

RECORD = Path("results/mine.json")


def own(folder: Path, name: str = "pets", file: str | None = None, version: int = 1) -> Path:
    """Write a task of one's own."""
    text = (paths.TASKS / "digits.toml").read_text(encoding="utf-8")
    folder.mkdir(exist_ok=True)
    path = folder / f"{file or name}.toml"
    text = text.replace('name = "digits"', f'name = "{name}"', 1).replace("version = 1", f"version = {version}", 1)
    path.write_text(text, encoding="utf-8")
    return path


def refusal(tasks: KnownTasks, **cell: object) -> str:
    with pytest.raises(BadInput) as caught:
        tasks.of_record(RECORD, make_cell(**cell))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_task_of_the_package_is_known():
    assert KnownTasks().of_record(RECORD, make_cell()).path == paths.TASKS / "digits.toml"


def test_a_task_of_the_folder_is_known(tmp_path: Path):
    path = own(tmp_path)
    assert KnownTasks(tmp_path).of_record(RECORD, make_cell(task="pets")).path == path


def test_a_given_task_is_known_whatever_its_file_is_called(tmp_path: Path):
    path = own(tmp_path, file="draft")
    tasks = KnownTasks(tmp_path / "nowhere", [path])
    assert tasks.of_record(RECORD, make_cell(task="pets")).path == path


def test_an_unknown_task_is_refused_with_the_option_that_takes_its_file(tmp_path: Path):
    assert refusal(KnownTasks(tmp_path), task="pets") == (
        "results/mine.json: task = 'pets': there are cifar10, digits, fashion_mnist, ffhq64, gaussian, mnist: give "
        "its file with --task FILE"
    )


def test_a_name_that_is_a_path_leads_nowhere(tmp_path: Path):
    own(tmp_path)
    assert KnownTasks(tmp_path / "tasks").find("../pets") is None


def test_a_record_of_another_version_is_frozen(tmp_path: Path):
    path = own(tmp_path, version=2)
    assert f"of task 'pets' {path} has 2" in refusal(KnownTasks(tmp_path), task="pets", task_version=1)
    assert "this version of the benchmark has 1" in refusal(KnownTasks(), task_version=7)


def test_a_file_of_the_folder_is_named_after_its_task(tmp_path: Path):
    own(tmp_path, name="dogs", file="pets")
    assert refusal(KnownTasks(tmp_path), task="pets").endswith("name = 'dogs': must be that of the file, 'pets'")


def test_a_given_file_cannot_stand_for_a_task_of_the_package(tmp_path: Path):
    path = own(tmp_path, name="mnist")
    with pytest.raises(BadInput, match=r"name = 'mnist': is the name of a task of the package: choose another"):
        KnownTasks(given=[path])


def test_what_is_given_is_a_task_file(tmp_path: Path):
    with pytest.raises(BadInput, match=r"^--task digits: give a task file \(.toml\)$"):
        KnownTasks(given=[Path("digits")])
