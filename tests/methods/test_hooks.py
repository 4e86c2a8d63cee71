"""The calls of a method's hooks: what the method returns is looked at before it is used."""

from typing import Any

import pytest
import torch
from builders import RecordingGenerator, make_context, make_images, make_loop
from torch import Tensor

from bench.data.image_set import ImageSet
from bench.errors import RunFailed
from bench.methods.hooks import Hooks
from bench.methods.method import Context, Control, Method
from bench.methods.pool import Pool

LIKE = make_images(10)
CTX = make_context(make_loop(), 2)
POOL = CTX.pool


class Gives(Method):
    """Returns what it is told to, from every hook."""

    def __init__(self, what: Any) -> None:
        self.what = what

    def curate(self, pool: Pool, ctx: Context) -> Pool:
        return self.what

    def sample(self, generator: Any, n: int, ctx: Context) -> ImageSet:
        return self.what

    def synthesize(self, generator: Any, n: int, ctx: Context) -> ImageSet:
        return self.what


@pytest.mark.parametrize("hook", ["sample", "synthesize"])
@pytest.mark.parametrize(
    ("what", "message"),
    [
        (None, "NoneType, not an ImageSet"),
        (LIKE.images, "Tensor, not an ImageSet"),
        (make_images(6), "images of shape (6, 1, 8, 8) with labels, not images of shape (5, 1, 8, 8) with labels"),
        (
            make_images(5, shape=(1, 8, 9)),
            "images of shape (5, 1, 8, 9) with labels, not images of shape (5, 1, 8, 8)",
        ),
        (make_images(5, n_classes=None), "images of shape (5, 1, 8, 8) without labels, not images of shape"),
    ],
)
def test_images_unlike_the_real_ones_are_refused_with_the_hook_and_the_method(hook: str, what: Any, message: str):
    hooks = Hooks("mine", Gives(what), LIKE)
    with pytest.raises(RunFailed) as caught:
        getattr(hooks, hook)(RecordingGenerator(), 5, CTX)
    assert str(caught.value).startswith(f"{hook} of method 'mine' returned {message}")


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (make_images(5), "returned ImageSet, not a Pool"),
        (POOL[torch.zeros(len(POOL), dtype=torch.bool)], f"left no image of {len(POOL)} in generation 2"),
        (Pool(POOL.data, POOL.origin[1:]), f"returned {len(POOL)} images and {len(POOL) - 1} origins"),
    ],
)
def test_a_pool_that_nothing_can_be_trained_on_is_refused(what: Any, message: str):
    with pytest.raises(RunFailed) as caught:
        Hooks("mine", Gives(what), LIKE).curate(POOL, CTX)
    assert str(caught.value) == f"curate of method 'mine' {message}"


class Stateful(RecordingGenerator):
    """A generator of one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.zeros(1)

    def state_dict(self) -> dict[str, Tensor]:
        return {"weight": self.weight.clone()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        self.weight = state["weight"]


def test_what_prepare_does_to_the_first_model_is_undone():
    class Prepares(Method):
        def prepare(self, generator: Any, ctx: Context) -> None:
            generator.weight += 1
            self.seen = generator.weight.item()

    method, generator = Prepares(), Stateful()
    Hooks("mine", method, LIKE).prepare(generator, CTX)
    assert (method.seen, generator.weight.item()) == (1, 0)


def test_hooks_say_of_the_method_what_the_loop_asks():
    plain, control, own = (Hooks("mine", method, LIKE) for method in (Method(), Control(), Gives(LIKE)))
    assert [hooks.is_control for hooks in (plain, control, own)] == [False, True, False]
    assert [hooks.synthetic_are_samples for hooks in (plain, control, own)] == [True, True, False]
