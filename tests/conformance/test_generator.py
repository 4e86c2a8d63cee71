"""The check of a generator: a good one passes, and each broken promise is found and named with its line."""

import re
from pathlib import Path

import pytest
from builders import QUIET

from bench.conformance.generator import check_generator
from bench.conformance.kind import is_generator_file
from bench.conformance.verdict import GENERATOR_CHECKS, Verdict
from bench.errors import BadInput
from bench.generators.new import write_new_generator

GOOD = '''
"""A convolution from noise to images that learns to copy the pool: quick, and every promise is kept."""

import copy
import math
import random as python_random

import torch
from torch import nn

from bench import BadInput, ImageSet, NetworkGenerator, Training, draw_weights, mean_loss

SEEN = []


class Convolution(NetworkGenerator):
    scale: float = 1.0

    def __init__(self, settings, data, engine):
        super().__init__(settings, data, engine)
        channels = data.image_shape[0]
        with torch.random.fork_rng(devices=[]):
            self._network = nn.Conv2d(channels, channels, 3, padding=1)
        self._averaged = copy.deepcopy(self._network).requires_grad_(False)
        self._table = torch.linspace(-0.2, 0.2, data.n_classes or 1)

    def begin_fit(self, seed, from_scratch, steps, learning_rate):
        if from_scratch:
            draw_weights(self._averaged, seed)
        self._network.load_state_dict(self._averaged.state_dict())
        weights = {"weight": list(self._network.parameters()), "average": list(self._averaged.parameters())}
        return Training(weights, "weight", {"weight": torch.optim.Adam(weights["weight"], learning_rate)}, steps, 1.0)

    def train_step(self, training, step, batch, random):
        real = batch.images
        noise = torch.randn(real.shape, generator=random)
        errors = (self._network(noise) - real).square()
        loss = mean_loss(errors, batch.weights)
        optimizer = training.optimizers["weight"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return {"loss": loss.detach()}

    @classmethod
    def check_sampling_bias(cls, sampling_bias, labelled):
        pass

    @property
    def numbers_per_image(self):
        return math.prod(self.data.image_shape)

    def evaluations_per_image(self, sampling_bias):
        return 1

    def draw(self, numbers, labels, sampling_bias):
        numbers = numbers.reshape(-1, *self.data.image_shape)
        images = self._averaged(sampling_bias * numbers)
        if labels is not None:
            images = images + self._table[labels][:, None, None, None]
        return self.scale * images

    def state_dict(self):
        return {name: value.clone() for name, value in self._averaged.state_dict().items()}

    def load_state_dict(self, state):
        self._averaged.load_state_dict(state)
'''.lstrip()

