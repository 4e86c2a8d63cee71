"""Task files: those that ship with the package, and what is said of a broken one."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import paths
from bench.cells.task import CPU_TIERS, TIERS, Task, load_task, task_names
from bench.errors import BadInput
from bench.files.hashing import file_sha256

Change = Callable[..., Path]


@pytest.fixture
def changed(tmp_path: Path) -> Change:
    """Write a shipped task file with the first occurrence of one text replaced by another."""

    def write(old: str, new: str, task: str = "digits") -> Path:
        text = (paths.TASKS / f"{task}.toml").read_text(encoding="utf-8")
        assert old in text
        path = tmp_path / "broken.toml"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return path

    return write


def complaint(path: Path) -> str:
    """Return what is said of a broken task file, which is one line that starts with the file."""
    with pytest.raises(BadInput) as caught:
        load_task(str(path))
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


SHIPPED = ["cifar10", "digits", "fashion_mnist", "ffhq64", "gaussian", "mnist"]
# Records carry the hash of the task that they were run with: those of the leaderboard keep theirs.
WITH_RECORDS = {
    "digits": "1d3c09377ca928b712c0f37af503f9f34d0ca1a315656835a694dfd77fe4a0bf",
    "gaussian": "53e993d373f6474863102f928787bb44b8b1ec3ce479f01f775d401b3bd1aa16",
}


def test_all_shipped_tasks_are_found():
    assert task_names() == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_task_loads_under_the_name_of_its_file(name: str):
    assert load_task(name).name == name


@pytest.mark.parametrize(("name", "sha256"), WITH_RECORDS.items())
def test_a_shipped_task_that_has_records_keeps_its_hash(name: str, sha256: str):
    assert load_task(name).sha256 == sha256


@pytest.mark.parametrize("name", ["digits", "fashion_mnist", "mnist"])
def test_a_shipped_task_names_weights_that_are_there_with_the_hash_it_pins(name: str):
    task = load_task(name)
    assert task.features is not None
    assert file_sha256(task.path.parent / task.features.weights) == task.features.sha256


@pytest.mark.parametrize("name", task_names())
def test_the_tiers_of_a_shipped_task_come_the_cheapest_first(name: str):
    tiers = list(load_task(name).tiers)
    assert tiers == [tier for tier in TIERS if tier in tiers]


@pytest.mark.parametrize("name", ["cifar10", "ffhq64"])
def test_a_shipped_task_in_colour_is_scored_without_a_download_in_its_tiers_for_a_cpu_alone(
    name: str,
):
    task = load_task(name)
    spaces = {tier: task.space_name(tier) for tier in task.tiers if tier not in CPU_TIERS}
    assert spaces == {"standard": "inception", "paper": "inception"}
    assert {task.space_name(tier) for tier in task.tiers if tier in CPU_TIERS} == {"efficientnet-lite0"}


@pytest.mark.parametrize("name", [name for name in SHIPPED if name != "gaussian"])
def test_every_tier_of_a_shipped_task_of_images_has_valid_settings_of_a_ddpm(name: str):
    for tier in load_task(name).tiers.values():
        assert tier.generator_settings("ddpm").images >= 1


def test_the_shape_is_that_of_an_image_or_of_a_point():
    assert load_task("digits").data.image_shape == (1, 8, 8)
    assert load_task("gaussian").data.image_shape == (100,)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("dimensions = 100", "channels = 1", ["data: size is missing", "channels and size", "dimensions"]),
        ("dimensions = 100", "", ["data: channels is missing", "channels and size", "dimensions"]),
        ("dimensions = 100", "dimensions = 100\nsize = 8", ["data: size is 8 and dimensions 100", "or dimensions"]),
        ("dimensions = 100", "dimensions = 0", ["data.dimensions = 0", "greater than or equal to 1"]),
        ("dimensions = 100", "channels = 1\nsize = 8", ["tiers.smoke.generators.gaussian", "makes points"]),
        ("generators.gaussian]", "generators.gaussian]\nimages = 1", ["gaussian.images is not a known key"]),
        (
            'features = "identity"',
            'features = "mine"',
            ["tiers.smoke.features: 'mine' is no", "inception", "identity"],
        ),
        ('features = "identity"\n', "", ["tiers.smoke.features is missing", "inception", "identity"]),
    ],
)
def test_a_broken_file_of_points_is_refused_too(changed: Change, old: str, new: str, said: list[str]):
    message = complaint(changed(old, new, task="gaussian"))
    assert [words for words in said if words not in message] == []


def test_a_ddpm_is_refused_for_points(changed: Change):
    digits = (paths.TASKS / "digits.toml").read_text(encoding="utf-8")
    ddpm = digits[digits.index("[tiers.smoke.generators.ddpm]") :].partition("\n\n")[0]
    message = complaint(changed("[tiers.smoke.generators.gaussian]", ddpm, task="gaussian"))
    assert "tiers.smoke.generators.ddpm: it makes images, the task's data are points" in message


def test_a_tier_names_no_feature_space_where_the_task_has_its_own(changed: Change):
    message = complaint(changed("n_score = 500", 'n_score = 500\nfeatures = "identity"'))
    assert "tiers.smoke.features is 'identity'" in message
    assert "give one of the two" in message


@pytest.mark.parametrize(
    ("task", "size", "said"),
    [
        ("cifar10", 15, "tiers.smoke.size is 15: choose a size that divides data.size, 32"),
        ("cifar10", 64, "tiers.smoke.size is 64: choose a size that divides data.size, 32"),
        ("gaussian", 10, "tiers.smoke.size is 10: points have no size"),
        ("digits", 4, "tiers.smoke.size is 4: the task's feature space is for 8 pixels"),
    ],
)
def test_a_tier_shrinks_images_by_whole_factors_and_not_those_of_an_own_feature_space(
    changed: Change, task: str, size: int, said: str
):
    text = (paths.TASKS / f"{task}.toml").read_text(encoding="utf-8")
    start = text.index("[tiers.smoke]\n")
    tier = text[start : text.index("[tiers.smoke.loops]")]
    without = "".join(line for line in tier.splitlines(keepends=True) if not line.startswith("size ="))
    assert said in complaint(changed(tier, without.replace("n_score", f"size = {size}\nn_score", 1), task))


def test_a_general_feature_network_is_for_the_one_size_of_the_tiers(changed: Change):
    path = changed('network = "digits_cnn"', 'network = "cnn"')
    assert load_task(str(path)).feature_shape == (1, 8, 8)
    path.write_text(path.read_text(encoding="utf-8").replace("[tiers.smoke]", "[tiers.smoke]\nsize = 4"))
    assert "tiers have images of 4 and 8 pixels: the task's feature space is for one size" in complaint(path)


def test_points_are_not_mirrored(changed: Change):
    message = complaint(changed("dimensions = 100", "dimensions = 100\nhorizontal_flips = true", "gaussian"))
    assert "horizontal_flips is true: must be false" in message


def test_a_task_file_is_loaded_from_its_path(changed: Change):
    assert load_task(str(changed('name = "digits"', 'name = "mine"'))).name == "mine"


def test_hash_changes_with_the_content_and_not_with_comments(changed: Change):
    shipped = load_task("digits").sha256
    assert load_task(str(changed("# One GPU.", "# Another comment."))).sha256 == shipped
    assert load_task(str(changed("k = 5", "k = 3"))).sha256 != shipped


def test_hash_does_not_change_with_the_place_of_the_file(changed: Change, digits: Task):
    assert load_task(str(changed("# One GPU.", "# One GPU."))).sha256 == digits.sha256


def test_an_unlabelled_task_has_no_classes(changed: Change):
    path = changed('classes = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]', "")
    assert load_task(str(path)).data.n_classes is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("k = 5", "k = 5\nneighbours = 3", ["score.neighbours", "not a known key"]),
        ("version = 1", "version = 1\nauthor = 'me'", ["author", "not a known key"]),
        ("version = 1", "version = 1\npath = 'elsewhere'", ["path", "not a known key"]),
        ("version = 1", 'version = "one"', ["version = 'one'", "integer"]),
        ("channels = 1\n", "channels = [1]\n", ["data.channels = [1]", "1 or 3"]),
        ("n_score = 500", 'n_score = 500\nembedding = "vgg"', ["tiers.smoke.embedding: 'vgg' is no", "inception,"]),
        ('name = "digits"\nnetwork', 'name = "inception"\nnetwork', ["features.name is 'inception'", "another than"]),
        ("[tiers.smoke]", "[tiers.huge]", ["tiers.huge", "'smoke', 'laptop', 'standard' or 'paper'"]),
        ("reference = 500\n", "", ["data.reference is missing"]),
        ('source = "sklearn_digits"', 'source = "web"', ["data.source = 'web'", "sklearn_digits", "mnist"]),
        ('network = "digits_cnn"', 'network = "vgg"', ["features.network = 'vgg'", "digits_cnn", "lenet"]),
        ("accuracy = 0.9980", "accuracy = 99.8", ["features.accuracy = 99.8", "less than or equal to 1"]),
        ("k = 5", "k = 0", ["score.k = 0", "greater than or equal to 1"]),
        ("[tiers.smoke.generators.ddpm]", "[tiers.smoke.generators.vae]", ["tiers.smoke", "generators.vae", "ddpm"]),
        ("images = 25600", "images = 0", ["tiers.smoke", "ddpm.images = 0", "greater than or equal to 1"]),
        ("images = 25600", "images = 25600\nepochs = 3", ["tiers.smoke", "ddpm.epochs", "not a known key"]),
        ("images = 25600\n", "", ["tiers.smoke", "ddpm.images is missing"]),
        ("channels = [16, 32]", "channels = [16, 36]", ["tiers.smoke", "ddpm.channels has 36", "multiple of 16"]),
        ("n_real = 500,", "n_real = 0,", ["tiers.smoke", "synthetic_augmentation.n_real is 0", "1 or more"]),
        ("n_real = 0,", "n_real = 7,", ["tiers.smoke", "fully_synthetic.n_real is 7", "must be 0"]),
        ("fresh_data = {", "stale_data = {", ["tiers.smoke.loops.stale_data", "fresh_data"]),
        ("size = 8", 'size = 8\npath = "photos"', ["data: path is 'photos' and source sklearn_digits", "image_files"]),
        ("n_score = 500", "n_score = 501", ["tiers.smoke.n_score is 501", "6 to 500"]),
        ("n_score = 500", "n_score = 1", ["tiers.smoke.n_score = 1", "greater than or equal to 2"]),
        ("training_sha256 = \"5", "training_sha256 = \"x", ["data.training_sha256 = 'x", "0-9a-f"]),
        ('training_sha256 = "5', '# "5', ["data", "training_sha256 is missing", "both hashes are pinned or none"]),
        ("n_score = 500", 'n_score = 500\nfeatures = "vgg"', ["tiers.smoke.features: 'vgg' is no", "inception,"]),
        ("n_score = 500", 'n_score = 500\nfeatures = "inception"', ["tiers.smoke.features", "of its own", "one of"]),
        ('name = "digits"', 'name = "../digits"', ["name = '../digits'", "a-z"]),
        ("version = 1", "version = ", ["not a readable TOML file", "line 2"]),
    ],
    ids=lambda value: None if isinstance(value, list) else " ".join(value.split())[:40] or "nothing",
)  # fmt: skip
def test_a_broken_file_is_refused_with_file_key_value_and_what_is_allowed(
    changed: Change, old: str, new: str, said: list[str]
):
    message = complaint(changed(old, new))
    assert [words for words in said if words not in message] == []


def test_a_file_without_the_section_features_names_a_feature_space_in_each_tier(tmp_path: Path):
    text = (paths.TASKS / "cifar10.toml").read_text(encoding="utf-8")
    path = tmp_path / "broken.toml"
    path.write_text(text.replace('features = "inception"\n', "", 1), encoding="utf-8")
    message = complaint(path)
    assert message.startswith(f"{path}: tiers.standard.features is missing")
    assert "efficientnet-lite0" in message


def test_a_file_pins_both_hashes_or_none(changed: Change, tmp_path: Path):
    text = changed("", "").read_text(encoding="utf-8")
    path = tmp_path / "unpinned.toml"
    path.write_text(re.sub(r"(?m)^(training|reference)_sha256.*\n", "", text), encoding="utf-8")
    assert not load_task(str(path)).data.pins_hashes
    assert load_task("digits").data.pins_hashes


# The least that a task of images says.
SHORT = """
name = "pets"
version = 1
title = "Pets"

