"""What the loop does with the hooks of a method: what it gives them, what it takes, and what it counts."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from bench.cells.record import Record, read_record
from bench.cells.task import load_task
from bench.data.draws import RealDraws
from bench.data.real import load_real_data
from bench.errors import BadInput

HEAD = """
import pathlib, torch
from safetensors.torch import save_file
from bench import Control, Extrapolation, ImageSet, Method, Pool

FOLDER = pathlib.Path({folder!r})

"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a method with this body; FOLDER is the test's folder."""

    def written(body: str, base: str = "Method", name: str = "mine") -> Path:
        path = tmp_path / f"{name}.py"
        indented = "\n".join(f"    {line}" if line else "" for line in body.strip("\n").splitlines())
        path.write_text(HEAD.format(folder=str(tmp_path)) + f"class Mine({base}):\n{indented}\n")
        return path

    return written


def record_of(outcomes: list[dict]) -> Record:
    [outcome] = outcomes
    assert outcome["error"] is None
    return read_record(Path(outcome["record"]))


def samples(record: Record) -> list[str]:
    return [generation.samples_sha256 for generation in record.generations]


SAVE_POOL = """
def curate(self, pool, ctx):
    save_file({"images": pool.data.images, "origin": pool.origin}, FOLDER / f"pool-{ctx.generation}.safetensors")
    return pool
"""
CONTAMINATED = ("--loop", "synthetic_augmentation", "--contamination", "0.25")


def test_a_contaminated_pool_mixes_the_share_and_hides_which_is_which(run_tiny, write, tmp_path):
    # The tiny loop's pool has 60 + 70 images: a quarter are 32, as 32.5 is rounded to the even number.
    assert run_tiny(*CONTAMINATED, "--method", str(write(SAVE_POOL)))[0] == 0
    hidden = load_file(tmp_path / "pool-3.safetensors")
    assert run_tiny(*CONTAMINATED, "--method", str(write(SAVE_POOL, "Control")))[0] == 0
    told = load_file(tmp_path / "pool-3.safetensors")
    assert hidden["origin"].tolist() == [-1] * 130
    assert told["origin"].sort().values.tolist() == [0] * 98 + [2] * 32
    assert told["origin"].tolist() != told["origin"].sort().values.tolist()
    assert torch.equal(told["images"], hidden["images"])


def test_a_control_of_the_fully_synthetic_loop_gets_the_real_images_of_generation_one(
    run_tiny, write, tmp_path, tiny_task
):
    body = """
def curate(self, pool, ctx):
    save_file({"real": ctx.real.images}, FOLDER / "real.safetensors")
    return pool
"""
    record = record_of(run_tiny("--loop", "fully_synthetic", "--method", str(write(body, "Control")))[1])
    draws = RealDraws(load_real_data(load_task(str(tiny_task))).training, "digits", seed=0)
    assert torch.equal(load_file(tmp_path / "real.safetensors")["real"], draws.initial(record.cell.loop).images)
    assert record.cell.method.control
    assert [g.cost.real_images for g in record.generations] == [80, 80, 80]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--loop", "fully_synthetic"), "generation 2 of the fully_synthetic loop, which has none after generation 1"),
        (CONTAMINATED, "contaminated pool does not tell which images are real"),
    ],
)
def test_a_method_that_asks_for_real_images_that_the_loop_does_not_give_fails(run_tiny, write, arguments, said):
    path = write("def curate(self, pool, ctx):\n    return pool if len(ctx.real) else pool")
    status, [outcome], _ = run_tiny(*arguments, "--method", str(path))
    assert status == 1
    assert said in outcome["error"]


def test_prepare_sees_generation_one_and_its_real_images_and_leaves_both_as_they_are(run_tiny, finished, write):
    body = """
def prepare(self, generator, ctx):
    assert ctx.generation == 1 and len(ctx.real) == ctx.pool.n_real == 80
    drawn = generator.sample(ctx.labels(60), ctx.seeds(60), 1.0, ctx.progress)
    save_file({"images": drawn.images}, FOLDER / "drawn.safetensors")
    generator.fit(ctx.real, seed=1, from_scratch=True, checkpoint=ctx.checkpoint, progress=ctx.progress, budget=0.5)
"""
    path = write(body)
    plain = read_record(Path(finished("fully_synthetic", "plain")["record"]))
    _, outcomes, _ = run_tiny("--loop", "fully_synthetic", "--method", str(path))
    record = record_of(outcomes)
    assert samples(record) == samples(plain)
    scored = load_file(Path(outcomes[0]["record"]).parent / "generation-001" / "samples.safetensors")["images"]
    assert torch.equal(load_file(path.parent / "drawn.safetensors")["images"], scored[:60])
    # Generation 1 pays for both: half a fit more, and 60 images in 3 steps.
    assert [g.cost.images_trained for g in record.generations] == [256 + 128, 256, 256]
    evaluations = [g.cost.network_evaluations for g in record.generations]
    assert [a - b.cost.network_evaluations for a, b in zip(evaluations, plain.generations, strict=True)] == [180, 0, 0]


