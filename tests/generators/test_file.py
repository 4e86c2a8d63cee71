"""Generators from files: how one is loaded, its parameters, and what is refused with one line."""

from pathlib import Path

import pytest
import torch
from builders import CPU, QUIET, MemoryCheckpoint, make_images

from bench.cells.data_shape import DataShape
from bench.cells.task import load_task
from bench.cli.main import main
from bench.errors import BadInput
from bench.files.hashing import file_sha256
from bench.generators.file import LoadedGenerator, load_generator
from bench.generators.network import NetworkGenerator
from bench.generators.new import write_new_generator

PLAIN = """
import torch

from bench import BadInput, Generator, ImageSet


class Mine(Generator):
    '''What it is.'''

    width: int = 3
    names: tuple[str, ...] = ("a", "b")

    def __init__(self, settings, data, engine):
        self.seen = self.width
        super().__init__(settings, data, engine)

    def fit(self, pool, *, seed, from_scratch, checkpoint, progress, weights=None, budget=1.0, learning_rate=1.0):
        self.work.images_trained += len(pool)

    def sample(self, labels, seeds, sampling_bias, progress):
        return ImageSet(torch.zeros((len(seeds), *self.data.image_shape), dtype=torch.uint8), labels)

    def images_per_fit(self, n):
        return n

    def evaluations_per_image(self, sampling_bias):
        return 0

    def state_dict(self):
        return {"nothing": torch.zeros(1)}

    def load_state_dict(self, state):
        pass
"""
NETWORK = """
import torch

from bench import NetworkGenerator, Training


class Mine(NetworkGenerator):
    width: int = 3

    def begin_fit(self, seed, from_scratch, steps, learning_rate):
        raise NotImplementedError

    def train_step(self, training, step, batch, random):
        raise NotImplementedError

    @property
    def numbers_per_image(self):
        return 64

    def evaluations_per_image(self, sampling_bias):
        return 1

    def draw(self, numbers, labels, sampling_bias):
        return numbers.reshape(-1, 1, 8, 8)

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass
"""
DIGITS = DataShape((1, 8, 8), 10)


def written(tmp_path: Path, text: str, name: str = "mine.py") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def refusal(text: str) -> str:
    with pytest.raises(BadInput) as caught:
        load_generator(text)
    message = str(caught.value)
    assert "\n" not in message
    return message


def built(loaded: LoadedGenerator, data: DataShape = DIGITS) -> object:
    return loaded.build(loaded.file_settings(100), data, CPU)


def test_a_file_is_loaded_by_its_path_with_its_name_hash_and_parameters(tmp_path: Path):
    path = written(tmp_path, PLAIN)
    loaded = load_generator(f"{path}:width=5")
    assert loaded.identity.name == "mine"
    assert loaded.identity.sha256 == file_sha256(path)
    assert loaded.identity.params == {"width": 5, "names": ["a", "b"]}
    assert loaded.source == f"{path}:width=5:names=['a', 'b']"


def test_parameters_are_attributes_from_the_first_line_of_the_constructor_on(tmp_path: Path):
    path = written(tmp_path, PLAIN)
    changed, default = (built(load_generator(text)) for text in (f"{path}:width=5", str(path)))
    assert (changed.width, changed.seen, changed.data) == (5, 5, DIGITS)
    assert (default.width, default.seen, default.settings.images) == (3, 3, 100)


def test_a_network_has_parameters_that_it_does_not_declare(tmp_path: Path):
    path = written(tmp_path, NETWORK)
    loaded = load_generator(f"{path}:batch_size=16")
    assert loaded.identity.params == {
        "width": 3, "batch_size": 16, "learning_rate": 1e-3, "ema_halflife": 0.05, "sampling_batch": 100,
    }  # fmt: skip
    settings = built(loaded).settings
    assert (settings.images, settings.batch_size, settings.steps) == (100, 16, 7)


def test_a_network_may_give_them_other_defaults(tmp_path: Path):
    path = written(tmp_path, NETWORK.replace("    width: int = 3", "    batch_size: int = 7"))
    assert load_generator(str(path)).identity.params["batch_size"] == 7
    assert built(load_generator(str(path))).settings.batch_size == 7
    assert built(load_generator(f"{path}:batch_size=9")).settings.batch_size == 9


def test_its_budget_is_the_tiers(tmp_path: Path):
    loaded, task = load_generator(str(written(tmp_path, NETWORK))), load_task("digits")
    assert loaded.settings(task, "smoke").images == task.tiers["smoke"].generators["ddpm"]["images"]
    tier = task.tiers["smoke"]
    assert tier.model_copy(update={"images": 77}).file_budget == 77
    stylegan = {"stylegan": tier.generators["stylegan"]}
    assert tier.model_copy(update={"generators": stylegan}).file_budget == stylegan["stylegan"]["images"]
    assert load_task("gaussian").tiers["smoke"].file_budget == 200


