"""The scores of any images against any others, and what is said where they cannot be had."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from builders import QUIET
from PIL import Image
from prdc import compute_prdc
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

from bench.errors import BadInput
from bench.features.base import FeatureSpace
from bench.features.cache import FeatureCache
from bench.features.identity import IdentitySpace
from bench.process.progress import Progress
from bench.scoring.compare import Comparison, compare

REAL, FAKE, TRAINING = (np.random.default_rng(i).normal(size=(90 - 10 * i, 3)) for i in range(3))


class MeanSpace(FeatureSpace):
    """Mean and spread of the pixels: images of any size have two features."""

    def __init__(self) -> None:
        super().__init__("mean", "5" * 64, "none needed", "cpu", 100)

    def embed(self, batch: torch.Tensor) -> torch.Tensor:
        pixels = batch.flatten(1).float()
        return torch.stack([pixels.mean(1), pixels.std(1)], 1)


def images(n: int, seed: int, size: int = 4, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, channels, size, size), dtype=np.uint8)


@pytest.fixture
def saved(tmp_path: Path):
    """Write an array to a file and return its path."""

    def save(name: str, array: np.ndarray) -> Path:
        np.save(tmp_path / f"{name}.npy", array)
        return tmp_path / f"{name}.npy"

    return save


@pytest.fixture
def compared(tmp_path: Path):
    """Compare two sets by their coordinates or pixels, with options changed."""

    def run(
        real: Path, fake: Path, training: Path | None = None, *,
        space: FeatureSpace | None = None, k: int = 5, bootstrap: int | None = None, extrapolate: bool = False,
        progress: Progress = QUIET,
    ) -> Comparison:  # fmt: skip
        cache = FeatureCache(tmp_path / "cache")
        return compare(
            real, fake, training, space or IdentitySpace(), k,
            bootstrap=bootstrap, extrapolate=extrapolate, cache=cache, progress=progress,
        )  # fmt: skip

    return run


def test_points_score_what_torch_fidelity_and_prdc_find(saved, compared):
    scores = compared(saved("real", REAL), saved("fake", FAKE), k=3).scores
    statistics = [fid_features_to_statistics(torch.from_numpy(points)) for points in (FAKE, REAL)]
    fid = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    shares = compute_prdc(REAL, FAKE, nearest_k=3)
    assert scores.fid == pytest.approx(fid, rel=1e-6)
    assert scores.model_dump(include=set(shares)) == pytest.approx(shares, abs=1e-9)


def test_a_folder_a_zip_and_an_array_of_the_same_images_have_the_same_scores(tmp_path: Path, saved, compared):
    arrays = images(30, 0), images(25, 1)
    for name, array in zip(("real", "fake"), arrays, strict=True):
        (tmp_path / name).mkdir()
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            for i, image in enumerate(array):
                path = tmp_path / name / f"{i:02d}.png"
                Image.fromarray(image[0]).save(path)
                archive.write(path, path.name)
    expected = compared(*map(saved, ("real", "fake"), arrays))
    assert compared(tmp_path / "real", tmp_path / "fake") == expected
    assert compared(tmp_path / "real.zip", tmp_path / "fake.zip") == expected


def test_a_comparison_says_what_it_depends_on(saved, compared):
    found = compared(saved("real", REAL), saved("fake", FAKE), saved("training", TRAINING), k=4)
    assert (found.n_real, found.n_fake, found.n_training, found.k) == (90, 80, 70, 4)
    assert (found.features, found.resize) == ("identity", "none")
    assert found.features_sha256 == IdentitySpace().sha256


def test_without_training_images_there_are_no_scores_of_memorisation(saved, compared):
    found = compared(saved("real", REAL), saved("fake", FAKE))
    assert found.n_training is None
    assert found.scores.authpct is None


def test_a_copied_training_set_has_no_authentic_points(saved, compared):
    found = compared(saved("real", REAL), saved("fake", TRAINING), saved("training", TRAINING)).scores
    assert (found.authpct, found.training_distance_ratio) == (0, 0)


def test_standard_errors_and_extrapolation_are_there_where_they_were_asked_for(saved, compared):
    paths = saved("real", REAL), saved("fake", FAKE)
    without, with_both = compared(*paths), compared(*paths, bootstrap=5, extrapolate=True)
    assert (without.standard_errors, without.fid_extrapolated) == ({}, None)
    assert with_both.standard_errors["fid"] > 0
    assert with_both.fid_extrapolated < with_both.scores.fid
    assert with_both.scores == without.scores


def test_the_same_comparison_has_the_same_standard_errors(saved, compared):
    paths = saved("real", REAL), saved("fake", FAKE)
    assert compared(*paths, bootstrap=3, extrapolate=True) == compared(*paths, bootstrap=3, extrapolate=True)


def test_a_space_that_resizes_compares_images_of_different_sizes(saved, compared):
    found = compared(saved("real", images(30, 0)), saved("fake", images(20, 1, size=6)), space=MeanSpace())
    assert (found.n_real, found.n_fake) == (30, 20)


@pytest.mark.parametrize(
    ("fake", "words"),
    [
        (images(20, 1, size=6), ["(1, 4, 4)", "(1, 6, 6)"]),
        (images(20, 1), ["20 images against 30"]),
        (images(30, 1, channels=3), ["REAL is grey and FAKE in colour"]),
    ],
    ids=["sizes", "numbers", "channels"],
)
def test_what_makes_scores_hard_to_compare_is_noted(saved, compared, capsys, fake: np.ndarray, words: list[str]):
    compared(saved("real", images(30, 0)), saved("fake", fake), space=MeanSpace(), progress=Progress())
    notes = capsys.readouterr().err
    assert [word for word in words if word not in notes] == []


@pytest.mark.parametrize(("n", "noted"), [(16, True), (17, False)])
def test_fid_of_no_more_images_than_dimensions_is_noted(saved, compared, capsys, n: int, noted: bool):
    compared(saved("real", images(n, 0)), saved("fake", images(n, 1)), progress=Progress())
    assert ("16 images in 16 dimensions" in capsys.readouterr().err) is noted


def test_sets_that_are_easily_compared_are_without_notes(saved, compared, capsys):
    compared(saved("real", REAL), saved("fake", REAL + 1), progress=Progress())
    assert "note: " not in capsys.readouterr().err


def test_what_was_read_is_said_and_stands_in_the_notes(saved, compared, capsys):
    paths = saved("real", images(30, 0)), saved("fake", images(30, 1))
    found = compared(*paths, progress=Progress())
    lines = [f"{path}: 30 images of 4 x 4, grey, an array (n, channels, height, width)" for path in paths]
    assert list(found.notes[:2]) == lines
    assert capsys.readouterr().err.splitlines()[:2] == lines


def test_grey_against_colour_of_one_size_says_so_and_nothing_of_resizes(saved, compared):
    found = compared(saved("real", images(30, 0)), saved("fake", images(30, 1, channels=3)), space=MeanSpace())
    assert "REAL is grey and FAKE in colour: grey is taken for three equal channels" in found.notes
    assert not any("resizes" in note for note in found.notes)


@pytest.mark.parametrize("n", [1, 7])
def test_images_that_two_sets_share_are_counted_from_one_on(saved, compared, n: int):
    real, fake, training = images(30, 0), images(30, 1), images(30, 2)
    training[:n] = real[:n]
    fake[5 : 5 + n] = real[20 : 20 + n]
    found = compared(saved("real", real), saved("fake", fake), saved("training", training), space=MeanSpace())
    verb = "is" if n == 1 else "are"
    assert any(note.startswith(f"{n} of 30 training images {verb} among the real images too") for note in found.notes)
    assert any(note.startswith(f"{n} of 30 generated images {verb} among the real images") for note in found.notes)
    assert not any("among the training images" in note for note in found.notes)


def test_a_set_with_jpeg_against_one_without_is_noted(tmp_path: Path, saved, compared):
    for name, suffix in (("real", "jpg"), ("fake", "png")):
        (tmp_path / name).mkdir()
        for i, image in enumerate(images(30, len(name) + len(suffix))):
            Image.fromarray(image[0]).save(tmp_path / name / f"{i}.{suffix}")
    found = compared(tmp_path / "real", tmp_path / "fake", space=MeanSpace())
    assert any("of REAL there are JPEG files, of FAKE none" in note for note in found.notes)


NAN = np.where(np.arange(80)[:, None] == 3, np.nan, FAKE)
CONSTANT = np.ones((40, 3))


@pytest.mark.parametrize(
    ("real", "fake", "training", "about", "words"),
    [
        (REAL, FAKE[:5], None, "fake", "5 images cannot be scored: k = 5 needs at least 6"),
        (REAL[:1], FAKE, None, "real", "1 image cannot be scored"),
        (NAN, FAKE, None, "real", "not finite"),
        (REAL, NAN, None, "fake", "not finite"),
        (REAL, FAKE, NAN, "training", "not finite"),
        (CONSTANT, FAKE, None, "real", "all 40 real images have the same features"),
        (REAL, FAKE[:, :2], None, "fake", "(2,)"),
        (REAL, images(20, 0), None, "fake", "(1, 4, 4)"),
        (REAL, FAKE, TRAINING[:, :2], "training", "(2,)"),
        (REAL, FAKE, images(20, 0), "training", "(1, 4, 4)"),
        (REAL, FAKE * 1e200, None, "fake", "not finite"),
        (REAL, FAKE * 1e36, None, "fake", "too large"),
        (REAL, FAKE, TRAINING[:1], "training", "1 training image"),
        (REAL, FAKE, REAL, "training", "must be different images"),
    ],
)
def test_a_refusal_starts_with_the_path_of_the_set_that_it_is_about(
    saved, compared, real: np.ndarray, fake: np.ndarray, training: np.ndarray | None, about: str, words: str
):
    paths = {"real": saved("real", real), "fake": saved("fake", fake)}
    if training is not None:
        paths["training"] = saved("training", training)
    with pytest.raises(BadInput) as caught:
        compared(*paths.values())
    assert str(caught.value).startswith(f"{paths[about]}: ")
    assert words in str(caught.value)


def test_sets_too_small_to_extrapolate_are_refused(saved, compared):
    with pytest.raises(BadInput, match="FID of 7 images in 3 dimensions cannot be extrapolated: needed are 8 of each"):
        compared(saved("real", REAL), saved("fake", FAKE[:7]), extrapolate=True)
