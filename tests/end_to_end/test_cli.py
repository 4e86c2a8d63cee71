import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from prdc import compute_prdc

from bench.cli.main import main
from bench.generators.engine import Engine


@pytest.fixture
def fails(capsys):
    """Run the command line, and return its error: the last line on stderr, nothing on stdout, exit status 2.

    Before it there may be lines on how images were read, which begin with their path.
    """

    def run(*arguments: object) -> str:
        capsys.readouterr()
        assert main([str(argument) for argument in arguments]) == 2
        captured = capsys.readouterr()
        lines = [line for line in captured.err.splitlines() if not line.startswith("[")]
        assert captured.out == ""
        assert lines[-1].startswith("autophagy: error: "), captured.err
        assert all(line.startswith("/") for line in lines[:-1]), captured.err
        return lines[-1]

    return run


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("run --task nonsense", ["'nonsense'", "digits", "mnist"]),
        ("run --loop nonsense", ["nonsense", "fully_synthetic", "fresh_data"]),
        ("run --method nonsense", ["'nonsense'", "none", "accumulate_subsample"]),
        ("run --generator nonsense", ["nonsense", "ddpm"]),
        ("run --tier nonsense", ["nonsense", "smoke", "paper"]),
        ("run --pool last:0", ["pool", "last:0"]),
        ("run --protocol nonsense", ["protocol", "nonsense", "finetune"]),
        ("run --seeds one,2", ["--seeds", "one", "whole numbers"]),
        ("run --seeds -1", ["--seeds"]),
        ("run --seeds 1,1", ["--seeds", "different"]),
        ("run --sampling-bias high", ["--sampling-bias", "high", "(0, 1]"]),
        ("run --sampling-bias 0", ["--sampling-bias 0", "(0, 1]"]),
        ("run --sampling-bias 1.5", ["--sampling-bias 1.5", "(0, 1]"]),
        ("run --loop fresh_data --n-real 0", ["n_real is 0", "fresh_data"]),
        ("run --loop fully_synthetic --n-real 5", ["n_real is 5", "fully_synthetic"]),
        ("run --loop fresh_data --generations 20", ["digits", "1297", "lower generations to 5 or n_real to 41"]),
        ("run --loop fully_synthetic --n-initial 2000", ["2000", "1297"]),
        ("run --generations two", ["--generations", "two"]),
        ("run --device cuda:99", ["cuda:99", "cpu"]),
        ("run --data /does/not/exist", ["/does/not/exist"]),
        ("run --method accumulate_subsample", ["accumulate_subsample", "--pool accumulated"]),
        ("score a b --features nonsense", ["nonsense", "digits", "mnist", "inception", "identity"]),
        ("score a b", ["--features"]),
        ("score a b --features digits", ["a: there is no such file or folder"]),
        ("score a b --features digits --k 0", ["--k 0", "from 1"]),
        ("score a b --features digits --k five", ["--k", "five"]),
        ("score a b --features digits --bootstrap 1", ["--bootstrap 1", "from 2"]),
        ("score a b --features digits --bootstrap some", ["--bootstrap", "some"]),
        ("score a b --features digits --weights c", ["--weights c", "'digits'"]),
        ("score a b --features identity --weights c", ["--weights c", "'identity'"]),
        ("score a b --features inception --weights /does/not/exist", ["/does/not/exist", "'inception'"]),
        ("score a b --features digits --device cuda:99", ["cuda:99", "cpu"]),
        ("board --results /does/not/exist", ["/does/not/exist"]),
        ("data nonsense", ["'nonsense'", "digits"]),
        ("data digits --from /does/not/exist", ["/does/not/exist"]),
        ("run --task ffhq64 --sampling-bias 0.5", ["--sampling-bias 0.5", "'ffhq64'", "choose 1"]),
        ("list nonsense", ["nonsense", "tasks"]),
        ("run --no-such-option", ["--no-such-option"]),
    ],
)
def test_bad_arguments_are_one_line_that_names_them_and_what_is_allowed(fails, arguments, words):
    error = fails(*arguments.split())
    assert [word for word in words if word not in error] == []