def test_one_of_the_benchmark_is_loaded_by_its_name_and_has_no_hash():
    loaded = load_generator("ddpm")
    assert (loaded.identity.name, loaded.identity.sha256, loaded.source) == ("ddpm", None, "ddpm")
    settings = loaded.settings(load_task("digits"), "smoke")
    assert isinstance(loaded.build(settings, DIGITS, CPU), NetworkGenerator)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1\n", "needs exactly one class derived from bench.Generator, found 0"),
        (PLAIN + "\n\nclass Other(Mine):\n    pass\n", "found 2"),
        ("from bench import NetworkGenerator\n", "found 0"),
        ("import bench.generators.ddpm\n", "imports bench.generators.ddpm"),
        ("def f(:\n", "cannot be imported: SyntaxError"),
        ("raise RuntimeError('no\\nluck')\n", "cannot be imported: RuntimeError: no"),
        (PLAIN.replace("width: int = 3", "width: int"), "parameter 'width' of class Mine has no default"),
        (PLAIN.replace("width: int = 3", "images: int = 3"), "parameter 'images': the budget is the tier's"),
        (PLAIN.replace("width: int = 3", "device: str = 'cpu'"), "parameter 'device': every generator has something"),
        (NETWORK.replace("width: int = 3", "batch_size: int = 0"), "parameter batch_size = 0"),
    ],
)
def test_a_file_that_is_no_generator_is_refused(tmp_path: Path, text: str, words: str):
    message = refusal(str(written(tmp_path, text)))
    assert str(tmp_path / "mine.py") in message
    assert words in message


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ":depth=3",
            "parameter 'depth': choose one of width, batch_size, learning_rate, ema_halflife",
        ),
        (":images=3", "parameter 'images': choose one of width"),
        (":width=x", "parameter width = 'x'"),
        (":batch_size=0", "parameter batch_size = "),
        (":width", "write name=value"),
    ],
)
def test_a_parameter_that_is_none_is_refused(tmp_path: Path, options: str, words: str):
    message = refusal(f"{written(tmp_path, NETWORK)}{options}")
    assert message.startswith(str(tmp_path / "mine.py"))
    assert words in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("gan", "--generator gan: choose one of ddpm, stylegan, gaussian, all"),
        ("nowhere/mine.py", "--generator nowhere/mine.py: choose one of ddpm"),
        ("ddpm:width=3", "the settings of ddpm are those of the task file"),
    ],
)
def test_a_name_that_is_none_is_refused(text: str, words: str):
    assert words in refusal(text)


@pytest.mark.parametrize(
    ("name", "words"),
    [("ddpm.py", "has the name of a generator of the benchmark"), ("My-flow.py", "named in lower case, digits and _")],
)
def test_a_file_with_a_wrong_name_is_refused(tmp_path: Path, name: str, words: str):
    assert words in refusal(str(written(tmp_path, PLAIN, name)))


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        (NETWORK, ["--task", "gaussian"], "mine.py, task 'gaussian': it makes images, the task's data are points"),
        (NETWORK, ["--sampling-bias", "0.5"], "Mine has no sampling bias (check_sampling_bias allows none): choose"),
        (NETWORK, ["--method", "sims"], "method sims is not for mine: choose ddpm"),
        (
            NETWORK.replace("reshape(-1, 1, 8, 8)", "reshape(-1, 1, 4, 16)"),
            [],
            "draws images of shape (1, 4, 16): those of task 'digits' have (1, 8, 8)",
        ),
        (NETWORK.replace("numbers.reshape", "numbers.reshap"), [], "drawing an image for task 'digits' raises Attri"),
        (NETWORK.replace("width: int = 3", "width: int = 3\n    w: int = 2\n\n    def __init__(self, a): ..."), [],
         "Mine(...) raises TypeError"),
    ],
)  # fmt: skip
def test_what_it_cannot_do_is_refused_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, options: list[str], words: str
):
    path = written(tmp_path, text)
    status = main(["run", "--generator", str(path), "--device", "cpu", "--runs", str(tmp_path / "runs"), *options])
    said = capsys.readouterr().err
    assert status == 2
    assert words in said.splitlines()[-1]
    assert said.splitlines()[-1].startswith("autophagy: error: ")
    assert not (tmp_path / "runs").exists()


def test_the_file_that_is_written_is_a_generator_of_its_name(tmp_path: Path):
    path = write_new_generator("small_flow", tmp_path)
    loaded = load_generator(f"{path}:width=8:steps=1")
    assert loaded.definition.__name__ == "SmallFlow"
    assert "y_generator" not in path.read_text()
    generator = loaded.build(loaded.file_settings(64), DIGITS, CPU)
    generator.fit(make_images(8), seed=0, from_scratch=True, checkpoint=MemoryCheckpoint(), progress=QUIET)
    images = generator.sample(torch.arange(3), [1, 2, 3], 0.5, QUIET)
    assert images.images.shape == (3, 1, 8, 8)
    assert generator.work.network_evaluations == 3 * 4


@pytest.mark.parametrize(("name", "words"), [("ddpm", "is a generator of the benchmark"), ("Flow", "lower case")])
def test_a_name_that_no_generator_can_have_is_refused(tmp_path: Path, name: str, words: str):
    with pytest.raises(BadInput, match=words):
        write_new_generator(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_there_is_not_replaced(tmp_path: Path):
    write_new_generator("mine", tmp_path)
    with pytest.raises(BadInput, match=r"mine\.py: there is such a file already"):
        write_new_generator("mine", tmp_path)