# What is replaced, by what, the check that must fail, and words of its message.
BROKEN: dict[str, tuple[str, str, str, str]] = {
    "shape": (
        "return self.scale * images",
        "return self.scale * images[..., 1:]",
        "images",
        "returned images of shape (8, 1, 8, 7)",
    ),
    "more images": (
        "    def state_dict",
        "    def sample(self, labels, seeds, bias, progress):\n"
        "        images = super().sample(labels, seeds, bias, progress)\n"
        "        return ImageSet(images.images[:-1], None)\n\n"
        "    def state_dict",
        "images",
        "without labels, not images of shape (8, 1, 8, 8) and torch.uint8, with labels",
    ),
    "floats": (
        "    def state_dict",
        "    def sample(self, labels, seeds, bias, progress):\n"
        "        images = super().sample(labels, seeds, bias, progress)\n"
        "        return ImageSet(images.images / 255, labels)\n\n"
        "    def state_dict",
        "images",
        "or float32 (n, d), found torch.float32 of shape (8, 1, 8, 8)",
    ),
    "batch": (
        "images = self._averaged(",
        "images = numbers.std() * self._averaged(",
        "seeds",
        "the same seeds and labels give other",
    ),
    "order": (
        "        return self.scale * images",
        "        images = images + torch.linspace(0, 1, len(images))[:, None, None, None]\n"
        "        return self.scale * images",
        "seeds",
        "in another order, the same seeds and labels give other images",
    ),
    "drawn again": (
        "        images = self._averaged(",
        "        self._calls = getattr(self, '_calls', 0) + 0.5\n        images = self._calls + self._averaged(",
        "seeds",
        "give other images when they are drawn again",
    ),
    "seeds ignored": (
        "self._averaged(sampling_bias * numbers)",
        "self._averaged(torch.ones_like(numbers))",
        "seeds",
        "other seeds give the same images",
    ),
    "global random state": (
        "torch.randn(real.shape, generator=random)",
        "torch.randn(real.shape)",
        "random state",
        "fit drew from or seeded the random state of torch",
    ),
    "random of Python": (
        "        noise = torch.randn(",
        "        python_random.random()\n        noise = torch.randn(",
        "random state",
        "the random state of random",
    ),
    "layers": (
        "        with torch.random.fork_rng(devices=[]):\n            self._network",
        "        if True:\n            self._network",
        "random state",
        "__init__ drew from or seeded the random state of torch",
    ),
    "seed of the fit ignored": (
        '        return {"loss": loss.detach()}',
        "        with torch.no_grad():\n"
        "            for weight in self._network.parameters():\n"
        "                weight.zero_()\n"
        "            for weight in self._averaged.parameters():\n"
        "                weight.zero_()\n"
        '        return {"loss": loss.detach()}',
        "fit",
        "another seed gives the same weights",
    ),
    "instance remembers": (
        "        real = batch.images",
        "        self._seen = getattr(self, '_seen', 0) + 1\n        real = batch.images * self._seen",
        "fit",
        "after another fit, a fit from scratch with the same seed gives other weights",
    ),
    "resume": (
        "        real = batch.images",
        "        if step == 0:\n            self._first = batch.images.mean()\n"
        "        real = batch.images + getattr(self, '_first', 0)",
        "resume",
        "a fit that was killed and goes on gives other weights",
    ),
    "state_dict": (
        "return {name: value.clone() for name, value in self._averaged.state_dict().items()}",
        "return {'weight': self._averaged.weight.clone()}",
        "state",
        "",
    ),
    "half a state": (
        "        self._averaged.load_state_dict(state)",
        "        self._averaged.weight.data.copy_(state['weight'])",
        "state",
        "a new generator with its state_dict draws other images",
    ),
    "state by reference": ("value.clone() for name", "value for name", "state", "returns the weights themselves"),
    "finetune from scratch": (
        "        if from_scratch:\n",
        "        if True:\n",
        "finetune",
        "from_scratch = False gives the weights of a fit from scratch",
    ),
    "finetune from elsewhere": (
        "        self._network.load_state_dict(self._averaged.state_dict())",
        "        if from_scratch:\n            self._network.load_state_dict(self._averaged.state_dict())",
        "state",
        "finetune goes on from something that state_dict does not return",
    ),
    "weights ignored": (
        "mean_loss(errors, batch.weights)",
        "mean_loss(errors, None)",
        "weights",
        "weights of 0 for a quarter of the images change nothing",
    ),
    "weights of zero": (
        "mean_loss(errors, batch.weights)",
        "mean_loss(errors, None if batch.weights is None else batch.weights + 1)",
        "weights",
        "images of weight 0 are trained on all the same",
    ),
    "learning rate": (
        'torch.optim.Adam(weights["weight"], learning_rate)',
        'torch.optim.Adam(weights["weight"], 1e-3)',
        "budget",
        "learning_rate = 0.1 changes nothing",
    ),
    "evaluations": (
        "images = self._averaged(",
        "images = self._averaged(0 * numbers) * 0 + self._averaged(",
        "counts",
        "evaluations_per_image(1) says 1, and one of its networks was asked 2 times for each image",
    ),
    "work": (
        "    def state_dict",
        "    def sample(self, labels, seeds, bias, progress):\n"
        "        self.work.network_evaluations += 5\n"
        "        return super().sample(labels, seeds, bias, progress)\n\n"
        "    def state_dict",
        "counts",
        "sample added 13 to work.network_evaluations, and evaluations_per_image says 8",
    ),
    "trained": (
        "    def state_dict",
        "    def images_per_fit(self, n):\n        return n\n\n    def state_dict",
        "counts",
        "fit added 96 to work.images_trained, and images_per_fit says 40",
    ),
    "bias": ("sampling_bias * numbers", "numbers", "bias", "sampling_bias = 0.1 gives the same images as 1"),
    "bias stays": (
        "        images = self._averaged(sampling_bias * numbers)",
        "        self._least = min(getattr(self, '_least', 1), sampling_bias)\n"
        "        images = self._averaged(self._least * numbers)",
        "bias",
        "after sampling with a bias, sampling_bias = 1 gives other images",
    ),
    "inputs": (
        "    def state_dict",
        "    def fit(self, pool, **arguments):\n"
        "        pool.images.add_(1)\n"
        "        super().fit(pool, **arguments)\n\n"
        "    def state_dict",
        "inputs",
        "fit changed what it was given in place",
    ),
    "global variable": (
        "        real = batch.images",
        "        SEEN.append(step)\n        real = batch.images",
        "global state",
        "fit changed SEEN of the file: keep it in self",
    ),
    "settings": (
        "        images = self._averaged(",
        "        self.settings = self.settings.model_copy(update={'batch_size': 1})\n        images = self._averaged(",
        "global state",
        "sample changed settings or a parameter of the generator",
    ),
    "parameter": (
        "        images = self._averaged(",
        "        self.scale = self.scale * 1.01\n        images = self._averaged(",
        "global state",
        "sample changed settings or a parameter of the generator",
    ),
    "diverges": (
        '{"loss": loss.detach()}',
        '{"loss": loss.detach() * math.nan}',
        "fit",
        "the loss is nan after 6 of 6 steps, training has diverged",
    ),
    "raises": (
        "        real = batch.images",
        "        real = batch.imagse",
        "fit",
        "fit raised AttributeError: 'Batch' object has no attribute 'imagse'",
    ),
}