def test_a_method_may_declare_that_it_gives_more_images_and_they_enter_the_pool(run_tiny, write, tmp_path):
    body = "def n_synthetic(self, loop):\n    return 2 * loop.n_synthetic\n" + SAVE_POOL
    record = record_of(run_tiny("--loop", "fresh_data", "--method", str(write(body)))[1])
    origin = load_file(tmp_path / "pool-3.safetensors")["origin"]
    assert [int((origin == s).sum()) for s in (0, 2)] == [30, 140]
    assert [g.cost.network_evaluations for g in record.generations] == [140 * 3] * 3


def test_what_a_method_keeps_is_measured(run_tiny, write):
    body = """
_kept = torch.zeros(0)

def prepare(self, generator, ctx):
    self._kept = ctx.real.images[:10].clone()

def state_dict(self):
    return {"kept": self._kept}
"""
    record = record_of(run_tiny("--loop", "fully_synthetic", "--method", str(write(body)))[1])
    assert [g.cost.method_state_bytes for g in record.generations] == [640, 640, 640]


def test_real_images_that_a_method_reads_count_though_it_trains_on_none(run_tiny, write):
    body = "def curate(self, pool, ctx):\n    {}return pool[~pool.real]"
    reads, blind = write(body.format("ctx.real; "), name="reads"), write(body.format(""), name="blind")
    for path, counted in ((reads, [80, 60, 60]), (blind, [80, 0, 0])):
        record = record_of(run_tiny("--loop", "synthetic_augmentation", "--method", str(path))[1])
        assert [g.cost.real_images for g in record.generations] == counted


def test_all_real_images_of_a_contaminated_pool_count(run_tiny, write):
    path = write("def curate(self, pool, ctx):\n    return pool[torch.arange(5)]")
    record = record_of(run_tiny(*CONTAMINATED, "--method", str(path))[1])
    assert [g.cost.real_images for g in record.generations] == [80, 98, 98]


def test_reading_the_space_of_the_score_marks_the_record_and_the_embedding_does_not(run_tiny, write, tmp_path):
    body = """
def curate(self, pool, ctx):
    features = ctx.{}(pool.data)
    save_file({{"features": features, "images": pool.data.images}}, FOLDER / "features.safetensors")
    return pool
"""
    as_scored, other = (
        write(body.format("embed_as_scored"), name="as_scored"),
        write(body.format("embed"), name="other"),
    )
    found = {}
    for path in (as_scored, other):
        record = record_of(run_tiny("--loop", "fully_synthetic", "--method", str(path))[1])
        found[path.stem] = load_file(tmp_path / "features.safetensors")
        assert [g.score_features_read for g in record.generations] == [False, *[path is as_scored] * 2]
    assert torch.equal(found["other"]["features"], found["other"]["images"].flatten(1) / 255)
    [as_scored_features, pixels] = [found[name]["features"] for name in ("as_scored", "other")]
    assert not torch.allclose(as_scored_features, pixels)


def test_the_spaces_that_a_method_has_read_are_in_the_record(run_tiny, write, tmp_path):
    body = "def curate(self, pool, ctx):\n    ctx.embed(pool.data{})\n    return pool"
    named, plain = (
        write(body.format(argument), name=name) for name, argument in (("named", ", 'identity'"), ("plain", ""))
    )
    for path in (named, plain):
        record = record_of(run_tiny("--loop", "fully_synthetic", "--method", str(path))[1])
        assert [g.spaces_read for g in record.generations] == [(), ("identity",), ("identity",)]
        assert not any(g.score_features_read for g in record.generations)
    scored = write("def curate(self, pool, ctx):\n    ctx.embed_as_scored(pool.data)\n    return pool", name="scored")
    record = record_of(run_tiny("--loop", "fully_synthetic", "--method", str(scored))[1])
    assert record.generations[1].spaces_read == (record.score.features,)


@pytest.mark.parametrize("space", ["digits_cnn", "resnet"])
def test_a_space_that_is_none_of_the_known_ones_ends_the_cell_in_one_line(run_tiny, write, space: str):
    path = write(f"def curate(self, pool, ctx):\n    ctx.embed(pool.data, space={space!r})\n    return pool")
    _, [outcome], _ = run_tiny("--loop", "fully_synthetic", "--method", str(path))
    allowed = "inception, dinov2, efficientnet-lite0, identity"
    assert outcome["error"] == f"ctx.embed, space={space}: choose one of {allowed}"


