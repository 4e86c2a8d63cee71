"""Methods with one fault each, and the verdict on it; most run on Gaussian points, where a loop takes no time."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from builders import QUIET

from bench.cells import class_file
from bench.conformance import watch
from bench.conformance.check import check_file
from bench.conformance.tiny import TinyCell
from bench.conformance.verdict import Verdict
from bench.errors import BadInput

HEAD = """\
import os
import random
from dataclasses import replace

import numpy as np
import sklearn
import torch

from bench import BadInput, ImageSet, Method, Pool, concatenate

"""
FIRST_LINE = HEAD.count("\n") + 1


def points(kind: str = "fully_synthetic", contaminated: bool = False) -> Callable[[list[TinyCell]], list[TinyCell]]:
    """Choose one loop of points."""

    def choose(cells: list[TinyCell]) -> list[TinyCell]:
        chosen = [cell for cell in cells if cell.task == "gaussian" and cell.loop.kind == kind]
        return [cell for cell in chosen if (cell.loop.contamination is not None) == contaminated]

    return choose


FULLY_SYNTHETIC = points()


def images(cells: list[TinyCell]) -> list[TinyCell]:
    """Choose one loop of images."""
    return cells[:1]


@pytest.fixture
def check(tmp_path: Path):
    """Write a method's file and check it in one loop."""

    def run(text: str, choose=FULLY_SYNTHETIC, **options) -> Verdict:
        path = tmp_path / "mine.py"
        path.write_text(HEAD + text)
        return check_file(str(path), QUIET, choose=choose, **options)

    return run


def failed(verdict: Verdict) -> dict[str, str]:
    messages: dict[str, str] = {}
    for finding in verdict.findings:
        if finding.state == "FAILED":
            messages[finding.check] = "\n".join(filter(None, (messages.get(finding.check), finding.message)))
    return messages


def state_of(verdict: Verdict, check: str) -> str:
    [state] = {finding.state for finding in verdict.findings if finding.check == check}
    return state


def line_of(text: str, part: str) -> str:
    return f"mine.py:{FIRST_LINE + text[: text.index(part)].count(chr(10))}"


WRONG_RESULTS = {
    "tensor": ("def curate(self, pool, ctx):\n        return pool.data.images", ["curate", "Tensor, not a Pool"]),
    "empty": ("def curate(self, pool, ctx):\n        return pool[pool.origin < 0]", ["curate", "left no image of 60"]),
    "fewer": (
        "def synthesize(self, generator, n, ctx):\n        return self.sample(generator, n, ctx)[1:]",
        ["synthesize", "(59, 8)", "not images of shape (60, 8)"],
    ),
    "more": (
        "def synthesize(self, generator, n, ctx):\n"
        "        images = self.sample(generator, n, ctx)\n        return concatenate([images, images])",
        ["synthesize", "(120, 8)", "not images of shape (60, 8)"],
    ),
    "array": (
        "def sample(self, generator, n, ctx):\n        return super().sample(generator, n, ctx).images.numpy()",
        ["sample", "ndarray, not an ImageSet"],
    ),
    "nan points": (
        "def sample(self, generator, n, ctx):\n        return ImageSet(torch.full((n, 8), float('nan')))",
        ["sample of generation 1", "not finite"],
    ),
    "nan weights": (
        "def curate(self, pool, ctx):\n        return pool.weighted(torch.full((len(pool),), float('nan')))",
        ["curate of generation 2", "weights that are not all finite and at least 0"],
    ),
    "all weights 0": (
        "def curate(self, pool, ctx):\n        return pool.weighted(torch.zeros(len(pool)))",
        ["curate of generation 2", "or all 0"],
    ),
    "too few weights": (
        "def curate(self, pool, ctx):\n        return replace(pool, weights=torch.ones(3))",
        ["curate of generation 2", "weights of shape (3,), not (60,)"],
    ),
    "state": ("def state_dict(self):\n        return {'n': 3}", ["state_dict", "int for 'n'", "must be tensors"]),
    "n_synthetic": ("def n_synthetic(self, loop):\n        return 0.5", ["n_synthetic", "0.5", "whole number"]),
    "error": (
        "def refine(self, generator, pool, ctx):\n        1 / 0",
        ["refine of generation 2", "ZeroDivisionError"],
    ),
}


