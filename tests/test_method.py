"""Methods: how a file is loaded, what the defaults do, and what the context gives."""

from pathlib import Path

import pytest
import torch
from builders import MemoryCheckpoint, make_context, make_images, make_loop

from bench.data.image_set import ImageSet
from bench.errors import BadInput, RunFailed
from bench.hashing import file_sha256
from bench.method import Method, baseline_names, load_method
from bench.pool import Pool

ONE_CLASS = "from bench.method import Method\n\nclass Mine(Method):\n    '''What it does.'''\n"


def refusal(path: Path) -> str:
    with pytest.raises(BadInput) as caught:
        load_method(str(path))
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def written(tmp_path: Path, text: str, name: str = "mine.py") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


class RecordingGenerator:
    """Stands for a generator; keeps what it was asked."""

    def fit(self, pool: ImageSet, **arguments: object) -> None:
        self.fitted = (pool, arguments)

    def sample(
        self, labels: torch.Tensor | None, seeds: list[int], sampling_bias: float, progress: object
    ) -> ImageSet:
        self.asked = (labels, seeds, sampling_bias)
        return ImageSet(torch.zeros(len(seeds), 1, 8, 8, dtype=torch.uint8), labels)


@pytest.mark.parametrize("name", ["none", "accumulate_subsample", "biased_pool", "real_only"])
def test_a_shipped_baseline_loads_and_says_what_it_does(name: str):
    method = load_method(name)
    assert method.identity.name == name
    assert isinstance(method.build(), Method)
    assert method.summary.endswith(".")


def test_the_shipped_baselines_are_found():
    assert {"none", "accumulate_subsample", "biased_pool", "real_only"} <= set(baseline_names())


def test_a_file_is_loaded_by_its_path_with_its_name_hash_and_summary(tmp_path: Path):
    path = written(tmp_path, ONE_CLASS)
    method = load_method(str(path))
    assert method.identity.name == "mine"
    assert method.identity.sha256 == file_sha256(path)
    assert method.summary == "What it does."


def test_a_class_that_is_only_imported_does_not_count(tmp_path: Path):
    path = written(tmp_path, "from bench.method import Method\nfrom bench.loops import Loop\n\nclass A(Method): ...\n")
    assert load_method(str(path)).definition.__name__ == "A"


def test_a_dataclass_of_its_own_does_not_hinder_a_method(tmp_path: Path):
    text = "from __future__ import annotations\nfrom dataclasses import dataclass\n" + ONE_CLASS
    text += "\n@dataclass\nclass Threshold:\n    value: float = 1.0\n"
    assert load_method(str(written(tmp_path, text))).definition.__name__ == "Mine"


@pytest.mark.parametrize("name", ["magic", "nowhere/mine.py"])
def test_a_missing_method_is_refused_with_those_that_there_are(name: str):
    with pytest.raises(BadInput, match=rf"^no method '{name}': there are accumulate_subsample, .*none.*\.py file$"):
        load_method(name)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("class Mine(:\n", "SyntaxError"),
        ("import no_such_package\n", "ModuleNotFoundError: No module named 'no_such_package'"),
        ("from bench.method import Mehtod\n", "ImportError"),
        ("1 / 0\n", "ZeroDivisionError"),
        ("raise SystemExit(0)\n", "SystemExit"),
        ("raise ValueError('first line\\nsecond line')\n", "ValueError: first line"),
        ("x = 1\n", "exactly one class derived from bench.method.Method, found 0"),
        ("from bench.method import Method\n", "found 0"),
        (ONE_CLASS + "\nclass Other(Method): ...\n", "found 2"),
    ],
    ids=["syntax", "import", "name", "error", "exit", "two lines", "no class", "only imported", "two classes"],
)
def test_a_file_that_is_no_method_is_refused_in_one_line(tmp_path: Path, text: str, said: str):
    assert said in refusal(written(tmp_path, text))


@pytest.mark.parametrize("name", ["Mine.py", "my-method.py", "2fast.py", "a b.py"])
def test_a_file_name_that_is_no_method_name_is_refused(tmp_path: Path, name: str):
    message = refusal(written(tmp_path, ONE_CLASS, name))
    assert f"found '{Path(name).stem}'" in message


