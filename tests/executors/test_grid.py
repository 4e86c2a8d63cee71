"""From the choices on the command line to cells."""

import re
from pathlib import Path
from typing import Any

import pytest

from bench import paths
from bench.cells.choices import Choices
from bench.cells.task import Task
from bench.errors import BadInput
from bench.executors.grid import PlannedCell, plan_cells, shard

LOOPS = ("fully_synthetic", "synthetic_augmentation", "fresh_data")


def plan(**changes: Any) -> list[PlannedCell]:
    choices = {
        "tasks": ["digits"],
        "generators": ["ddpm"],
        "loops": ["fully_synthetic"],
        "methods": ["none"],
        "sampling_biases": [1.0],
        "seeds": [0],
        "tier": "smoke",
        "pool": "previous",
        "protocol": "scratch",
    }
    return plan_cells(Choices(**(choices | changes)))


def refusal(**changes: Any) -> str:
    with pytest.raises(BadInput) as caught:
        plan(**changes)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_the_cells_are_all_combinations_once():
    cells = plan(
        tasks=["digits", "mnist"],
        loops=LOOPS,
        methods=["none", "accumulate_subsample"],
        sampling_biases=[1.0, 0.5],
        seeds=[0, 1, 2],
        pool="accumulated",
    )
    found = {
        (p.cell.task, p.cell.loop.kind, p.cell.method.name, p.cell.loop.sampling_bias, p.cell.seed) for p in cells
    }
    assert len(cells) == len(found) == 2 * 3 * 2 * 2 * 3


def test_cells_that_share_their_first_generation_stand_next_to_each_other():
    cells = plan(tasks=["digits", "mnist"], loops=LOOPS, sampling_biases=[1.0, 0.5], seeds=[0, 1])
    shared = [(p.cell.task, p.cell.seed) for p in cells]
    assert shared == [pair for pair in dict.fromkeys(shared) for _ in range(3 * 2)]


@pytest.mark.parametrize("tier", ["smoke", "standard", "paper"])
@pytest.mark.parametrize("kind", LOOPS)
def test_sizes_that_are_not_given_are_the_task_files(digits: Task, tier: Any, kind: Any):
    (planned,) = plan(loops=[kind], tier=tier)
    expected = digits.tiers[tier].loops[kind].model_dump()
    assert planned.cell.loop.model_dump(include=set(expected)) == expected


def test_sizes_that_are_given_replace_the_task_files():
    (planned,) = plan(loops=["fresh_data"], generations=3, n_initial=41, n_real=42, n_synthetic=43)
    loop = planned.cell.loop
    assert (loop.generations, loop.n_initial, loop.n_real, loop.n_synthetic) == (3, 41, 42, 43)


def test_pool_protocol_and_bias_enter_the_cell():
    (planned,) = plan(pool="last:2", protocol="finetune", sampling_biases=[0.25])
    loop = planned.cell.loop
    assert (loop.pool, loop.protocol, loop.sampling_bias) == ("last:2", "finetune", 0.25)


def test_in_a_mixed_grid_n_real_is_for_the_loops_that_use_real_images():
    cells = plan(loops=LOOPS, n_real=7)
    assert {p.cell.loop.kind: p.cell.loop.n_real for p in cells} == {
        "fully_synthetic": 0,
        "synthetic_augmentation": 7,
        "fresh_data": 7,
    }