@pytest.mark.parametrize(("hook", "words"), WRONG_RESULTS.values(), ids=WRONG_RESULTS)
def test_a_hook_that_gives_what_the_loop_cannot_use_is_named_with_its_line(check, hook, words):
    verdict = check(f"class Mine(Method):\n    {hook}\n")
    assert set(failed(verdict)) == {"hooks"}
    message = failed(verdict)["hooks"]
    assert [word for word in [*words, "mine.py", "gaussian gaussian fully_synthetic"] if word not in message] == []
    assert state_of(verdict, "deterministic") == "skipped"


def test_images_of_floats_are_refused_where_they_are_made(check):
    text = (
        "class Mine(Method):\n    def synthesize(self, generator, n, ctx):\n"
        "        return ImageSet(super().synthesize(generator, n, ctx).images / 255, ctx.labels(n))\n"
    )
    message = failed(check(text, images))["hooks"]
    assert message.startswith("synthesize of generation 1 raised ValueError: images must be uint8")
    assert line_of(text, "return") in message


def test_labels_that_are_no_classes_are_refused(check):
    text = (
        "class Mine(Method):\n    def curate(self, pool, ctx):\n"
        "        return replace(pool, data=ImageSet(pool.data.images, pool.data.labels + 1))\n"
    )
    assert "labels from 1 to 10: choose from 0 to 9" in failed(check(text, images))["hooks"]


def test_a_variable_of_the_file_that_changes_results_is_the_reason_that_is_named(check):
    text = (
        "CALLS = [0]\n\nclass Mine(Method):\n    def curate(self, pool, ctx):\n"
        "        CALLS[0] += 1\n        return pool[CALLS[0] :]\n"
    ).replace("pool[CALLS[0] :]", "pool[torch.arange(CALLS[0], len(pool))]")
    wrong = failed(check(text))
    assert set(wrong) == {"deterministic", "global state"}
    assert "CALLS of mine.py has changed" in wrong["global state"]
    assert "first in what curate of generation 2 gives" in wrong["deterministic"]
    assert line_of(text, "def curate") in wrong["deterministic"]
    assert "CALLS keeps something from one run to the next" in wrong["deterministic"]


@pytest.mark.parametrize("place", ["Mine.seen.append(1)", "self.seen.append(1)", "type(self).seen = [1]"])
def test_an_attribute_of_the_class_that_changes_is_named(check, place):
    text = f"class Mine(Method):\n    seen = []\n\n    def refine(self, generator, pool, ctx):\n        {place}\n"
    assert "Mine.seen of mine.py has changed" in failed(check(text))["global state"]


LEARNS = """\
class Mine(Method):
    uses = ("real statistics",)

    def prepare(self, generator, ctx):
        self._centre = ctx.real.images.mean(0)

    def curate(self, pool, ctx):
        distance = (pool.data.images - self._centre).square().sum(1)
        return pool[distance.topk(30, largest=False).indices]
"""
SAVES = """
    def state_dict(self):
        return {"centre": self._centre}

    def load_state_dict(self, state):
        self._centre = state["centre"]
"""


def test_a_state_that_is_not_saved_is_missed_after_a_resume(check):
    wrong = failed(check(LEARNS))
    assert set(wrong) == {"resume"}
    assert "killed after" in wrong["resume"]
    assert "curate of generation 2 raised AttributeError" in wrong["resume"]
    assert "state_dict must return all that the method keeps" in wrong["resume"]
    assert line_of(LEARNS, "distance = ") in wrong["resume"]


def test_a_state_may_come_back_in_another_order(check):
    text = (
        "class Mine(Method):\n    def prepare(self, generator, ctx):\n"
        "        self._state = {'b': torch.ones(1), 'a': torch.zeros(1)}\n\n"
        "    def state_dict(self):\n        return self._state\n\n"
        "    def load_state_dict(self, state):\n        self._state = dict(sorted(state.items()))\n"
    )
    assert failed(check(text)) == {}


def test_a_state_that_is_saved_passes(check):
    verdict = check(LEARNS + SAVES)
    assert failed(verdict) == {}
    assert verdict.passed


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        ("self._mean = ctx.real.images.mean(0)", '"real statistics"'),
        ("self._mean = ctx.pool.data.images.mean(0)", '"real statistics"'),
        ("self._mean = ctx.real.images.clone()", '"real statistics", "real images"'),
    ],
)
def test_what_is_used_and_not_declared_is_told_with_what_to_write(check, body, seen):
    text = (
        f"class Mine(Method):\n    def prepare(self, generator, ctx):\n        {body}\n\n"
        "    def state_dict(self):\n        return {'mean': self._mean}\n\n"
        "    def load_state_dict(self, state):\n        self._mean = state['mean']\n"
    )
    wrong = failed(check(text))
    assert set(wrong) == {"uses"}
    assert f"it was seen to use {seen}, and its class does not say so: declare uses = ({seen}" in wrong["uses"]
    declared = text.replace("class Mine(Method):\n", f"class Mine(Method):\n    uses = ({seen},)\n\n")
    assert failed(check(declared)) == {}