def test_missing_data_says_how_to_get_it(fails, tmp_path, monkeypatch):
    monkeypatch.setenv("AUTOPHAGY_DATA", str(tmp_path))
    error = fails("run", "--task", "mnist", "--runs", tmp_path / "runs")
    assert "autophagy data mnist" in error
    assert "--data DIR" in error


def test_an_unwritable_run_folder_is_named(fails, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    assert str(tmp_path / "file") in fails("run", "--runs", tmp_path / "file" / "runs")


def test_an_unwritable_site_folder_is_named(fails, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "runs" / "cells").mkdir(parents=True)
    assert str(tmp_path / "file") in fails(
        "board", "--results", tmp_path / "runs", "--out", tmp_path / "file" / "site"
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("import no_such_module", "ModuleNotFoundError"),
        ("def broken(:", "SyntaxError"),
        ("x = 1", "class derived from"),
    ],
)
def test_a_method_file_that_is_none_is_named(fails, tmp_path, content, words):
    path = tmp_path / "mine.py"
    path.write_text(content)
    error = fails("run", "--method", path)
    assert str(path) in error
    assert words in error


def test_a_key_that_a_task_file_does_not_have_is_named(fails, tiny_task):
    text = tiny_task.read_text()
    tiny_task.write_text(text.replace("images = 256\nbatch_size = 64", "images = 256\nbatch_sice = 64"))
    error = fails("run", "--task", tiny_task)
    assert str(tiny_task) in error
    assert "tiers.smoke" in error
    assert "batch_sice" in error


@pytest.mark.parametrize("damage", ["truncated", "edited"])
def test_a_damaged_record_is_named_and_nothing_is_lost(fails, run_tiny, finished, tmp_path, damage):
    record = Path(finished("fully_synthetic")["record"])
    original = record.read_text()
    if damage == "truncated":
        record.write_text(original[: len(original) // 2])
    else:
        fid = json.loads(original)["generations"][-1]["scores"]["fid"]
        record.write_text(original.replace(repr(fid), repr(fid / 2)))
    damaged = record.read_text()
    runs = tmp_path / "runs"
    assert str(record) in fails("board", "--results", runs, "--out", tmp_path / "site")
    assert record.read_text() == damaged
    status, _, log = run_tiny("--loop", "fully_synthetic")
    assert status == 0
    assert f"{record}: damaged (" in log
    assert record.read_text() == original
    assert (record.parent / "set-aside" / "record.json.1").read_text() == damaged


def test_other_data_in_the_same_run_folder_is_refused(fails, finished, tiny_task, tmp_path):
    finished("fully_synthetic")
    tiny_task.write_text(tiny_task.read_text().replace("sampling_steps = 3", "sampling_steps = 4"))
    error = fails("run", "--task", tiny_task, "--loop", "fully_synthetic", "--runs", tmp_path / "runs")
    assert "task_sha256" in error
    assert "--runs" in error


def test_dry_run_prints_cells_and_budgets_and_runs_nothing(run_tiny, tmp_path):
    status, cells, _ = run_tiny("--dry-run", "--sampling-bias", "1,0.5")
    assert status == 0
    assert len(cells) == 6
    assert sum(cell["images_trained"] for cell in cells) == 256 * (6 * 3 - 5)  # G^1 once
    assert [cell["network_evaluations"] for cell in cells] == [630] * 3 + [1260] * 3
    assert all(cell["seconds"] > 0 for cell in cells)
    assert not (tmp_path / "runs").exists()


def test_dry_run_where_networks_cannot_be_compiled_is_of_what_runs_without(run_tiny, tmp_path, monkeypatch):
    (tmp_path / "compiled").write_text("no folder: compiled code cannot be kept")
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "compiled"))
    monkeypatch.setattr(Engine, "on", lambda device, **_: Engine(device, compiled=True))
    status, [cell], _ = run_tiny("--dry-run", "--measure", "--loop", "fully_synthetic")
    assert status == 0
    assert cell["seconds"] > 0


