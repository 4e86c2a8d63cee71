"""The contexts that the loop makes: what a method can reach through them, and what is the same for whom."""

from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, MethodType
from typing import Any

import pytest
import torch
from builders import QUIET, MemoryCheckpoint, make_cell, make_images, make_loop

from bench.features.identity import IdentitySpace
from bench.methods.contexts import Contexts
from bench.methods.method import Context, Reads
from bench.methods.pool import Pool

TRAINING = make_images(100)
REAL = TRAINING[:40]


class Countable:
    """Stands for a generator, of which a context asks what the plain loop spends."""

    def images_per_fit(self, n: int) -> int:
        return 10 * n

    def evaluations_per_image(self, sampling_bias: float) -> int:
        return 5


def contexts(**changes: Any) -> Contexts:
    cell = make_cell(loop=make_loop(n_synthetic=30), **changes)
    return Contexts(cell, TRAINING, 10, 20, Countable(), lambda name: IdentitySpace(), IdentitySpace())


def context(of: Contexts, t: int = 2, reads: Reads | None = None) -> Context:
    return of.of(t, Pool.assemble(REAL, {}), REAL, reads or Reads(), lambda purpose: MemoryCheckpoint(), QUIET)


def test_the_budget_is_what_the_plain_loop_spends():
    budget = context(contexts()).budget
    assert budget.images_trained == 10 * 40
    assert budget.network_evaluations == 5 * 30  # n_synthetic is more than the 20 that are scored


def test_methods_and_loops_share_seeds_and_other_seeds_and_generations_have_others():
    own = context(contexts())
    other = context(contexts(method={"name": "other", "params": {}, "sha256": "b" * 64}))
    assert (own.fit_seed, own.seeds(7)) == (other.fit_seed, other.seeds(7))
    assert torch.equal(torch.rand(3, generator=own.random), torch.rand(3, generator=other.random))
    for changed in (context(contexts(seed=1)), context(contexts(), t=3), context(contexts(generator="gaussian"))):
        assert changed.fit_seed != own.fit_seed
        assert not set(changed.seeds(7)) & set(own.seeds(7))


def test_what_is_asked_for_is_the_start_of_what_more_would_be():
    ctx = context(contexts())
    assert ctx.seeds(9)[:4] == ctx.seeds(4)
    assert torch.equal(ctx.labels(150)[:4], ctx.labels(4))
    assert sorted(ctx.labels(100).tolist()) == sorted(TRAINING.labels.tolist())


def test_every_generation_has_the_same_latents_and_classes_in_the_strip():
    made = contexts()
    strips = [made.of_strip(context(made, t)) for t in (2, 3)]
    assert strips[0].seeds(20) == strips[1].seeds(20)
    assert strips[0].labels(20).tolist() == [i // 2 for i in range(20)]


def test_reading_is_counted():
    reads = Reads()
    ctx = context(contexts(), reads=reads)
    ctx.embed(REAL)
    assert (reads.real_images, reads.score_features) == (0, False)
    assert len(ctx.real) == 40
    ctx.embed_as_scored(REAL)
    assert (reads.real_images, reads.score_features) == (40, True)


@pytest.mark.parametrize(
    ("read", "t", "uses"),
    [
        (lambda ctx: ctx.labels(3), 1, set()),
        (lambda ctx: ctx.embed(REAL), 1, set()),
        (lambda ctx: ctx.embed(REAL, "identity"), 1, set()),
        (lambda ctx: ctx.embed(REAL, "inception"), 1, {"stronger model"}),
        (lambda ctx: ctx.real, 1, {"real statistics"}),
        (lambda ctx: ctx.real, 2, {"real statistics"}),
        (lambda ctx: ctx.pool, 1, {"real statistics"}),
        (lambda ctx: ctx.pool, 2, set()),
    ],
)
def test_what_is_used_beyond_the_loop_is_noted(read: Any, t: int, uses: set[str]):
    reads = Reads()
    read(context(contexts(), t, reads))
    assert reads.uses == uses


def reached(thing: Any, seen: set[int]) -> Iterator[Any]:
    """Yield everything that attributes, closures and containers lead to."""
    if id(thing) in seen or isinstance(thing, type | str | bytes | int | float | torch.Tensor | None):
        return
    seen.add(id(thing))
    yield thing
    match thing:
        case FunctionType():
            inside = [cell.cell_contents for cell in thing.__closure__ or ()]
        case MethodType():
            inside = [thing.__self__]
        case dict():
            inside = list(thing.values())
        case list() | tuple() | set() | frozenset():
            inside = list(thing)
        case _:
            inside = list(getattr(thing, "__dict__", {}).values())
    for each in inside:
        yield from reached(each, seen)


@pytest.mark.parametrize("task", ["digits", "gaussian"])
def test_no_way_through_a_context_leads_to_the_reference_or_the_scorer(tmp_path: Path, task: str):
    # As they are made for real: by the conformance test, which composes a cell as a run does.
    from bench.conformance.tiny import TinyBench, settings_of
    from bench.methods.file import load_method

    method = load_method("none")
    cell = next(cell for cell in settings_of(method)[0] if cell.task == task)
    loop = TinyBench(tmp_path).loop_run(cell, method, "run")
    real = loop.draws.initial(cell.loop)
    ctx = loop.contexts.of(1, Pool.assemble(real, {}), real, Reads(), loop.journal.checkpoints(0).of, QUIET)
    kinds = {type(thing).__name__ for thing in reached(ctx, set())}
    assert {"Context", "Contexts", "Checkpoints", "RunFolder", "ImageSet"} <= kinds  # private ways were followed
    assert not kinds & {"Reference", "Scorer", "LoopRun", "Journal"}