@pytest.mark.parametrize("uses", ['("magic",)', '"labels"', "(1,)", "None"])
def test_a_use_that_there_is_not_is_refused_before_anything_runs(check, uses):
    with pytest.raises(BadInput, match=r"mine.py: uses of class Mine: "):
        check(f"class Mine(Method):\n    uses = {uses}\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def fit(self, generator, pool, ctx):\n        pass", "weights of earlier generations are in what is scored"),
        (
            "def sample(self, generator, n, ctx):\n        return ImageSet(torch.zeros(n, 8))",
            "not drawn by the generator that the hooks are given",
        ),
        ("def refine(self, generator, pool, ctx):\n        pass", None),
    ],
)
def test_how_records_will_be_marked_is_told(check, text, said):
    verdict = check(f"class Mine(Method):\n    {text}\n")
    told = [finding.message for finding in verdict.findings if finding.check == "weights"]
    assert verdict.passed
    assert len(told) == (said is not None)
    assert said is None or said in told[0]


def test_an_attribute_that_is_lost_in_a_resume_is_named(check):
    text = (
        "class Mine(Method):\n    _round = 0\n\n    def curate(self, pool, ctx):\n"
        "        self._round += 1\n        return pool[torch.arange(self._round, len(pool))]\n"
    )
    wrong = failed(check(text))
    assert set(wrong) == {"resume"}
    assert "first in curate of generation 3" in wrong["resume"]
    assert "lost: self._round" in wrong["resume"]


@pytest.mark.parametrize(
    ("choose", "loop"),
    [(points(), "fully_synthetic loop"), (points("synthetic_augmentation", contaminated=True), "contaminated pool")],
    ids=["fully_synthetic", "contaminated"],
)
def test_asking_for_real_images_where_there_are_none_is_a_forbidden_read(check, choose, loop):
    text = "class Mine(Method):\n    def curate(self, pool, ctx):\n        len(ctx.real)\n        return pool\n"
    wrong = failed(check(text, choose))
    assert set(wrong) == {"reads"}
    assert "asked for real images in generation 2" in wrong["reads"]
    assert loop in wrong["reads"]
    assert line_of(text, "len(") in wrong["reads"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("from bench.scoring.scorer import Scorer", "imports bench.scoring.scorer"),
        ("from bench.data import real", "imports bench.data"),
        ("from sklearn.datasets import load_digits", "the reference is not for methods"),
        ("def real(ctx):\n    return ctx._real", "uses ctx._real"),
    ],
)
def test_reading_the_reference_by_the_internals_is_refused_before_anything_runs(check, line, said):
    with pytest.raises(BadInput, match=said):
        check(f"{line}\n\nclass Mine(Method): ...\n")


def test_real_images_of_another_package_are_a_forbidden_read(check):
    text = (
        "class Mine(Method):\n    def curate(self, pool, ctx):\n"
        "        sklearn.datasets.load_digits()\n        return pool\n"
    )
    wrong = failed(check(text))
    assert set(wrong) == {"reads"}
    assert "in curate of generation 2" in wrong["reads"]
    assert "digits.csv.gz of scikit-learn's data sets was opened" in wrong["reads"]
    assert line_of(text, "sklearn.datasets") in wrong["reads"]


