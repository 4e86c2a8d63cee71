from collections.abc import Mapping

import pytest
import torch
from builders import QUIET, RecordingGenerator, make_context, make_images, make_loop
from models import ddpm, equal, fit
from torch import Tensor

from bench.data.image_set import ImageSet
from bench.errors import BadInput
from bench.methods.file import load_method
from bench.methods.method import Setting, check_method
from bench.seeds import derive_seed

REAL = make_images(40)


class OneWeight(RecordingGenerator):
    """A generator of one weight, which is the budget of its last fit; all its pixels have this value."""

    weight = 7.0

    def fit(self, pool: ImageSet, **arguments: object) -> None:
        super().fit(pool, **arguments)
        self.weight = float(arguments["budget"])  # type: ignore[arg-type]

    def sample(self, labels: Tensor | None, seeds: list[int], *rest: object) -> ImageSet:
        drawn = super().sample(labels, seeds, *rest)  # type: ignore[arg-type]
        return ImageSet(torch.full_like(drawn.images, int(self.weight)), labels)

    def state_dict(self) -> dict[str, Tensor]:
        return {"weight": torch.tensor(self.weight)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self.weight = state["weight"].item()


def test_the_pool_is_the_teachers_the_score_the_students_and_the_student_stays_what_it_is():
    generator, method = OneWeight(), load_method("teacher:compute=3").build()
    assert method.state_dict() == {}
    first = make_context(make_loop(), 1, REAL)
    method.prepare(generator, first)
    [(pool, arguments)] = generator.fits
    assert pool.sha256 == REAL.sha256
    assert (arguments["budget"], arguments["from_scratch"]) == (3, True)
    assert arguments["seed"] == derive_seed(first.fit_seed, "teacher")
    assert generator.weight == 7
    # In all generations the pool is made of threes, the teacher's; the student's pixels are sevens.
    for t in (1, 2, 4):
        ctx = make_context(make_loop(), t)
        assert (method.synthesize(generator, 5, ctx).images == 3).all()
        assert generator.weight == 7
        assert (method.sample(generator, 5, ctx).images == 7).all()
        labels, seeds, _ = generator.samplings[-2]
        assert seeds == ctx.seeds(5)
        assert torch.equal(labels, ctx.labels(5))


def test_a_resumed_method_has_the_same_teacher():
    generator, method, resumed = OneWeight(), load_method("teacher").build(), load_method("teacher").build()
    method.prepare(generator, make_context(make_loop(), 1, REAL))
    resumed.load_state_dict(method.state_dict())
    assert (resumed.synthesize(generator, 5, make_context(make_loop(), 2)).images == 4).all()


def test_the_teacher_of_a_network_is_the_same_after_its_weights_are_put_back():
    generator, method = fit(ddpm()), load_method("teacher:compute=2").build()
    own = generator.state_dict()
    before = generator.work.images_trained
    method.prepare(generator, make_context(make_loop(), 1, make_images(24)))
    assert generator.work.images_trained - before == 2 * 64
    assert equal(generator.state_dict(), own)
    assert not equal(method.state_dict(), own)
    ctx = make_context(make_loop(), 2)
    drawn = method.synthesize(generator, 5, ctx)
    assert equal(generator.state_dict(), own)
    generator.load_state_dict(method.state_dict())
    assert torch.equal(drawn.images, generator.sample(ctx.labels(5), ctx.seeds(5), 1.0, QUIET).images)


def test_a_generator_without_a_budget_is_refused():
    with pytest.raises(BadInput, match="is not for gaussian"):
        check_method("teacher", load_method("teacher").build(), Setting(make_loop(), "gaussian", False, True, (8,)))