WITH_PARAMETERS = """
from typing import Annotated, ClassVar, Literal
from pydantic import Field
from bench.method import Method

class Mine(Method):
    '''What it does.'''

    keep: Annotated[float, Field(gt=0, le=1)] = 0.5
    neighbours: int = 5
    rule: Literal["greedy", "threshold"] = "greedy"
    real_first: bool = True
    _seen: int = 0
    limit: ClassVar[int] = 3
"""
DEFAULTS = {"keep": 0.5, "neighbours": 5, "rule": "greedy", "real_first": True}


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        ("", {}),
        (":keep=1", {"keep": 1.0}),
        (":neighbours=7:rule=threshold", {"neighbours": 7, "rule": "threshold"}),
        (":real_first=false", {"real_first": False}),
    ],
)
def test_parameters_are_those_that_the_class_declares_with_the_values_that_are_given(
    tmp_path: Path, given: str, changed: dict
):
    loaded = load_method(f"{written(tmp_path, WITH_PARAMETERS)}{given}")
    assert loaded.identity.params == DEFAULTS | changed
    assert {name: getattr(loaded.build(), name) for name in DEFAULTS} == DEFAULTS | changed


def test_an_identity_says_how_it_is_given_on_the_command_line(tmp_path: Path):
    path = written(tmp_path, WITH_PARAMETERS)
    option = load_method(f"{path}:keep=0.25:real_first=false").identity.option
    assert option == "mine:keep=0.25:neighbours=5:rule=greedy:real_first=false"
    assert load_method(str(path) + option.removeprefix("mine")).identity.params["keep"] == 0.25
    assert load_method("none").identity.option == "none"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (":keep=2", ["keep", "less than or equal to 1"]),
        (":neighbours=many", ["neighbours", "many", "integer"]),
        (":rule=best", ["rule", "greedy", "threshold"]),
        (":depth=2", ["'depth'", "there are keep, neighbours, rule, real_first"]),
        (":limit=2", ["'limit'", "there are keep"]),
        (":keep", ["name=value"]),
        (":keep=1:keep=0.5", ["each name once"]),
    ],
)
def test_a_wrong_parameter_is_refused_with_what_is_allowed(tmp_path: Path, given: str, said: list[str]):
    path = written(tmp_path, WITH_PARAMETERS)
    with pytest.raises(BadInput) as caught:
        load_method(f"{path}{given}")
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert [words for words in said if words not in message] == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("keep: float", "parameter 'keep' of class Mine has no default"),
        ("keep: Annotated[float, Field(gt=0)] = -1.0", "keep"),
    ],
)
def test_a_parameter_that_is_declared_wrongly_is_refused(tmp_path: Path, line: str, said: str):
    text = WITH_PARAMETERS.replace("keep: Annotated[float, Field(gt=0, le=1)] = 0.5", line)
    assert said in refusal(written(tmp_path, text))


def test_default_hooks_keep_pool_and_state_as_they_are():
    pool = Pool.assemble(None, {1: make_images(5)})
    method, ctx = Method(), make_context(make_loop(), 2)
    assert method.curate(pool, ctx) is pool
    method.prepare(ctx)
    assert method.state_dict() == {}


@pytest.mark.parametrize(("protocol", "from_scratch"), [("scratch", True), ("finetune", False)])
def test_default_fit_trains_on_the_pool_by_the_loops_protocol(protocol: str, from_scratch: bool):
    generator, pool = RecordingGenerator(), Pool.assemble(None, {1: make_images(5)})
    ctx = make_context(make_loop(protocol=protocol), 2)
    Method().fit(generator, pool, ctx)
    images, arguments = generator.fitted
    assert images is pool.data
    assert arguments["from_scratch"] is from_scratch
    assert (arguments["seed"], arguments["checkpoint"]) == (ctx.fit_seed, ctx.checkpoint)
    assert isinstance(ctx.checkpoint, MemoryCheckpoint)


