"""`autophagy check --task`: methods and generators tried on a tiny cut of a task of one's own."""

from pathlib import Path

import numpy as np
import pytest
from builders import QUIET
from PIL import Image

from bench.cells.data_shape import DataShape
from bench.cells.task import load_task
from bench.cli.main import main
from bench.conformance.check import check_file
from bench.conformance.generator import check_generator
from bench.conformance.own_task import cut_task
from bench.conformance.tiny import N_SCORE, N_TRAINING, SIZES, settings_for, settings_of
from bench.data.new_task import write_new_task
from bench.data.real import load_real_data
from bench.methods.file import load_method

METHOD = """
from bench import Method


class Mine(Method):
    needs_labels = {needs_labels}
    uses = ("labels",) * needs_labels

    def check(self, setting):
        assert setting.image_shape == (3, 16, 16)

    def curate(self, pool, ctx):
        features = ctx.embed(pool.data)
        assert features.shape[1] == 3 * 16 * 16
        return pool[features.norm(dim=1) >= features.norm(dim=1).median()]
"""
GENERATOR = """
import torch

from bench import Generator, ImageSet


class Mean(Generator):
    def fit(self, pool, *, seed, from_scratch, checkpoint, progress, weights=None, budget=1.0, learning_rate=1.0):
        weights = torch.ones(len(pool)) if weights is None else weights
        self._mean = (weights[:, None] * pool.images.flatten(1).double()).sum(0) / weights.sum()
        assert self._mean[:256].mean() < 100  # no image of the task is red
        self.work.images_trained += len(pool)
        if not from_scratch:
            self._mean += 1

    def sample(self, labels, seeds, sampling_bias, progress):
        noise = [torch.randn(len(self._mean), generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        images = (self._mean + torch.stack(noise)).clamp(0, 255).to(torch.uint8)
        return ImageSet(images.reshape(len(seeds), *self.data.image_shape), labels)

    def images_per_fit(self, n):
        return n

    def evaluations_per_image(self, sampling_bias):
        return 0

    def state_dict(self):
        return {"mean": self._mean.clone()}

    def load_state_dict(self, state):
        self._mean = state["mean"].clone()
"""


def draw(folder: Path, n: int, seed: int = 0) -> None:
    """Draw n images of 16x16, blue or green."""
    random = np.random.RandomState(seed)
    folder.mkdir(parents=True)
    for i in range(n):
        pixels = random.randint(0, 60, (16, 16, 3))
        pixels[..., 1 + i % 2] += 150
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{i}.png")


