import pytest
import torch
from builders import RecordingGenerator, make_context, make_loop

from bench.errors import BadInput
from bench.methods.file import load_method
from bench.methods.method import Method, Setting, check_method


@pytest.mark.parametrize(("name", "n"), [("more_samples", 120), ("more_samples:factor=7", 210)])
def test_each_generation_adds_the_factor_times_as_many_images(name: str, n: int):
    assert load_method(name).build().n_synthetic(make_loop(n_synthetic=30)) == n


def test_the_first_images_are_those_of_the_plain_loop():
    ctx, generator = make_context(make_loop(n_synthetic=30), 2), RecordingGenerator()
    more, plain = (
        m.synthesize(generator, n, ctx) for m, n in ((load_method("more_samples").build(), 120), (Method(), 30))
    )
    assert torch.equal(more.images[:30], plain.images)
    assert len(more) == 120


def test_a_contaminated_loop_is_refused_because_its_share_of_synthetic_images_is_fixed():
    loop = make_loop("fresh_data", contamination=0.6, n_real=20, n_synthetic=30)
    with pytest.raises(BadInput, match=r"^method more_samples needs a loop without contamination, found 0\.6"):
        check_method(
            "more_samples", load_method("more_samples").build(), Setting(loop, "ddpm", True, False, (1, 8, 8))
        )