def test_a_file_of_the_data_folder_is_a_forbidden_read(check, tmp_path, monkeypatch):
    monkeypatch.setenv("AUTOPHAGY_DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "real.bin").write_bytes(b"0")
    text = (
        "class Mine(Method):\n    def refine(self, generator, pool, ctx):\n"
        "        open(os.path.join(os.environ['AUTOPHAGY_DATA'], 'real.bin')).close()\n"
    )
    assert "real.bin of the data folder was opened" in failed(check(text))["reads"]


def test_what_is_learned_from_the_reference_shows_when_it_is_another_one(check, monkeypatch):
    monkeypatch.setattr(class_file, "check_source", lambda path, content: None)
    text = (
        "class Mine(Method):\n    def curate(self, pool, ctx):\n"
        "        try:\n            raise ValueError\n        except ValueError as error:\n"
        "            frame = getattr(error, '__traceback__').tb_frame\n"
        "        while not hasattr(frame.f_locals.get('self'), 'scorer'):\n            frame = frame.f_back\n"
        "        return Pool.assemble(getattr(frame.f_locals['self'].scorer, '_reference').images, {})\n"
    )
    wrong = failed(check(text))
    assert set(wrong) == {"reads", "reference"}
    assert "curate of generation 2 gives something else" in wrong["reference"]
    assert "in curate of generation 2 it looks into code and frames: object.__getattr__ (mine.py:" in wrong["reads"]


@pytest.mark.skipif(not watch.CAN_LIMIT, reason="the system has no alarm")
def test_a_hook_that_does_not_return_is_stopped_and_the_line_is_told(check):
    text = "class Mine(Method):\n    def synthesize(self, generator, n, ctx):\n        while True:\n            pass\n"
    verdict = check(text, hook_seconds=0.3)
    [message] = failed(verdict).values()
    assert message.startswith("synthesize of generation 1 did not return within 0.3 s (mine.py:")
    assert state_of(verdict, "hooks") == "skipped"


def test_loops_that_take_too_long_together_are_not_all_run(check):
    verdict = check("class Mine(Method): ...\n", all_seconds=0.0)
    assert "no time was left for gaussian gaussian fully_synthetic" in failed(verdict)["time"]


@pytest.mark.parametrize(
    ("draw", "state"),
    [
        ("torch.randperm(len(pool))", "torch"),
        ("torch.from_numpy(np.random.permutation(len(pool)))", "numpy.random"),
        ("torch.tensor(random.sample(range(len(pool)), len(pool)))", "random"),
        ("(torch.manual_seed(0), torch.randperm(len(pool)))[1]", "torch"),
    ],
)
def test_drawing_from_a_global_random_state_is_named(check, draw, state):
    text = f"class Mine(Method):\n    def curate(self, pool, ctx):\n        return pool[{draw}]\n"
    wrong = failed(check(text))
    assert f"curate of generation 2 drew from or seeded the random state of {state}," in wrong["random state"]
    assert line_of(text, "return pool") in wrong["random state"]
    if "seed" not in draw:
        assert "random state that all code shares" in wrong["deterministic"]


def test_layers_that_draw_are_told_their_line_and_how_to_build_them(check):
    text = (
        "class Critic(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        with torch.random.fork_rng(devices=[]):\n            self.first = torch.nn.Linear(8, 4)\n"
        "        self.second = torch.nn.Linear(4, 1)\n\n"
        "class Mine(Method):\n    def prepare(self, generator, ctx):\n        critic = Critic()\n"
    )
    message = failed(check(text))["random state"]
    assert message.startswith("prepare of generation 1 drew from or seeded the random state of torch")
    assert f"({line_of(text, 'self.second')})" in message
    assert "with torch.random.fork_rng(devices=[]):" in message
    assert "`draw_weights(network, seed)` (from bench import draw_weights)" in message


def test_layers_that_are_built_as_told_pass(check):
    text = (
        "from bench import draw_weights\n\n"
        "class Mine(Method):\n    def prepare(self, generator, ctx):\n"
        "        with torch.random.fork_rng(devices=[]):\n            self.critic = torch.nn.Linear(8, 4)\n"
        "        draw_weights(self.critic, ctx.fit_seed)\n"
    )
    assert failed(check(text)) == {}


@pytest.mark.parametrize(
    ("hook", "change", "what"),
    [
        ("sample", "generator.settings = generator.settings.model_copy()", "generator.settings"),
        ("prepare", "generator.settings = generator.settings.model_copy()", "generator.settings"),
        ("refine", "setattr(generator, 'device', 'cpu')", "generator.device"),
        ("refine", "generator.sample = lambda *_: None", "generator.sample"),
        ("fit", "generator.work.images_trained = 0", "generator.work.images_trained"),
    ],
)
def test_what_a_hook_sets_on_the_generator_is_told_with_its_line(check, hook, change, what):
    n = {"prepare": "generator, ctx", "sample": "generator, n, ctx"}.get(hook, "generator, pool, ctx")
    text = f"class Mine(Method):\n    def {hook}(self, {n}):\n        {change}\n        return super().{hook}({n})\n"
    wrong = failed(check(text))
    assert f"set {what} ({line_of(text, change)}): settings and attributes of the generator" in wrong["inputs"]
    assert "resume" not in wrong


def test_a_change_of_the_benchmark_is_told(check):
    text = "class Mine(Method):\n    def refine(self, generator, pool, ctx):\n        Pool.weighted = None\n"
    wrong = failed(check(text))
    assert set(wrong) == {"global state"}
    assert "refine of method 'mine' changed bench.methods.pool.Pool.weighted" in wrong["global state"]
    assert line_of(text, "def refine") in wrong["global state"]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("pool.data.images.mul_(0.5)", "images of pool"),
        ("pool.origin.fill_(0)", "origin of pool"),
        ("ctx.pool.data.images.mul_(0.5)", "images of pool"),
        ("ctx.real.images.mul_(0.5)", "ctx.real"),
    ],
)
def test_what_a_hook_is_given_stays_what_it_is(check, change, what):
    text = f"class Mine(Method):\n    def curate(self, pool, ctx):\n        {change}\n        return pool\n"
    message = failed(check(text, points("fresh_data")))["inputs"]
    assert f"curate of generation 2 changed the {what} in place (mine.py:" in message


