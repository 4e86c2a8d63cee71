import json
import re
from pathlib import Path

import pytest
import torch
from builders import comparable
from safetensors.torch import load_file

from bench.cells.record import read_record
from bench.cells.task import load_task
from bench.cli.main import main
from bench.data.image_set import ImageSet
from bench.data.real import in_tier_size, load_real_data

from .conftest import write_tiny_task

# A method that writes down what each generation is offered, and changes nothing.
RECORDING_METHOD = """
import pathlib, torch
from safetensors.torch import save_file
from bench import Method

class Recording(Method):
    def curate(self, pool, ctx):
        file = pathlib.Path({folder!r}) / f"{{ctx.loop.kind}}-{{ctx.generation}}.safetensors"
        save_file({{"images": pool.data.images, "labels": pool.data.labels, "origin": pool.origin}}, file)
        return pool
"""


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "recording.py"
    path.write_text(RECORDING_METHOD.format(folder=str(tmp_path)))
    return path


def stored_samples(outcome: dict, t: int) -> ImageSet:
    content = load_file(Path(outcome["record"]).parent / f"generation-{t:03d}" / "samples.safetensors")
    return ImageSet(content["images"], content["labels"])


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the recording method is offered in the three loops, and their runs folder."""
    folder = tmp_path_factory.mktemp("recorded")
    task, method = write_tiny_task(folder / "tiny.toml"), folder / "recording.py"
    method.write_text(RECORDING_METHOD.format(folder=str(folder)))
    arguments = ["--task", str(task), "--method", str(method), "--runs", str(folder / "runs"), "--device", "cpu"]
    assert main(["run", "--loop", "all", *arguments]) == 0
    return folder


def origins(folder: Path, kind: str, t: int) -> dict[int, int]:
    origin = load_file(folder / f"{kind}-{t}.safetensors")["origin"]
    return dict(zip(*(part.tolist() for part in origin.unique(return_counts=True)), strict=True))


@pytest.mark.parametrize("pool", ["previous", "accumulated"])
def test_same_cells_in_two_run_folders_have_the_same_records(run_tiny, finished, pool):
    if pool == "previous":
        first = [finished(kind, "a") for kind in ("fully_synthetic", "synthetic_augmentation", "fresh_data")]
    else:
        first = run_tiny("--pool", pool, runs="a")[1]
    second = run_tiny("--pool", pool, runs="b")[1]
    assert len(first) == 3
    for a, b in zip(first, second, strict=True):
        assert a["record"] != b["record"]
        assert comparable(Path(a["record"])) == comparable(Path(b["record"]))


def test_loops_and_methods_of_a_seed_share_generation_one_and_seeds_do_not(run_tiny, recording):
    _, outcomes, log = run_tiny("--method", f"none,{recording}", "--seeds", "0,1", "--generations", "1")
    hashes: dict[int, set[str]] = {0: set(), 1: set()}
    for outcome in outcomes:
        record = read_record(Path(outcome["record"]))
        hashes[record.cell.seed].add(record.generations[0].samples_sha256)
        started = json.loads((Path(outcome["record"]).parent / "cell.json").read_text())
        assert record.task_sha256 == started["conditions"]["task_sha256"]
    assert len(outcomes) == 12
    assert [len(found) for found in hashes.values()] == [1, 1]
    assert hashes[0] != hashes[1]
    assert log.count("taken from the runs folder") == 10


@pytest.mark.parametrize(
    ("pool", "synthetic_of_3"), [("previous", {2: 70}), ("accumulated", {1: 70, 2: 70}), ("last:1", {2: 70})]
)
def test_each_generation_is_offered_the_pool_of_its_loop(
    run_tiny, recording, recorded, tmp_path, pool, synthetic_of_3
):
    offered = recorded
    if pool != "previous":
        offered = tmp_path
        assert run_tiny("--method", str(recording), "--pool", pool)[0] == 0
    for kind, n_real in {"fully_synthetic": {}, "synthetic_augmentation": {0: 60}, "fresh_data": {0: 30}}.items():
        assert origins(offered, kind, 2) == n_real | {1: 70}
        assert origins(offered, kind, 3) == n_real | synthetic_of_3


def test_the_synthetic_pool_is_what_the_generation_before_sampled(recorded):
    offered = load_file(recorded / "fully_synthetic-3.safetensors")
    [record] = recorded.glob("runs/cells/*-fully_synthetic-*/record.json")
    samples = stored_samples({"record": record}, 2)
    assert torch.equal(offered["images"], samples.images[:70])
    assert torch.equal(offered["labels"], samples.labels[:70])


def test_real_images_are_repeated_in_augmentation_and_new_in_the_fresh_data_loop(recorded):
    real = {}
    for kind in ("synthetic_augmentation", "fresh_data"):
        for t in (2, 3):
            offered = load_file(recorded / f"{kind}-{t}.safetensors")
            real[kind, t] = {image.numpy().tobytes() for image in offered["images"][offered["origin"] == 0]}
    assert real["synthetic_augmentation", 2] == real["synthetic_augmentation", 3]
    assert not real["fresh_data", 2] & real["fresh_data", 3]


def test_no_generation_is_offered_a_reference_image(recorded, tiny_task):
    files = [*recorded.glob("*.safetensors")]
    assert len(files) == 6
    reference = {image.numpy().tobytes() for image in load_real_data(load_task(str(tiny_task))).reference.images}
    for file in files:
        offered = load_file(file)
        assert not reference & {image.numpy().tobytes() for image in offered["images"]}


def test_the_engine_counts_images_and_network_evaluations(run_tiny):
    _, [outcome], _ = run_tiny("--loop", "fresh_data", "--sampling-bias", "0.5")
    record = read_record(Path(outcome["record"]))
    assert [g.cost.images_trained for g in record.generations] == [256, 256, 256]
    assert [g.cost.network_evaluations for g in record.generations] == [70 * 3 * 2] * 3
    assert [g.cost.real_images for g in record.generations] == [80, 30, 30]


def test_finetuning_starts_from_the_generation_before(run_tiny, finished):
    scratch = finished("fully_synthetic")
    _, [finetuned], _ = run_tiny("--loop", "fully_synthetic", "--protocol", "finetune")
    models = [
        load_file(Path(outcome["record"]).parent / f"generation-00{t}" / "model.safetensors")
        for outcome, t in ((scratch, 1), (scratch, 2), (finetuned, 1), (finetuned, 2))
    ]

    def distance(a: dict, b: dict) -> float:
        return sum(float((a[name] - b[name]).square().sum()) for name in a)

    assert distance(models[0], models[2]) == 0
    assert distance(models[2], models[3]) < 0.5 * distance(models[0], models[1])


def test_pools_get_what_synthesize_returns_and_the_scorer_what_sample_draws(run_tiny, tmp_path):
    method = tmp_path / "black.py"
    method.write_text(
        "import torch\n"
        "from bench import ImageSet, Method\n"
        "class Black(Method):\n"
        "    def synthesize(self, generator, n, ctx):\n"
        "        return ImageSet(torch.zeros((n, 1, 8, 8), dtype=torch.uint8), ctx.labels(n))\n"
        "    def curate(self, pool, ctx):\n"
        "        assert pool.data.images.max() == 0\n"
        "        return pool\n"
    )
    status, [outcome], _ = run_tiny("--method", str(method), "--loop", "fully_synthetic")
    assert status == 0
    assert stored_samples(outcome, 1).images.max() > 0


def test_the_strip_shows_the_same_latents_in_every_generation(run_tiny):
    _, [outcome], _ = run_tiny("--loop", "fully_synthetic", "--protocol", "finetune", "--generations", "2")
    rows = [
        load_file(Path(outcome["record"]).parent / f"generation-00{t}" / "strip.safetensors")["images"].float()
        for t in (1, 2)
    ]
    # A model and its finetuned successor draw alike from the same latent, and unlike from another one.
    same = (rows[0] - rows[1]).square().mean()
    other = (rows[0] - rows[1].roll(1, 0)).square().mean()
    assert same < other


def test_a_failing_cell_keeps_its_generations_and_does_not_stop_the_others(run_tiny, tmp_path):
    method = tmp_path / "greedy.py"
    method.write_text(
        "from bench import Method\n"
        "class Greedy(Method):\n"
        "    def curate(self, pool, ctx):\n"
        "        ctx.real\n"
        "        return pool\n"
    )
    status, outcomes, log = run_tiny("--method", str(method), "--loop", "fully_synthetic,fresh_data")
    assert status == 1
    assert [outcome["state"] for outcome in outcomes] == ["failed", "finished"]
    assert "asked for real images in generation 2 of the fully_synthetic loop" in outcomes[0]["error"]
    assert "asked for real images" in log


def test_a_fault_in_a_methods_code_fails_its_cell_with_the_line_and_the_others_go_on(run_tiny, tmp_path):
    method = tmp_path / "faulty.py"
    method.write_text(
        "from bench import Method\n"
        "class Faulty(Method):\n"
        "    def curate(self, pool, ctx):\n"
        "        return pool[1 / 0]\n"
    )
    status, outcomes, log = run_tiny("--method", f"{method},none", "--loop", "fully_synthetic")
    assert status == 1
    assert [outcome["error"] for outcome in outcomes] == ["ZeroDivisionError: division by zero (faulty.py:4)", None]
    said = (
        f"failed: ZeroDivisionError: division by zero (faulty.py:4)\n  {method}:4, in curate\n    return pool[1 / 0]\n"
    )
    assert said in log
    assert "bench/" not in log
    [folder] = Path(outcomes[1]["record"]).parents[1].glob("*-faulty-*")
    assert "Traceback" in (folder / "log.txt").read_text()  # the benchmark's calls too


def test_a_method_that_returns_too_few_images_fails_with_the_counts(run_tiny, tmp_path):
    method = tmp_path / "short.py"
    method.write_text(
        "from bench import Method\n"
        "class Short(Method):\n"
        "    def sample(self, generator, n, ctx):\n"
        "        return super().sample(generator, n, ctx)[: n - 1]\n"
    )
    status, [outcome], _ = run_tiny("--method", str(method), "--loop", "fully_synthetic")
    assert status == 1
    assert "(69, 1, 8, 8)" in outcome["error"]
    assert "(70, 1, 8, 8)" in outcome["error"]


def test_json_lists_the_scores_of_every_generation(finished):
    outcome = finished("fully_synthetic")
    record = json.loads(Path(outcome["record"]).read_text())
    assert outcome["generations"] == [generation["scores"] for generation in record["generations"]]


def test_a_tier_with_a_size_of_its_own_trains_samples_and_scores_at_that_size(tiny_task, run_tiny, capsys):
    text = tiny_task.read_text()
    text = re.sub(r"(?s)\[features\].*?\n\n", "", text).replace("n_score = ", 'features = "identity"\nn_score = ')
    tiny_task.write_text(text.replace("[tiers.smoke]", "[tiers.smoke]\nsize = 4"))
    status, [outcome], _ = run_tiny("--loop", "fully_synthetic", "--generations", "2")
    record = read_record(Path(outcome["record"]))
    assert status == 0
    assert {stored_samples(outcome, t).images.shape[1:] for t in (1, 2)} == {(1, 4, 4)}

    task = load_task(str(tiny_task))
    shrunk = in_tier_size(task, "smoke", load_real_data(task))
    assert (record.data.sha256, record.data.pinned) == (shrunk.training.sha256, True)
    assert record.score.reference_sha256 == shrunk.reference[: record.score.n].sha256
    capsys.readouterr()
    assert (
        main(["rescore", str(Path(outcome["record"]).parent), "--features", "identity", "--task", str(tiny_task)]) == 0
    )


def test_training_that_diverges_fails_its_cell_alone_with_the_setting_to_change(tiny_task, run_tiny):
    tiny_task.write_text(tiny_task.read_text().replace("learning_rate = 3e-3", "learning_rate = 1e30"))
    status, outcomes, log = run_tiny("--loop", "fully_synthetic", "--seeds", "0,1")
    assert status == 1
    assert [outcome["record"] for outcome in outcomes] == [None, None]
    for outcome in outcomes:
        assert "training has diverged: lower learning_rate (1e+30) in the task file" in outcome["error"]
    assert "Traceback" not in log


LEARNING_METHOD = """
import pathlib, torch
from bench import Method

