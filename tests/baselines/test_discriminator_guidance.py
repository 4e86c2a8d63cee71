import pytest
import torch
from builders import make_context, make_loop
from models import ddpm, fit

from bench.data.image_set import ImageSet
from bench.errors import BadInput
from bench.methods.file import load_method
from bench.methods.method import Budget, Method, Setting, check_method
from bench.methods.pool import Pool

LOOP = make_loop(n_synthetic=40)
SETTINGS = {"images": 64 * 150, "batch_size": 64, "sampling_steps": 10, "learning_rate": 3e-3}


def grey(values: list[int]) -> ImageSet:
    images = torch.tensor(values, dtype=torch.uint8)[:, None, None, None].expand(-1, 1, 8, 8).contiguous()
    return ImageSet(images, torch.zeros(len(values), dtype=torch.int64))


def test_a_model_that_draws_what_is_not_real_is_corrected_towards_what_is():
    # The model has learned dark and bright images, half and half; the real ones are bright. The critic's log-odds are
    # those of bright images, so that nearly all images become bright.
    model = fit(ddpm(1, **SETTINGS), pool=grey([48, 208] * 32))
    method = load_method("discriminator_guidance:weight=2:training=0.8:highest=0.95").build()
    method.prepare(model, make_context(LOOP, 1, real=grey([208] * 40), n_classes=1))
    ctx = make_context(LOOP, 2, n_classes=1)
    ctx = type(ctx)(**vars(ctx) | {"budget": Budget(images_trained=64 * 150, network_evaluations=1)})
    trained = model.state_dict()
    method.refine(model, Pool.assemble(None, {1: grey([48] * 40)}), ctx)
    assert all(torch.equal(value, trained[name]) for name, value in model.state_dict().items())

    before = model.work.network_evaluations
    drawn = method.sample(model, 30, ctx)
    assert model.work.network_evaluations - before == 30 * 10
    both = drawn, Method().sample(model, 30, ctx)
    guided, plain = ((images.images.double().mean((1, 2, 3)) > 128).sum() for images in both)
    assert 6 < plain < 24
    assert guided >= 25

    # A resumed method draws the same, whatever the number of images.
    resumed = load_method("discriminator_guidance:weight=2:training=0.8:highest=0.95").build()
    resumed.load_state_dict(method.state_dict())
    assert torch.equal(resumed.sample(model, 5, ctx).images, drawn.images[:5])
    # Without weight it is the plain loop.
    without = load_method("discriminator_guidance:weight=0").build()
    without.load_state_dict(method.state_dict())
    assert torch.equal(without.sample(model, 5, ctx).images, Method().sample(model, 5, ctx).images)


def test_the_first_generation_is_sampled_plainly_and_its_real_images_are_kept():
    model, method, real = (
        fit(ddpm(1), pool=grey([9] * 24)),
        load_method("discriminator_guidance").build(),
        grey([7] * 40),
    )
    ctx = make_context(LOOP, 1, real=real, n_classes=1)
    method.prepare(model, ctx)
    assert torch.equal(method.sample(model, 5, ctx).images, Method().sample(model, 5, ctx).images)
    assert torch.equal(method.state_dict()["real"], real.images)


def test_another_generator_is_refused():
    method = load_method("discriminator_guidance").build()
    with pytest.raises(BadInput, match="method discriminator_guidance is not for stylegan: choose ddpm"):
        check_method("discriminator_guidance", method, Setting(make_loop(), "stylegan", True, False, (1, 8, 8)))