def test_two_runs_that_differ_are_told_the_first_hook_that_does(check):
    text = (
        "class Mine(Method):\n    def fit(self, generator, pool, ctx):\n"
        "        super().fit(generator, pool.weighted(torch.tensor(list(os.urandom(len(pool))))), ctx)\n"
    )
    wrong = failed(check(text))
    assert set(wrong) == {"deterministic", "reads"}
    assert "uses os.urandom" in wrong["reads"]
    assert "differ, first in what fit of generation 2 gives (mine.py:" in wrong["deterministic"]


def test_a_setting_of_torch_that_is_left_changed_is_named(check):
    text = (
        "class Mine(Method):\n    def curate(self, pool, ctx):\n"
        "        torch.set_grad_enabled(False)\n        return pool\n"
    )
    assert "changed the gradient mode of torch" in failed(check(text))["global state"]
    assert torch.is_grad_enabled()


def test_a_method_that_is_for_nothing_is_told_why(check):
    text = "class Mine(Method):\n    def check(self, setting):\n        raise BadInput('needs the moon')\n"
    assert "runs nowhere" in failed(check(text))["settings"]
    assert "method mine needs the moon" in failed(check(text))["settings"]


def test_a_method_runs_where_it_is_for_and_the_reasons_for_the_others_are_told(check):
    text = (
        "class Mine(Method):\n    loops = ('fresh_data',)\n\n    def check(self, setting):\n"
        "        if setting.loop.pool != 'accumulated':\n"
        "            raise BadInput('needs --pool accumulated, found previous')\n"
    )
    verdict = check(text, points("fresh_data"))
    assert verdict.passed
    [settings] = [finding.message for finding in verdict.findings if finding.check == "settings"]
    assert settings.startswith(
        "runs in digits (ddpm): fresh_data --pool accumulated, and colour (ddpm): fresh_data --pool accumulated, and "
        "gaussian (gaussian): fresh_data --pool"
    )
    assert "not in digits (ddpm): fully_synthetic" in settings
    assert "method mine is not for fully_synthetic: choose fresh_data" in settings


def test_a_method_can_decline_images_of_a_shape(check):
    text = (
        "class Mine(Method):\n    loops = ('fresh_data',)\n\n    def check(self, setting):\n"
        "        if setting.image_shape[0] == 3:\n"
        "            raise BadInput(f'is for grey images, found {setting.image_shape}')\n"
    )
    verdict = check(text)
    [settings] = [finding.message for finding in verdict.findings if finding.check == "settings"]
    assert settings.startswith("runs in digits (ddpm): fresh_data, and gaussian (gaussian): fresh_data; not in ")
    assert "colour (ddpm): fresh_data (method mine is for grey images, found (3, 32, 32))" in settings


def test_reading_the_features_of_the_score_is_told_and_allowed(check):
    text = (
        "class Mine(Method):\n    def curate(self, pool, ctx):\n"
        "        ctx.embed_as_scored(pool.data)\n        return pool\n"
    )
    verdict = check(text)
    assert verdict.passed
    assert state_of(verdict, "score") == "note"


def test_the_cost_is_told_beside_that_of_the_plain_loop(check):
    text = (
        "class Mine(Method):\n    def fit(self, generator, pool, ctx):\n"
        "        super().fit(generator, pool, ctx)\n        super().fit(generator, pool, ctx)\n"
    )
    verdict = check(text)
    [cost] = [finding.message for finding in verdict.findings if finding.check == "cost"]
    assert "images trained 240 (plain loop: 120)" in cost