[data]
source = "image_files"
channels = 3
size = 16
training = 60
reference = 20

[tiers.standard]
n_score = 20
features = "identity"
loops.fully_synthetic = { generations = 2, n_initial = 40, n_real = 0, n_synthetic = 30 }

[tiers.standard.generators.ddpm]
channels = [16]
layers_per_block = 1
attention = false
images = 100
batch_size = 10
learning_rate = 1e-3
sampling_steps = 2
sampling_batch = 10
"""


@pytest.fixture
def short(tmp_path: Path) -> Change:
    """Write the short task file with the first occurrences of texts replaced by others."""

    def write(*changes: tuple[str, str]) -> Path:
        text = SHORT
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        path = tmp_path / "pets.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_file_has_the_tiers_and_loops_that_its_author_needs(short: Change):
    task = load_task(str(short()))
    assert list(task.tiers) == ["standard"]
    assert list(task.tiers["standard"].loops) == ["fully_synthetic"]


def test_five_neighbours_are_what_is_usual(short: Change):
    assert load_task(str(short())).score.k == 5


def test_a_tier_that_is_not_in_the_file_is_refused_with_those_that_are(short: Change):
    task = load_task(str(short()))
    with pytest.raises(BadInput, match=r"pets.toml: tiers.smoke is missing: choose standard$"):
        task.tier("smoke")


def test_a_loop_that_is_not_in_the_file_is_refused_with_those_that_are(short: Change):
    task = load_task(str(short()))
    with pytest.raises(BadInput, match=r"tiers.standard.loops.fresh_data is missing: choose fully_synthetic$"):
        task.loop_sizes("standard", "fresh_data")


def test_a_tier_without_loops_is_refused(short: Change):
    line = next(line for line in SHORT.splitlines() if line.startswith("loops."))
    assert "tiers.standard.loops = {}" in complaint(short((line, "loops = {}")))


def test_where_the_images_lie_is_no_part_of_the_hash(short: Change):
    without = load_task(str(short()))
    there = load_task(str(short(("size = 16", 'size = 16\npath = "photos"'))))
    assert there.data.path == Path("photos")
    assert there.sha256 == without.sha256


def test_all_that_is_wrong_with_a_file_is_said_at_once(short: Change):
    path = short(
        ("version = 1\n", ""),
        ("n_score = 20\n", ""),
        ("n_real = 0", "n_real = 3"),
        ("images = 100\n", "epochs = 3\n"),
        ("batch_size = 10\n", ""),
    )
    assert set(complaint(path).removeprefix(f"{path}: ").split("; ")) == {
        "version is missing",
        "tiers.standard.n_score is missing",
        "tiers.standard.loops.fully_synthetic.n_real is 3: must be 0",
        "tiers.standard.generators.ddpm.epochs is not a known key",
        "tiers.standard.generators.ddpm.images is missing",
        "tiers.standard.generators.ddpm.batch_size is missing",
    }


def test_what_sections_have_against_each_other_is_said_beside_what_is_wrong_within_one(short: Change):
    path = short(
        ("version = 1\n", ""),
        ("n_score = 20", "n_score = 21"),
        ('"identity"', '"identity"\nsize = 7'),
    )
    assert set(complaint(path).removeprefix(f"{path}: ").split("; ")) == {
        "version is missing",
        "tiers.standard.size is 7: choose a size that divides data.size, 16",
        "tiers.standard.n_score is 21: choose from score.k + 1 to the smaller of data.training and data.reference, "
        "6 to 20",
    }


def test_of_a_hundred_things_that_are_wrong_twenty_are_named(short: Change):
    path = short(("version = 1", "version = 1\n" + "\n".join(f"key{i} = 1" for i in range(100))))
    message = complaint(path)
    assert message.count("is not a known key") == 20
    assert message.endswith("(and 80 more)")


def test_a_file_that_is_not_text_is_refused(tmp_path: Path):
    path = tmp_path / "broken.toml"
    path.write_bytes(b'name = "\xff"')
    assert "not a readable TOML file" in complaint(path)


@pytest.mark.parametrize("name", ["imagenet", "", "nowhere/digits.toml"])
def test_an_unknown_task_is_refused_with_those_that_there_are(name: str):
    with pytest.raises(
        BadInput, match=rf"^no task '{name}': .*choose one of .*digits, .*mnist.*file: `autophagy new-task"
    ):
        load_task(name)


@pytest.mark.parametrize(
    "content",
    [b"a = " + b"[" * 5000, b"a = " + b"9" * 5000, b"\xff", b"a = 1\na = 2", b"a = 1 " * 200_000],
    ids=["deep", "long number", "no text", "twice", "large"],
)
def test_a_file_that_no_reader_takes_is_refused(tmp_path: Path, content: bytes):
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    assert len(complaint(path)) < 1000


@pytest.mark.parametrize("key", ["training", "reference"])
def test_sizes_that_no_machine_has_are_refused(changed: Change, key: str):
    path = changed(f"\n{key} = ", f"\n{key} = 1000000000000000000000000000000  # ", "gaussian")
    assert f"data.{key} = 1000000000000000000000000000000" in complaint(path)