class Learning(Method):
    def prepare(self, generator, ctx):
        with open({file!r}, "a") as calls:
            print(ctx.generation, len(ctx.real), file=calls)
        self.mean = ctx.real.images.double().mean(0)

    def curate(self, pool, ctx):
        distances = (pool.data.images - self.mean).square().sum((1, 2, 3))
        return pool[distances.argsort()[: len(pool) // 2]]

    def state_dict(self):
        return {{"mean": self.mean}}

    def load_state_dict(self, state):
        self.mean = state["mean"]
"""


def test_what_a_method_learns_in_generation_one_is_its_state_for_the_others(run_tiny, tmp_path):
    path, calls = tmp_path / "learning.py", tmp_path / "calls"
    path.write_text(LEARNING_METHOD.format(file=str(calls)))
    arguments = ("--method", str(path), "--loop", "fully_synthetic")
    _, [outcome], _ = run_tiny(*arguments)
    assert calls.read_text() == "1 80\n"

    # Without the last two generations the cell goes on from the state of the first.
    folder = Path(outcome["record"]).parent
    before = comparable(folder / "record.json")
    for file in (folder / "record.json", *folder.glob("generation-00[23]/generation.json")):
        file.unlink()
    _, [again], log = run_tiny(*arguments)
    assert "resumes: generations 1 to 1 of 3 are finished" in log
    assert comparable(Path(again["record"])) == before
    assert calls.read_text() == "1 80\n"


def test_records_are_kept_in_a_folder_and_cells_that_it_has_are_skipped(run_tiny, tmp_path):
    arguments = ("--loop", "fully_synthetic", "--generations", "1", "--results", str(tmp_path / "results"))
    _, [outcome], log = run_tiny(*arguments)
    assert "0 of 1 cells have their records" in log
    [kept] = (tmp_path / "results").iterdir()
    assert kept.read_bytes() == Path(outcome["record"]).read_bytes()
    status, outcomes, log = run_tiny(*arguments, runs="others")
    assert (status, outcomes) == (0, [])
    assert "1 of 1 cells have their records" in log
    assert not (tmp_path / "others").exists()