def check(tmp_path: Path, text: str) -> Verdict:
    path = tmp_path / "mine.py"
    path.write_text(text, encoding="utf-8")
    return check_generator(str(path), QUIET)


def test_a_generator_that_keeps_its_promises_passes_and_every_check_was_made(tmp_path: Path):
    verdict = check(tmp_path, GOOD)
    assert verdict.passed, verdict.to_text()
    assert {
        finding.check: finding.state for finding in verdict.findings if finding.check in GENERATOR_CHECKS
    } == dict.fromkeys(GENERATOR_CHECKS, "ok")
    assert "passes all checks" in verdict.to_text()


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_promise_is_found(tmp_path: Path, name: str):
    old, new, what, words = BROKEN[name]
    assert GOOD.count(old) >= 1
    verdict = check(tmp_path, GOOD.replace(old, new, 1))
    assert not verdict.passed
    said = [finding.message for finding in verdict.findings if (finding.check, finding.state) == (what, "FAILED")]
    assert said, verdict.to_text()
    assert any(words in message for message in said), said
    assert all(re.search(r"\(mine\.py(:\d+)?\)", message) for message in said)
    assert all("\n" not in message for message in said)


def test_a_line_is_that_of_the_hook(tmp_path: Path):
    broken = GOOD.replace("sampling_bias * numbers", "numbers")
    [message] = [f.message for f in check(tmp_path, broken).findings if f.state == "FAILED"]
    line = broken.splitlines().index("    def draw(self, numbers, labels, sampling_bias):") + 1
    assert f"(mine.py:{line})" in message
    assert message.endswith("[8x8 grey images with labels, 32x32 colour images without labels]")


def test_a_bias_that_is_refused_is_a_note(tmp_path: Path):
    refusing = GOOD.replace("labelled):\n        pass", "labelled):\n        raise BadInput('no bias here')")
    refusing = refusing.replace("sampling_bias * numbers", "numbers")
    verdict = check(tmp_path, refusing)
    assert verdict.passed
    assert any("no bias here" in f.message for f in verdict.findings if (f.check, f.state) == ("bias", "note"))