def test_dry_run_prints_the_size_of_each_cell_and_of_all(tiny_task, run_tiny, capsys):
    _, cells, _ = run_tiny("--dry-run", "--loop", "fresh_data", "--seeds", "0,1")
    assert [cell["disk_peak_bytes"] > cell["disk_bytes"] > 0 for cell in cells] == [True, True]
    assert main(["run", "--task", str(tiny_task), "--loop", "fresh_data", "--seeds", "0,1", "--dry-run"]) == 0
    *_, note = capsys.readouterr().out.splitlines()
    whole = sum(cell["disk_bytes"] for cell in cells)
    more = cells[0]["disk_peak_bytes"] - cells[0]["disk_bytes"]
    assert note == (
        f"{whole / 1e6:.1f} MB on disk, and up to {more / 1e6:.1f} MB more for each cell that runs (method state not "
        "included)."
    )


def test_run_prints_a_table_of_the_cells(tiny_task, tmp_path, capsys):
    assert main(["run", "--task", str(tiny_task), "--loop", "fully_synthetic", "--runs", str(tmp_path / "runs")]) == 0
    captured = capsys.readouterr()
    assert "digits-ddpm-fully_synthetic-none-smoke-seed0" in captured.out
    assert "precision" in captured.out
    assert len(re.findall(r"1?\.\d{3} -> 1?\.\d{3} of 1?\.\d{3} \(\d+% -> \d+%\)", captured.out)) == 2
    assert "generation 3/3 fit" in captured.err
    assert len(re.findall(r"FID \S+, precision \S+ of \S+ \(\d+%\), recall \S+ of \S+ \(\d+%\)", captured.err)) == 3
    assert "img/s" in captured.err


def test_board_makes_a_page_of_a_runs_folder(finished, tmp_path, capsys):
    for kind in ("fully_synthetic", "synthetic_augmentation", "fresh_data"):
        finished(kind)
    assert main(["board", "--results", str(tmp_path / "runs"), "--out", str(tmp_path / "site")]) == 0
    assert "3 cells" in capsys.readouterr().out
    assert len(list((tmp_path / "site" / "strips").glob("*.png"))) == 3


def test_the_list_of_tasks_says_which_tiers_each_has(capsys):
    assert main(["list", "tasks", "--json"]) == 0
    tasks = json.loads(capsys.readouterr().out)["tasks"]
    assert tasks["digits"].endswith("8x8 (smoke, standard, paper)")
    assert tasks["mnist"].endswith("(smoke, laptop, standard, paper)")


@pytest.mark.parametrize("what", ["tasks", "methods", "generators", "loops", "features"])
def test_list_names_what_there_is(capsys, what):
    assert main(["list", what, "--json"]) == 0
    [(key, content)] = json.loads(capsys.readouterr().out).items()
    assert key == what
    assert content
    assert all(content.values())


IMAGES, OTHER_IMAGES, HELD_OUT_IMAGES = (
    np.random.default_rng(i).integers(0, 256, (40, 1, 8, 8), dtype=np.uint8) for i in range(3)
)
POINTS, OTHER_POINTS, HELD_OUT_POINTS = (np.random.default_rng(i).normal(size=(60, 3)) for i in range(3))


@pytest.fixture
def saved(tmp_path):
    """Write images or points as an array, or images as a folder or a zip; return the path."""

    def save(name, array):
        path = tmp_path / name
        if path.suffix == ".npy":
            np.save(path, array)
            return path
        folder = path.with_suffix("")
        folder.mkdir()
        for i, image in enumerate(array):
            Image.fromarray(image.transpose(1, 2, 0).squeeze()).save(folder / f"{i:03d}.png")
        return path if path == folder else Path(shutil.make_archive(str(folder), "zip", folder))

    return save