def test_spaces_that_a_method_names_are_looked_for_before_anything_runs(run_tiny, write, monkeypatch):
    def missing(name: str, *_: object) -> None:
        raise BadInput(f"the weights of {name} are not there")

    path = write("spaces = ('dinov2',)")
    monkeypatch.setattr("bench.executors.cell_runner.space_named", missing)
    status, _, said = run_tiny("--loop", "fully_synthetic", "--method", str(path))
    assert (status, said) == (2, "autophagy: error: the weights of dinov2 are not there\n")


def test_work_of_a_methods_own_networks_is_counted_where_it_says_so(run_tiny, write):
    body = "def refine(self, generator, pool, ctx):\n    ctx.count(images_trained=7, network_evaluations=5)"
    own = record_of(run_tiny("--loop", "fully_synthetic", "--method", str(write(body, name="own")))[1])
    plain = record_of(run_tiny("--loop", "fully_synthetic", "--method", str(write("pass", name="plain")))[1])
    for with_own, without, n in zip(own.generations, plain.generations, (0, 1, 1), strict=True):
        assert with_own.cost.images_trained == without.cost.images_trained + 7 * n
        assert with_own.cost.network_evaluations == without.cost.network_evaluations + 5 * n


def test_weights_reach_the_training(run_tiny, write):
    # Weights that leave out an image and the choice of the others are the same pool; only its order differs.
    weigh = "def curate(self, pool, ctx):\n    return pool.weighted(torch.ones(len(pool)){})"
    plain = record_of(run_tiny("--loop", "fresh_data", "--method", str(write(weigh.format(""), name="equal")))[1])
    path = write(weigh.format(" * (pool.origin > 0)"), name="synthetic")
    weighted = record_of(run_tiny("--loop", "fresh_data", "--method", str(path))[1])
    assert samples(weighted)[0] == samples(plain)[0]
    assert samples(weighted)[1] != samples(plain)[1]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            "def curate(self, pool, ctx):\n    return pool.data",
            "curate of method 'mine' returned ImageSet, not a Pool",
        ),
        (
            "def curate(self, pool, ctx):\n    return pool[pool.origin > 9]",
            "curate of method 'mine' left no image of 70",
        ),
        (
            "def curate(self, pool, ctx):\n    return Pool(ImageSet(pool.data.images[:, :, :4], pool.data.labels), "
            "pool.origin)",
            "curate of method 'mine' returned images of shape (70, 1, 4, 8) with labels, not images of shape "
            "(70, 1, 8, 8) with labels",
        ),
        (
            "def curate(self, pool, ctx):\n    return Pool(pool.data, pool.origin[:3])",
            "curate of method 'mine' returned 70 images and 3 origins",
        ),
        ("def sample(self, generator, n, ctx):\n    return None", "sample of method 'mine' returned NoneType"),
        (
            "def synthesize(self, generator, n, ctx):\n    return self.sample(generator, 2 * n, ctx)",
            "synthesize of method 'mine' returned images of shape (140, 1, 8, 8) with labels, not images of shape "
            "(70, 1, 8, 8) with labels",
        ),
        (
            "def curate(self, pool, ctx):\n    return pool.weighted(torch.zeros(len(pool)))",
            "the weights of a pool of 70 images must be (70,), finite, at least 0 and not all 0",
        ),
    ],
)
def test_what_a_hook_may_not_return_is_refused(run_tiny, write, body, said):
    status, [outcome], _ = run_tiny("--loop", "fully_synthetic", "--method", str(write(body)))
    assert status == 1
    assert said in outcome["error"]


def test_candidates_are_the_same_images_however_many_are_drawn(run_tiny, finished, write):
    body = """
def synthesize(self, generator, n, ctx):
    drawn = self.sample(generator, 3 * n, ctx)
    return drawn[torch.arange(n)]
"""
    record = record_of(run_tiny("--loop", "fully_synthetic", "--method", str(write(body)))[1])
    assert samples(record) == samples(read_record(Path(finished("fully_synthetic", "plain")["record"])))


def test_what_a_method_is_not_for_is_refused_before_anything_runs(run_tiny, write, capsys):
    path = write("loops = ('fresh_data',)\ngenerators = ('stylegan',)")
    for arguments, said in (
        (("--loop", "fully_synthetic"), "method mine is not for fully_synthetic: choose fresh_data"),
        (("--loop", "fresh_data"), "method mine is not for ddpm: choose stylegan"),
    ):
        status, outcomes, log = run_tiny(*arguments, "--method", str(path))
        assert (status, outcomes) == (2, None)
        assert re.search(said, log)
