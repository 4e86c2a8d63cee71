"""A generator from a file, from its run to the leaderboard and back: held against its hash, never run unasked."""

import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from bench.cells.cell import GeneratorIdentity
from bench.cells.record import Record, read_record
from bench.cli.main import main
from bench.files.hashing import file_sha256
from bench.runs import environment
from bench.submission import contribution
from bench.submission.contribution import PLAIN_FILE, Change, check_contribution

# Importing the file leaves a trace: whoever does it is found out.
GENERATOR = '''"""Mean and deviation of each dimension: for tests."""

import torch

from bench import Generator, ImageSet

torch.trace_of_apart = True


class Apart(Generator):
    """Points whose dimensions know nothing of each other."""

    spread: float = 1.0

    def fit(self, pool, *, seed, from_scratch, checkpoint, progress, weights=None, budget=1.0, learning_rate=1.0):
        self._mean, self._deviation = pool.images.mean(0), pool.images.std(0)
        self.work.images_trained += len(pool)

    def sample(self, labels, seeds, sampling_bias, progress):
        noise = [torch.randn(self._mean.shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        return ImageSet(self._mean + self.spread * self._deviation * torch.stack(noise), labels)

    def images_per_fit(self, n):
        return n

    def evaluations_per_image(self, sampling_bias):
        return 0

    def state_dict(self):
        return {"mean": self._mean, "deviation": self._deviation}

    def load_state_dict(self, state):
        self._mean, self._deviation = state["mean"], state["deviation"]
'''
RUN = ["--task", "gaussian", "--loop", "fully_synthetic", "--generations", "2", "--device", "cpu"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with apart.py and runs/ of it, seeds 0 to 2."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "apart.py").write_text(GENERATOR)
    options = ["--generator", f"{folder / 'apart.py'}:spread=0.5", "--seeds", "0,1,2", "--runs", str(folder / "runs")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(environment, "_git", lambda *arguments: None)  # the checkout that is tested may be dirty
        assert main(["run", *RUN, *options]) == 0
    assert hasattr(torch, "trace_of_apart")
    return folder


@pytest.fixture
def here(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it with an empty leaderboard, in which commands start."""
    folder = tmp_path / "place"
    shutil.copytree(finished, folder)
    (folder / "leaderboard").mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delattr(torch, "trace_of_apart", raising=False)
    return folder


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Give a command, and return its status and what it printed; errors are the last line."""

    def run(*arguments: object) -> tuple[int, str]:
        capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return status, out if status == 0 else err.splitlines()[-1]

    return run


def records(folder: Path) -> list[Record]:
    return [read_record(path) for path in sorted(folder.glob("results/*.json"))]


def changes(root: Path) -> list[Change]:
    files = [path.relative_to(root) for path in (root / "leaderboard").rglob("*") if path.is_file()]
    return [Change(path, "A", PLAIN_FILE) for path in files]


def test_its_cells_carry_its_name_parameters_and_hash(here: Path):
    cells = sorted((here / "runs" / "cells").iterdir())
    for cell in cells:
        assert cell.name.startswith("gaussian-apart-fully_synthetic-none-smoke-seed")
        content = json.loads((cell / "record.json").read_text())
        assert content["schema_version"] == 3
        assert content["cell"]["generator"] == {
            "name": "apart", "params": {"spread": 0.5}, "sha256": file_sha256(here / "apart.py"),
        }  # fmt: skip
    assert len(cells) == 3


def test_its_file_is_submitted_with_its_cells_and_nothing_of_it_is_run(here: Path, said):
    status, out = said("submit", "runs", "--generator", "apart.py")
    assert status == 0, out
    assert "written  leaderboard/generators/apart.py" in out
    assert (here / "leaderboard/generators/apart.py").read_bytes() == (here / "apart.py").read_bytes()
    assert len(records(here / "leaderboard")) == 3
    assert not hasattr(torch, "trace_of_apart")
    assert check_contribution(changes(here), here) == []
    status, again = said("submit", "runs")  # the file is there
    assert status == 0
    assert "kept     leaderboard/generators/apart.py" in again


def test_without_its_file_or_with_another_it_is_refused(here: Path, said):
    assert "its generator 'apart' is from a file: give its file: --generator apart.py" in said("submit", "runs")[1]
    (here / "apart.py").write_text(GENERATOR + "\n")
    status, error = said("submit", "runs", "--generator", "apart.py")
    assert status == 2
    assert "--generator apart.py: not the file that runs/cells/" in error
    (here / "other.py").write_text(GENERATOR)
    assert (
        "no cell was run with it: their generators are apart" in said("submit", "runs", "--generator", "other.py")[1]
    )
    assert not list((here / "leaderboard").iterdir())


def test_a_missing_seed_is_named_with_a_command_that_has_the_file(here: Path, said):
    [cell] = (here / "runs" / "cells").glob("*-seed1-*")
    shutil.rmtree(cell)
    status, error = said("submit", "runs", "--generator", "apart.py")
    assert status == 2
    command = shlex.split(error[error.index("autophagy run") :])[1:]
    assert command[command.index("--generator") + 1] == "apart.py:spread=0.5"
    status, out = said(*command, "--dry-run", "--json")
    assert [each["cell"]["generator"]["params"] for each in json.loads(out)] == [{"spread": 0.5}]


def test_the_check_of_a_branch_wants_the_file_and_nothing_but_it(here: Path, said):
    assert said("submit", "runs", "--generator", "apart.py")[0] == 0
    file = here / "leaderboard/generators/apart.py"
    content = file.read_bytes()
    file.write_bytes(content + b"\n")
    problems = check_contribution(changes(here), here)
    assert sum("was run with another file than leaderboard/generators/apart.py" in each for each in problems) == 3
    assert "leaderboard/generators/apart.py: no result was run with this file" in problems
    file.rename(file.with_name("ddpm.py"))
    problems = check_contribution(changes(here), here)
    assert sum("the file of its generator is missing" in each for each in problems) == 3
    assert any("ddpm.py: has the name of a generator of the benchmark" in each for each in problems)
    file.write_bytes(content)
    file.with_name("ddpm.py").unlink()
    changed = [*changes(here), Change(Path("leaderboard/generators/old.py"), "M", PLAIN_FILE)]
    assert check_contribution(changed, here) == [
        "leaderboard/generators/old.py: was changed: files here are only added"
    ]
    assert set(contribution.ONLY_ADDED) == {"results", "methods", "generators", "reproductions", "submissions"}


def test_it_is_verified_where_its_file_is_given_and_not_run_unasked(here: Path, said, monkeypatch):
    assert said("submit", "runs", "--generator", "apart.py")[0] == 0
    result = min((here / "leaderboard/results").glob("*.json"))
    status, error = said("verify", result, "--device", "cpu")
    assert status == 2
    assert "generator 'apart' is somebody's program and is not run unasked: read its file, " in error
    assert error.endswith("--generator " + str((here / "leaderboard/generators/apart.py").resolve()))
    assert not hasattr(torch, "trace_of_apart")
    status, out = said("verify", result, "--generator", "leaderboard/generators/apart.py", "--device", "cpu")
    assert status == 0
    assert "AGREES (identical)" in out
    (here / "apart.py").write_text(GENERATOR + "\n")
    assert "its sha256 is " in said("verify", result, "--generator", "apart.py")[1]
    (here / "other.py").write_text(GENERATOR)
    assert "the record is of generator 'apart'" in said("verify", result, "--generator", "other.py")[1]


def test_a_generator_of_the_benchmark_has_no_file_to_verify_with(here: Path, said):
    path = here / "runs/cells"
    status, _ = said("run", *RUN, "--generator", "gaussian", "--runs", "plain")
    assert status == 0
    [record] = (here / "plain/cells").glob("*/record.json")
    assert "the generator of the record, gaussian, has no file" in said("verify", record, "--generator", "apart.py")[1]
    assert path.is_dir()


@pytest.mark.slow
def test_worker_processes_load_it_by_its_path_and_give_the_same(here: Path, said):
    generator = "apart.py:spread=0.5"
    status, error = said("run", *RUN, "--generator", generator, "--seeds", "0,1", "--runs", "two", "--workers", "2")
    assert status == 0, error
    for path in (here / "two/cells").glob("*/record.json"):
        alone = read_record(here / "runs/cells" / path.parent.name / "record.json")
        assert [g.samples_sha256 for g in read_record(path).generations] == [
            g.samples_sha256 for g in alone.generations
        ]
    assert len(list((here / "two/cells").glob("*/record.json"))) == 2


def test_other_parameters_and_another_file_have_a_g1_of_their_own(here: Path, said):
    for text, options in ((GENERATOR, ":spread=0.5"), (GENERATOR, ":spread=2"), (GENERATOR + "\n", ":spread=0.5")):
        (here / "apart.py").write_text(text)
        assert said("run", *RUN, "--generator", f"apart.py{options}", "--runs", "g1")[0] == 0
    assert len(list((here / "g1/g1").iterdir())) == 3
    assert len(list((here / "g1/cells").iterdir())) == 3


def test_the_dry_run_knows_it_and_status_shows_it(here: Path, said):
    status, out = said("run", *RUN, "--generator", "apart.py", "--runs", "none", "--dry-run", "--json")
    assert status == 0, out
    [planned] = json.loads(out)
    assert planned["images_trained"] == 2 * 200
    assert planned["network_evaluations"] == 0
    assert "3 done" in said("status", "--runs", "runs")[1]


def test_a_fit_that_raises_is_one_line_of_the_dry_run(here: Path, said):
    (here / "apart.py").write_text(GENERATOR.replace("pool.images.mean(0)", "pool.images.mean(7)"))
    status, error = said("run", *RUN, "--generator", "apart.py", "--dry-run")
    assert status == 2
    assert "apart.py: a few steps of training and sampling raise IndexError: " in error


def test_threshold_takes_it(here: Path, said):
    options = ["--n-real", "100", "--n-synthetic", "100", "--generations", "3", "--last", "1", "--device", "cpu"]
    status, out = said("threshold", "--generator", "apart.py", *options, "--runs", "sweep", "--out", "found")
    assert status == 0, out
    assert any(path.name.startswith("gaussian-apart-fresh_data-") for path in (here / "sweep/cells").iterdir())


def test_an_identity_of_the_benchmark_is_a_name_and_one_from_a_file_has_all_three():
    own, file = GeneratorIdentity(name="ddpm"), GeneratorIdentity(name="flow", params={"width": 8}, sha256="a" * 64)
    assert own.model_dump() == "ddpm"
    assert GeneratorIdentity.model_validate("ddpm") == own
    assert GeneratorIdentity.model_validate(file.model_dump()) == file
    assert (own.option, file.option) == ("ddpm", "flow.py:width=8")
    assert len({own, file, GeneratorIdentity(name="flow", params={"width": 9}, sha256="a" * 64)}) == 3