@pytest.fixture
def scored(capsys):
    """Score one set against another, and return what --json prints."""

    def run(*arguments):
        capsys.readouterr()
        assert main(["score", *map(str, arguments), "--device", "cpu", "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return run


def test_score_of_real_images_against_themselves_is_perfect(saved, scored):
    from sklearn.datasets import load_digits

    images = np.rint(load_digits().images[:40, None] * (255 / 16)).astype(np.uint8)
    path = saved("real", images)
    scores = scored(path, path, "--features", "digits")
    assert scores["fid"] == pytest.approx(0, abs=1e-6)
    assert [scores[name] for name in ("precision", "recall", "coverage")] == [1, 1, 1]
    assert (scores["n_real"], scores["n_fake"], scores["k"]) == (40, 40, 5)
    assert (scores["features"], scores["resize"]) == ("digits", "none")


@pytest.mark.parametrize("suffix", ["", ".zip", ".npy"])
@pytest.mark.parametrize("features", ["digits", "identity"])
def test_score_of_a_collapsed_set_is_precise_and_covers_nothing(saved, scored, suffix, features):
    real, fake = saved(f"real{suffix}", IMAGES), saved(f"fake{suffix}", IMAGES[[7] * 40])
    scores = scored(real, fake, "--features", features)
    assert scores["precision"] > 0.99
    assert scores["recall"] < 0.05  # of 40 images: the one that is repeated


def test_score_of_points_is_that_of_prdc(saved, scored):
    real, fake = saved("real.npy", POINTS), saved("fake.npy", OTHER_POINTS.astype(np.float32))
    scores = scored(real, fake, "--features", "identity", "--k", "3")
    expected = compute_prdc(POINTS, OTHER_POINTS, nearest_k=3)
    assert {name: scores[name] for name in expected} == pytest.approx(expected, abs=1e-9)
    assert scores["k"] == 3


def test_score_with_training_images_tells_copies(saved, scored):
    real, training = saved("real.npy", POINTS), saved("training.npy", OTHER_POINTS)
    copies = scored(real, training, "--features", "identity", "--training", training)
    others = scored(real, saved("fake.npy", HELD_OUT_POINTS), "--features", "identity", "--training", training)
    assert (copies["authpct"], copies["training_distance_ratio"], copies["n_training"]) == (0, 0, 60)
    assert others["authpct"] > 10
    assert others["training_distance_ratio"] == pytest.approx(1, abs=0.3)


def test_score_has_the_floor_of_training_images_and_the_shares_that_are_reached(saved, scored):
    real, fake, training = (saved(f"{i}.npy", each) for i, each in enumerate((POINTS, HELD_OUT_POINTS, OTHER_POINTS)))
    scores = scored(real, fake, "--features", "identity", "--training", training)
    expected = compute_prdc(POINTS, OTHER_POINTS, nearest_k=5)
    assert scores["floor"] == pytest.approx({name: expected[name] for name in ("precision", "recall")}, abs=1e-9)
    assert scores["shares_of_floor"]["recall"] == pytest.approx(scores["recall"] / expected["recall"])


def test_score_has_no_floor_without_as_many_other_real_images_and_says_what_gives_one(saved, scored, capsys):
    real, fake, few = (saved(f"{i}.npy", each) for i, each in enumerate((POINTS, HELD_OUT_POINTS, OTHER_POINTS[:20])))
    for more in ([], ["--training", few]):
        scores = scored(real, fake, "--features", "identity", *more)
        assert (scores["floor"], scores["shares_of_floor"]) == (None, {})
    assert main(["score", str(real), str(fake), "--features", "identity"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("no floor: what real images themselves score is told")


def test_score_prints_standard_errors_and_extrapolation_where_they_are_asked_for(saved, scored):
    arguments = saved("real.npy", POINTS), saved("fake.npy", OTHER_POINTS), "--features", "identity"
    plain, more = scored(*arguments), scored(*arguments, "--bootstrap", "4", "--extrapolate")
    assert "fid_extrapolated" not in plain
    assert plain["standard_errors"] == {}
    assert more["fid_extrapolated"] < more["fid"]
    assert all(more["standard_errors"][name] > 0 for name in ("fid", "recall", "density"))


def test_score_prints_a_table_with_what_the_scores_depend_on(saved, capsys):
    paths = [str(saved(f"{i}.npy", points)) for i, points in enumerate((POINTS, OTHER_POINTS, HELD_OUT_POINTS))]
    options = ["--features", "identity", "--training", paths[2], "--bootstrap", "3", "--extrapolate"]
    assert main(["score", *paths[:2], *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = [line.split("  ")[0].split(",")[0] for line in lines[1:-1]]
    memorisation = ["authpct", "training_distance_ratio"]
    assert names == ["fid", "kid", "precision", "recall", "density", "coverage", *memorisation, "fid"]
    assert all(len(line.split()) >= 3 for line in lines[1:-2])  # each with its standard error
    with_floor = [line.split()[0] for line in lines[1:-2] if re.search(r"\d\.\d{4} \(\d+%\)$", line)]
    assert with_floor == ["precision", "recall"]
    assert "60 images against 60, 60 training images; features identity, resize none, k = 5" in lines[-1]


BAD_SETS = {
    "one image": (IMAGES[:1], "digits", "1 image"),
    "as many images as neighbours": (IMAGES[:5], "digits", "needs at least 6"),
    "a coordinate that is not a number": (np.where(POINTS > 2, np.nan, POINTS), "identity", "not finite"),
    "an infinite coordinate": (np.where(POINTS > 2, np.inf, POINTS), "identity", "not finite"),
    "images with float values": (IMAGES / 255, "identity", "float64"),
}


@pytest.mark.parametrize(("array", "features", "words"), BAD_SETS.values(), ids=BAD_SETS)
@pytest.mark.parametrize("bad", ["real", "fake"])
def test_score_refuses_in_one_line_that_names_the_set(fails, saved, array, features, words, bad):
    good = POINTS if array.ndim == 2 else IMAGES
    paths = {name: saved(f"{name}.npy", array if name == bad else good) for name in ("real", "fake")}
    error = fails("score", *paths.values(), "--features", features)
    assert f"error: {paths[bad]}: " in error
    assert words in error


def test_score_refuses_real_images_that_are_all_equal(fails, saved):
    real, fake = saved("real.npy", IMAGES[[7] * 40]), saved("fake.npy", IMAGES)
    for features in ("digits", "identity"):
        error = fails("score", real, fake, "--features", features)
        assert f"error: {real}: " in error
        assert "same features" in error


@pytest.mark.parametrize(
    ("array", "words"),
    [(np.zeros((40, 3, 32, 32), np.uint8), "(3, 32, 32)"), (POINTS, "points of 3 coordinates")],
    ids=["images of another size", "points"],
)
def test_score_refuses_what_the_feature_space_is_not_for(fails, saved, array, words):
    real, fake = saved("real.npy", array), saved("fake.npy", array)
    error = fails("score", real, fake, "--features", "digits")
    assert f"error: {real}: " in error
    assert words in error


def test_score_refuses_points_of_different_dimensions(fails, saved):
    real, fake = saved("real.npy", POINTS), saved("fake.npy", POINTS[:, :2])
    error = fails("score", real, fake, "--features", "identity")
    assert [word for word in (str(fake), "(2,)", str(real), "(3,)") if word not in error] == []


def test_score_refuses_a_reference_that_is_the_training_set(fails, saved):
    real, fake = saved("real.npy", IMAGES), saved("fake.npy", OTHER_IMAGES)
    error = fails("score", real, fake, "--features", "digits", "--training", real)
    assert str(real) in error
    assert "must be different images" in error


def test_score_refuses_too_few_images_to_extrapolate(fails, saved):
    real, fake = saved("real.npy", POINTS[:7]), saved("fake.npy", OTHER_POINTS[:7])
    error = fails("score", real, fake, "--features", "identity", "--extrapolate")
    assert "FID of 7 images in 3 dimensions cannot be extrapolated" in error


def bad_folder(folder, what):
    folder.mkdir()
    Image.fromarray(IMAGES[0, 0]).save(folder / "a.png")
    if what == "sizes":
        Image.fromarray(IMAGES[1, 0, :4]).save(folder / "b.png")
    elif what == "text":
        (folder / "b.png").write_text("not an image")
    else:
        (folder / "a.png").rename(folder / "a.txt")


@pytest.mark.parametrize(
    ("what", "name", "words"),
    [("sizes", "b.png", "(1, 4, 8)"), ("text", "b.png", "not a readable image"), ("none", "", "no images in it")],
)
@pytest.mark.parametrize("bad", ["real", "fake", "training"])
def test_score_refuses_a_folder_that_it_cannot_read_by_the_name_of_the_file(
    fails, saved, tmp_path, what, name, words, bad
):
    bad_folder(tmp_path / "bad", what)
    paths = {
        part: tmp_path / "bad" if part == bad else saved(f"{part}.npy", array)
        for part, array in (("real", IMAGES), ("fake", OTHER_IMAGES), ("training", HELD_OUT_IMAGES))
    }
    error = fails("score", paths["real"], paths["fake"], "--training", paths["training"], "--features", "digits")
    assert f"error: {tmp_path / 'bad' / name}: " in error
    assert words in error


def test_data_checks_the_digits_against_their_hashes(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("AUTOPHAGY_DATA", str(tmp_path / "data"))
    assert main(["data", "digits", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["pinned"] is True
    assert (content["training"]["n"], content["reference"]["n"]) == (1297, 500)


def drawn_digits(folder, n, *parts):
    """Write digits into class folders, n of each class into each part."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    for label in range(10):
        images = np.rint(digits.images[digits.target == label] * (255 / 16)).astype(np.uint8)
        for i, image in enumerate(images[: n * len(parts)]):
            path = folder / parts[i % len(parts)] / str(label) / f"{i:03d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
    return folder


def test_a_cell_runs_on_given_images_that_suffice_and_its_record_says_that_they_are_not_pinned(run_tiny, tmp_path):
    given = drawn_digits(tmp_path / "drawn", 16, "train", "test")
    status, [outcome], said = run_tiny("--loop", "fully_synthetic", "--data", str(given))
    assert status == 0
    assert "not the ones whose hashes the task file pins" in said
    record = json.loads(Path(outcome["record"]).read_text())
    assert record["data"]["pinned"] is False
    _, [zipped], _ = run_tiny(
        "--loop", "fully_synthetic", "--data", shutil.make_archive(given, "zip", given), runs="b"
    )
    assert json.loads(Path(zipped["record"]).read_text())["score"] == record["score"]


@pytest.mark.parametrize(
    ("n", "options", "words"),
    [
        (5, [], ["n_score = 60", "50 training images"]),
        (7, [], ["n_initial=80", "needs 80 real images", "has 70"]),
        (9, ["--generations", "9"], ["80 real images for generation 1", "30 new ones", "has 90", "n_real to 1"]),
    ],
)
def test_given_images_that_do_not_suffice_are_refused_with_how_many_are_needed(
    fails, tiny_task, tmp_path, n, options, words
):
    given = drawn_digits(tmp_path / "drawn", n, "train", "test")
    loop = "fresh_data" if options else "fully_synthetic"
    arguments = ("run", "--task", tiny_task, "--loop", loop, "--data", given, "--runs", tmp_path / "runs", *options)
    error = fails(*arguments)
    assert [word for word in words if word not in error] == []
    assert not (tmp_path / "runs").exists()


def test_a_task_without_labels_runs_in_a_space_that_its_tier_names(run_tiny, tiny_task, tmp_path):
    text = tiny_task.read_text()
    text = re.sub(r"(?m)^classes = .*$", "", text)
    text = re.sub(r"(?s)\[features\].*?(?=\[score\])", "", text)
    tiny_task.write_text(re.sub(r"(?m)^(n_score = .*)$", r'\1\nfeatures = "identity"', text))
    status, outcomes, _ = run_tiny("--loop", "all")
    assert (status, len(outcomes)) == (0, 3)
    for outcome in outcomes:
        record = json.loads(Path(outcome["record"]).read_text())
        assert record["score"]["features"] == "identity"
        assert {generation["scores"]["label_agreement"] for generation in record["generations"]} == {None}
        assert (Path(outcome["record"]).parent / "strip.png").is_file()


BAD_DATA = {
    "colour": (lambda image: image.convert("RGB"), "in colour"),
    "not square": (lambda image: image.crop((0, 0, 8, 7)), "8 x 7 pixels"),
}


@pytest.mark.parametrize(("change", "words"), BAD_DATA.values(), ids=BAD_DATA)
@pytest.mark.parametrize("verb", ["run", "data"])
def test_given_images_that_are_not_like_the_tasks_are_refused_by_name(
    fails, tmp_path, monkeypatch, verb, change, words
):
    monkeypatch.setenv("AUTOPHAGY_DATA", str(tmp_path / "data"))
    given = drawn_digits(tmp_path / "drawn", 8, "train", "test")
    for path in (given / "test").rglob("*.png"):
        change(Image.open(path)).save(path)
    error = fails(*(["run", "--data", given] if verb == "run" else ["data", "digits", "--from", given]))
    assert f"error: {given}/test/" in error
    assert words in error
    assert not (tmp_path / "data" / "digits" / "images.safetensors").exists()


def test_data_stores_given_images_and_says_that_they_are_not_pinned(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("AUTOPHAGY_DATA", str(tmp_path / "data"))
    given = drawn_digits(tmp_path / "drawn", 8, "train", "test")
    assert main(["data", "digits", "--from", str(given)]) == 0
    assert "NOT the images that the task pins" in capsys.readouterr().out
    assert main(["data", "digits", "--from", str(given), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert (content["training"]["n"], content["reference"]["n"], content["pinned"]) == (80, 80, False)


def test_data_of_a_task_that_pins_no_hashes_says_so(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("AUTOPHAGY_DATA", str(tmp_path / "data"))
    (tmp_path / "faces").mkdir()
    for i, image in enumerate(np.random.default_rng(0).integers(0, 256, (9, 16, 16, 3), dtype=np.uint8)):
        Image.fromarray(image).save(tmp_path / "faces" / f"{i}.png")
    assert main(["data", "ffhq64", "--from", str(tmp_path / "faces")]) == 0
    printed = capsys.readouterr().out
    assert "the task pins no hashes" in printed
    assert "training        6 images  sha256 " in printed


def test_help_and_list_need_no_torch():
    program = "import sys; from bench.cli.main import main; main(['list', 'tasks']); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True).returncode == 0


@pytest.mark.parametrize(
    "command",
    [["submit"], ["run", "--task"], ["run", "--data"], ["verify"], ["rescore", "--features", "identity"]],
    ids=lambda command: command[0],
)
def test_a_name_that_no_file_can_have_is_said_in_one_line(fails, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    line = fails(*command, "x" * 300)
    assert len(line) < 1000


def test_an_error_brings_no_control_characters_to_the_terminal(fails):
    assert r"\x1b[31m\u202e" in fails("run", "--task", "\x1b[31m\u202e")


def test_paths_that_are_no_text_are_printed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    assert main(["board", "--results", "results", "--out", "\udcff"]) == 0
    assert capsys.readouterr().out.startswith("\\udcff")


def test_too_little_memory_is_said_in_one_line(monkeypatch, capsys):
    def too_much(*_):
        raise MemoryError("Unable to allocate 8.00 TiB")

    monkeypatch.setattr("bench.data.real.store_real_data", too_much)
    assert main(["data", "gaussian"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("autophagy: error: the memory of this machine is used up: ")
    assert line.endswith("(Unable to allocate 8.00 TiB)")