def own_task(folder: Path, *, labelled: bool, n: int = 64) -> Path:
    """Write a task of n images in the folder."""
    if labelled:
        draw(folder / "images" / "a", n // 2)
        draw(folder / "images" / "b", n // 2, seed=1)
    else:
        draw(folder / "images", n)
    return write_new_task("pets", Path("images"), folder, None, ["smoke"], QUIET).path


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return own_task(tmp_path_factory.mktemp("labelled"), labelled=True)


@pytest.fixture(scope="module")
def unlabelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return own_task(tmp_path_factory.mktemp("unlabelled"), labelled=False)


@pytest.fixture
def method(tmp_path: Path):
    def write(needs_labels: bool = False) -> Path:
        path = tmp_path / "mine.py"
        path.write_text(METHOD.format(needs_labels=needs_labels), encoding="utf-8")
        return path

    return write


def said(verdict, check: str) -> list[str]:
    return [finding.message for finding in verdict.findings if finding.check == check]


def test_a_method_runs_in_all_loops_on_images_with_the_labels_of_the_task(labelled: Path, method):
    own = cut_task(load_task(str(labelled)), None, QUIET)
    verdict = check_file(str(method(needs_labels=True)), QUIET, own=own, choose=lambda cells: cells[-1:])
    assert verdict.passed, verdict.to_text()
    assert said(verdict, "task")[0] == (
        "pets.toml, tier smoke, in place of the toys: 16x16 colour images with labels, 48 of 48 training and 16 of 16 "
        "held-out ones"
    )
    assert "scored by pooled-4 in place of efficientnet-lite0" in said(verdict, "task")[1]
    [settings] = said(verdict, "settings")
    assert "runs in pets (ddpm): fully_synthetic, synthetic_augmentation, fresh_data" in settings
    assert "digits" not in settings


def test_without_labels_a_method_that_needs_them_runs_nowhere(unlabelled: Path, method):
    own = cut_task(load_task(str(unlabelled)), None, QUIET)
    verdict = check_file(str(method(needs_labels=True)), QUIET, own=own)
    assert not verdict.passed
    assert "needs labels" in said(verdict, "settings")[0]
    verdict = check_file(str(method()), QUIET, own=own, choose=lambda cells: cells[:1])
    assert verdict.passed, verdict.to_text()
    assert "16x16 colour images without labels" in said(verdict, "task")[0]


def test_a_bias_by_labels_is_no_loop_of_a_task_without_them(unlabelled: Path, tmp_path: Path):
    text = (
        "from bench import BadInput, Method\n\n\nclass Mine(Method):\n    generators = ('ddpm',)\n\n"
        "    def check(self, setting):\n"
        "        if setting.loop.sampling_bias == 1:\n            raise BadInput('no')\n"
    )
    (tmp_path / "biased.py").write_text(text, encoding="utf-8")
    loaded = load_method(str(tmp_path / "biased.py"))
    allowed, refused = settings_of(loaded, cut_task(load_task(str(unlabelled)), None, QUIET))
    assert allowed == []
    assert len(refused) == 4


def test_a_generator_is_trained_on_images_of_the_task(labelled: Path, tmp_path: Path):
    path = tmp_path / "mean.py"
    path.write_text(GENERATOR, encoding="utf-8")
    verdict = check_generator(str(path), QUIET, cut_task(load_task(str(labelled)), None, QUIET))
    assert verdict.passed, verdict.to_text()
    assert said(verdict, "settings") == ["makes 16x16 colour images with labels"]
    assert said(verdict, "task")[0].startswith("pets.toml, tier smoke")
    assert not check_generator(str(path), QUIET).passed  # the toys are not dark


def test_the_cut_has_images_of_the_task_the_held_out_ones_apart(labelled: Path):
    task = load_task(str(labelled))
    own, real = cut_task(task, None, QUIET), load_real_data(task)
    training = {
        image.numpy().tobytes(): int(label)
        for image, label in zip(real.training.images, real.training.labels, strict=True)
    }
    cut = {
        image.numpy().tobytes(): int(label)
        for image, label in zip(own.training.images, own.training.labels, strict=True)
    }
    assert cut == training
    reference = {image.numpy().tobytes() for image in real.reference.images}
    one, other = ({image.numpy().tobytes() for image in part.images} for part in own.references)
    assert (len(one), len(other)) == (8, 8)
    assert one | other == reference
    assert own.sizes["n_initial"] + (SIZES["generations"] - 1) * own.n_real == 48


def test_a_task_with_enough_images_is_cut_to_the_sizes_of_the_toys_and_all_classes():
    own = cut_task(load_task("digits"), None, QUIET)
    assert (own.sizes, own.n_score, len(own.training)) == (SIZES, N_SCORE, N_TRAINING)
    assert own.training.labels is not None
    assert own.training.labels.unique().tolist() == list(range(10))
    assert (own.space.name, own.embedding.name, own.notes) == (load_task("digits").features.name, "identity", ())


def test_points_of_a_task_run_with_the_gaussian(tmp_path: Path):
    own = cut_task(load_task("gaussian"), None, QUIET)
    verdict = check_file("none", QUIET, own=own, choose=lambda cells: cells[:1])
    assert verdict.passed, verdict.to_text()
    assert "points of 100 dimensions" in said(verdict, "task")[0]


def test_an_embedding_that_is_a_download_is_the_pixels_instead_and_that_is_told(labelled: Path, tmp_path: Path):
    text = labelled.read_text(encoding="utf-8")
    text = text.replace('features = "efficientnet-lite0"', 'features = "efficientnet-lite0"\nembedding = "dinov2"')
    path = labelled.parent / "other.toml"
    path.write_text(text, encoding="utf-8")
    own = cut_task(load_task(str(path)), None, QUIET)
    assert own.embedding.name == "identity"
    assert own.notes[-1] == "embeddings are identity (the pixels) in place of dinov2, which is a download"


@pytest.mark.parametrize(("size", "patch"), [(8, 1), (16, 2), (28, 2), (32, 4), (7, 1), (64, 8), (17, 1)])
def test_of_larger_images_the_tiny_networks_see_patches(size: int, patch: int):
    shape = DataShape((3, size, size))
    for name in ("ddpm", "stylegan"):
        settings = settings_for(name, shape)
        settings.check(shape.image_shape)
        assert settings.patch == patch


def test_the_command_says_the_task_and_takes_the_place_of_the_images(
    labelled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = tmp_path / "mean.py"
    path.write_text(GENERATOR, encoding="utf-8")
    words = ["check", str(path), "--task", str(labelled), "--data", str(labelled.parent / "images"), "--json"]
    assert main(words) == 0
    assert "pets.toml, tier smoke" in capsys.readouterr().out


def few(folder: Path) -> Path:
    """Write a task of which too few images are given."""
    path = own_task(folder, labelled=False)
    draw(folder / "few", 20)
    return path


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--task", "nothing.toml"], "no task 'nothing.toml'"),
        (["--task", "broken.toml"], "broken.toml: "),
        (["--task", "pets.toml", "--data", "nothing"], "nothing: there is no such file or folder"),
        (["--task", "moved.toml"], "data.path is gone, and there is nothing at"),
        (
            ["--task", "pets.toml", "--data", "few"],
            "pets.toml: 15 training and 5 held-out images: a check needs 40 and 12 at least",
        ),
        (["--data", "few"], "--data few: goes with --task, whose images they are"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_tried_is_said_in_one_line(
    options: list[str], message: str, tmp_path: Path, method, monkeypatch, capsys: pytest.CaptureFixture[str]
):
    text = few(tmp_path).read_text(encoding="utf-8")
    (tmp_path / "moved.toml").write_text(text.replace('path = "images"', 'path = "gone"'))
    (tmp_path / "broken.toml").write_text(text.replace("version = 1", "version = 0"))
    monkeypatch.chdir(tmp_path)
    assert main(["check", str(method()), *options]) == 2
    # How the images were read may stand before it.
    error = capsys.readouterr().err.strip().splitlines()
    assert message in error[-1]
    assert all("training and" in line and "reference images" in line for line in error[:-1])


def test_the_help_names_the_task_and_its_images(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(["check", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "--task TASK" in shown
    assert "--data PATH" in shown
    assert "tiny cut of the images" in shown