@pytest.mark.parametrize("hook", ["sample", "synthesize"])
def test_default_drawing_uses_the_first_labels_and_seeds_and_the_loops_bias(hook: str):
    generator, ctx = RecordingGenerator(), make_context(make_loop(sampling_bias=0.5), 2)
    images = getattr(Method(), hook)(generator, 12, ctx)
    labels, seeds, bias = generator.asked
    assert len(images) == 12
    assert labels.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert (seeds, bias) == (list(range(12)), 0.5)


def test_context_gives_the_real_images_of_the_generation():
    real = make_images(3)
    assert make_context(make_loop("fresh_data"), 2, real).real is real


def test_context_gives_the_real_images_of_generation_1_also_in_the_fully_synthetic_loop():
    real = make_images(3)
    assert make_context(make_loop("fully_synthetic"), 1, real).real is real


def test_asking_for_real_images_later_in_the_fully_synthetic_loop_fails_and_says_why():
    with pytest.raises(RunFailed, match="real images in generation 2 of the fully_synthetic loop"):
        _ = make_context(make_loop("fully_synthetic"), 2).real


@pytest.mark.parametrize("kind", ["fully_synthetic", "synthetic_augmentation"])
def test_accumulate_subsample_keeps_as_many_different_images_as_the_plain_loop_trains_on(kind: str):
    loop = make_loop(kind, pool="accumulated", n_synthetic=30)
    images = torch.arange(120, dtype=torch.uint8).view(120, 1, 1, 1)
    parts = {t: ImageSet(images[30 * (t - 1) : 30 * t]) for t in (1, 2, 3)}
    real = ImageSet(images[90 : 90 + loop.n_real]) if loop.n_real else None
    pool = Pool.assemble(real, parts)
    chosen = load_method("accumulate_subsample").build().curate(pool, make_context(loop, 4, real))
    values = chosen.data.images.flatten().tolist()
    assert len(set(values)) == len(values) == loop.n_real + loop.n_synthetic
    assert set(values) <= set(pool.data.images.flatten().tolist())
    assert len(set(chosen.origin.tolist())) > 1


def test_accumulate_subsample_draws_from_the_context_alone():
    loop = make_loop(pool="accumulated")
    pool = Pool.assemble(None, {t: make_images(30, seed=t) for t in (1, 2, 3)})
    method = load_method("accumulate_subsample").build()
    first, again = (method.curate(pool, make_context(loop, 4)) for _ in range(2))
    other = method.curate(pool, make_context(loop, 5))
    assert first.data.sha256 == again.data.sha256 != other.data.sha256


@pytest.mark.parametrize("pool", ["previous", "last:3"])
def test_accumulate_subsample_refuses_another_pool_policy(pool: str):
    with pytest.raises(BadInput, match=rf"--pool accumulated, found {pool}"):
        load_method("accumulate_subsample").build().check(make_loop(pool=pool))


@pytest.mark.parametrize("kind", ["synthetic_augmentation", "fresh_data"])
def test_real_only_keeps_the_real_images_in_their_order_and_nothing_else(kind: str):
    real = make_images(20)
    pool = Pool.assemble(real, {1: make_images(30, seed=1)})
    method = load_method("real_only").build()
    method.check(make_loop(kind))
    assert method.curate(pool, make_context(make_loop(kind), 2, real)).data.sha256 == real.sha256


def test_real_only_is_refused_in_a_loop_without_real_images():
    with pytest.raises(
        BadInput, match="real_only needs real images: allowed are synthetic_augmentation and fresh_data"
    ):
        load_method("real_only").build().check(make_loop("fully_synthetic"))


@pytest.mark.parametrize(("hook", "bias"), [("sample", 1.0), ("synthesize", 0.5)])
def test_biased_pool_applies_the_bias_to_what_enters_the_pool_and_not_to_what_is_scored(hook: str, bias: float):
    generator = RecordingGenerator()
    ctx = make_context(make_loop(sampling_bias=0.5), 2)
    getattr(load_method("biased_pool").build(), hook)(generator, 7, ctx)
    assert torch.equal(generator.asked[0], ctx.labels[:7])
    assert generator.asked[1:] == (ctx.seeds[:7], bias)