def test_n_real_for_the_fully_synthetic_loop_alone_is_refused():
    assert "n_real is 7: the fully_synthetic loop uses no real images" in refusal(n_real=7)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tasks": ["imagenet"]}, ["imagenet", "cifar10, digits, fashion_mnist, ffhq64, gaussian, mnist"]),
        ({"methods": ["magic"]}, ["magic", "accumulate_subsample"]),
        ({"loops": ["open"]}, ["--loop open", ", ".join(LOOPS)]),
        ({"tier": "huge"}, ["--tier huge", "smoke, laptop, standard, paper"]),
        ({"generators": ["gan"]}, ["--generator gan", "ddpm"]),
        ({"sampling_biases": [0.0]}, ["--sampling-bias 0.0", "(0, 1]"]),
        ({"sampling_biases": [1.5]}, ["--sampling-bias 1.5", "(0, 1]"]),
        ({"pool": "everything"}, ["--pool everything", "previous", "accumulated", "last:K"]),
        ({"protocol": "continue"}, ["protocol = 'continue'", "scratch", "finetune"]),
        ({"generations": 0}, ["generations = 0", "greater than or equal to 1"]),
        ({"n_synthetic": 0}, ["n_synthetic = 0", "greater than or equal to 1"]),
        ({"loops": ["fresh_data"], "n_real": 0}, ["n_real is 0", "fresh_data", "at least 1"]),
    ],
    ids=lambda value: None if isinstance(value, list) else str(value),
)
def test_a_choice_that_is_not_allowed_is_refused_with_what_is(changes: dict[str, Any], said: list[str]):
    message = refusal(**changes)
    assert [words for words in said if words not in message] == []


def test_a_bias_that_needs_labels_is_refused_for_a_task_without_and_allowed_for_one_with():
    message = refusal(tasks=["ffhq64"], sampling_biases=[1.0, 0.5])
    assert message.startswith("--sampling-bias 0.5, task 'ffhq64': ")
    assert "the task has none: choose 1" in message
    assert len(plan(tasks=["ffhq64"])) == len(plan(tasks=["cifar10"], sampling_biases=[0.5])) == 1


def test_one_bad_choice_among_good_ones_refuses_the_whole_grid():
    assert "--sampling-bias 1.5" in refusal(sampling_biases=[1.0, 1.5], loops=LOOPS)


def test_a_generator_that_the_tier_has_no_settings_for_is_refused_with_those_that_it_has():
    message = refusal(generators=["gaussian"])
    assert "digits.toml" in message
    assert "tiers.smoke has no settings for the generator 'gaussian': there are those of ddpm, stylegan" in message


def test_all_generators_are_those_that_each_task_has():
    cells = plan(tasks=["digits", "gaussian"], generators=None)
    expected = [("digits", "ddpm"), ("digits", "stylegan"), ("gaussian", "gaussian")]
    assert [(p.cell.task, p.cell.generator.name) for p in cells] == expected


def test_a_method_that_cannot_run_in_the_loop_is_refused_before_anything_runs():
    assert "--pool accumulated" in refusal(methods=["accumulate_subsample"], pool="previous")


def test_more_real_images_than_the_task_has_are_refused():
    message = refusal(n_initial=1298)
    assert "1298" in message
    assert "'digits' has 1297" in message


@pytest.mark.parametrize(
    "sizes", [{"n_real": 300}, {"n_real": 1, "generations": 900}, {"n_initial": 1290, "n_real": 3}]
)
def test_what_is_advised_where_fresh_images_run_out_works_and_one_more_does_not(sizes: dict[str, int]):
    sizes = {"n_initial": 500, "generations": 5} | sizes
    message = refusal(loops=["fresh_data"], **sizes)
    advised = re.search(r"lower generations to (\d+)(?: or n_real to (\d+))?$", message)
    assert advised is not None
    for key, value in zip(("generations", "n_real"), advised.groups(), strict=True):
        if value is not None:
            assert len(plan(loops=["fresh_data"], **(sizes | {key: int(value)}))) == 1
            assert refusal(loops=["fresh_data"], **(sizes | {key: int(value) + 1}))


def test_a_method_is_planned_with_the_hash_of_its_file(tmp_path: Path):
    path = tmp_path / "mine.py"
    path.write_bytes((paths.BASELINES / "none.py").read_bytes())
    (mine,), (shipped,) = plan(methods=[str(path)]), plan()
    assert mine.cell.method.name == "mine"
    assert mine.cell.method.sha256 == shipped.cell.method.sha256