def test_a_generator_that_makes_nothing_that_is_tried_fails(tmp_path: Path):
    nowhere = GOOD.replace(
        "        super().__init__", "        raise BadInput('needs 4 channels')\n        super().__init__"
    )
    verdict = check(tmp_path, nowhere)
    assert not verdict.passed
    assert "makes nothing that was tried: 8x8 grey images with labels (" in verdict.to_text()
    assert "needs 4 channels" in verdict.to_text()


POINTS = """
import torch

from bench import Generator, ImageSet


class Mean(Generator):
    def fit(self, pool, *, seed, from_scratch, checkpoint, progress, weights=None, budget=1.0, learning_rate=1.0):
        weights = torch.ones(len(pool)) if weights is None else weights
        self._mean = (weights[:, None] * pool.images.flatten(1).double()).sum(0) / weights.sum()
        self.work.images_trained += len(pool)
        if not from_scratch:
            self._mean += 1

    def sample(self, labels, seeds, sampling_bias, progress):
        noise = [torch.randn(len(self._mean), generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        images = self._mean + torch.stack(noise)
        shape = (len(seeds), *self.data.image_shape)
        if not self.data.are_points:
            images = images.clamp(0, 255).to(torch.uint8)
        return ImageSet((images.float() if self.data.are_points else images).reshape(shape), labels)

    def images_per_fit(self, n):
        return n

    def evaluations_per_image(self, sampling_bias):
        return 0

    def state_dict(self):
        return {"mean": self._mean.clone()}

    def load_state_dict(self, state):
        self._mean = state["mean"].clone()
""".lstrip()


def test_a_generator_without_networks_makes_points_and_images_alike(tmp_path: Path):
    verdict = check(tmp_path, POINTS)
    assert verdict.passed, verdict.to_text()
    states = {finding.check: finding.state for finding in verdict.findings}
    assert (states["resume"], states["bias"], states["budget"]) == ("note", "note", "skipped")
    [settings] = [finding.message for finding in verdict.findings if finding.check == "settings"]
    assert settings == (
        "makes 8x8 grey images with labels, 32x32 colour images without labels, points of 8 dimensions"
    )


def test_a_checkpoint_that_is_promised_and_not_kept_is_found(tmp_path: Path):
    promising = POINTS.replace("    def state_dict", "    checkpoint_bytes = 8\n\n    def state_dict")
    verdict = check(tmp_path, promising)
    said = [f.message for f in verdict.findings if (f.check, f.state) == ("resume", "FAILED")]
    assert said
    assert said[0].startswith("no state of an unfinished fit was saved when it was due (mine.py:")


@pytest.mark.slow
def test_the_template_passes_the_check(tmp_path: Path):
    path = write_new_generator("flow", tmp_path)
    verdict = check_generator(f"{path}:width=8:steps=2", QUIET)
    assert verdict.passed, verdict.to_text()


def test_a_file_is_told_by_its_class(tmp_path: Path):
    generator, method, neither = (tmp_path / f"{name}.py" for name in ("mine", "other", "empty"))
    generator.write_text(GOOD, encoding="utf-8")
    method.write_text("from bench import Method\n\n\nclass Other(Method):\n    pass\n", encoding="utf-8")
    neither.write_text("x = 1\n", encoding="utf-8")
    assert is_generator_file(f"{generator}:scale=2")
    assert not is_generator_file(str(method))
    assert not is_generator_file("neon")
    with pytest.raises(
        BadInput, match=r"needs exactly one class derived from bench\.Method or bench\.Generator, found 0"
    ):
        is_generator_file(str(neither))


def test_a_generator_that_reads_files_is_told_with_its_line(tmp_path: Path):
    path = tmp_path / "mine.py"
    path.write_text(GOOD.replace("SEEN = []", "SEEN = []\nload = torch.load"))
    verdict = check_generator(str(path), QUIET)
    [wrong] = [finding for finding in verdict.findings if finding.state == "FAILED"]
    assert wrong.check == "reads"
    assert re.match(r"mine\.py:\d+: uses torch\.load: a generator sees what it is handed, and no files", wrong.message)