@pytest.mark.parametrize(("share", "n_real", "n_synthetic"), [(0.5, 400, 400), (0.1, 720, 80)])
def test_contamination_keeps_the_size_of_the_pool(share: float, n_real: int, n_synthetic: int):
    [planned] = plan(loops=["synthetic_augmentation"], contamination=share)
    loop = planned.cell.loop
    assert (loop.n_real, loop.n_synthetic, loop.contamination) == (n_real, n_synthetic, share)
    assert f"-contaminated{share:g}-" in planned.cell.slug


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, 2.0])
def test_contamination_is_between_nothing_and_everything(share: float):
    assert "--contamination" in refusal(loops=["synthetic_augmentation"], contamination=share)


def test_contamination_is_refused_where_there_are_no_real_images():
    assert "the fully_synthetic loop has no real images" in refusal(contamination=0.5)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seeds": [0, 2**63]}, "seed = 9223372036854775808: input should be less than 9223372036854775808"),
        ({"generations": 1001}, "generations = 1001: input should be less than or equal to 1000"),
        ({"pool": "last:9999999999"}, "--pool last:9999999999: choose previous, accumulated"),
    ],
)
def test_what_no_record_may_say_is_refused_before_anything_runs(changes: dict[str, Any], said: str):
    assert said in refusal(**changes)


def test_all_methods_are_those_that_the_loop_and_the_generator_allow():
    def names(**changes: Any) -> set[str]:
        return {planned.cell.method.name for planned in plan(methods=None, **changes)}

    on_digits, on_gaussian = names(), names(tasks=["gaussian"], generators=["gaussian"])
    assert {"none", "real_only"} <= on_digits & on_gaussian
    assert "accumulate_subsample" not in on_digits
    assert "accumulate_subsample" in names(pool="accumulated")


def test_a_method_that_is_named_and_not_for_the_loop_is_refused():
    assert refusal(methods=["accumulate_subsample"]) == (
        "method accumulate_subsample needs --pool accumulated, found previous"
    )


@pytest.mark.parametrize("n", [1, 2, 5, 7, 20])
def test_the_parts_of_a_grid_are_even_and_have_every_cell_once_in_its_order(n: int):
    cells = plan(loops=LOOPS, seeds=[0, 1, 2, 3, 4])
    parts = [shard(cells, f"{i}/{n}") for i in range(1, n + 1)]
    assert [planned for part in parts for planned in part] == cells
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize(
    "text", ["", "1", "/", "0/3", "4/3", "1/0", "-1/3", "1/3/3", "a/b", "1.5/2", "1/99999999999", "¹/3"]
)
def test_a_part_that_there_is_not_is_refused(text: str):
    with pytest.raises(BadInput, match=re.escape(f"--shard {text!r}: write I/N")):
        shard(plan(), text)


@pytest.fixture
def one_loop(tmp_path: Path) -> str:
    """Return the path of a task with one tier and one loop."""
    text = (paths.TASKS / "digits.toml").read_text(encoding="utf-8")
    lines = text[: text.index("# One GPU.")].splitlines()
    path = tmp_path / "digits.toml"
    kept = [line for line in lines if not line.startswith(("synthetic_augmentation", "fresh_data"))]
    path.write_text("\n".join(kept), encoding="utf-8")
    return str(path)


def test_all_loops_are_those_of_each_task(one_loop: str):
    cells = plan(tasks=["digits", one_loop], loops=None)
    assert [planned.cell.loop.kind for planned in cells] == [*LOOPS, "fully_synthetic"]


def test_a_loop_that_a_task_does_not_have_is_refused(one_loop: str):
    assert "tiers.smoke.loops.fresh_data is missing" in refusal(tasks=[one_loop], loops=["fresh_data"])


def test_a_tier_that_a_task_does_not_have_is_refused(one_loop: str):
    assert "tiers.paper is missing: choose smoke" in refusal(tasks=[one_loop], tier="paper")
