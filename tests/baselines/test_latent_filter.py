from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch
from builders import RecordingGenerator, make_context, make_images, make_loop
from models import ddpm, equal, fit, stylegan
from torch import Tensor

from bench.data.image_set import ImageSet
from bench.errors import BadInput
from bench.methods.file import load_method
from bench.methods.method import Setting, check_method

LABELS = torch.arange(40) % 2
# Class 0 is dark and class 1 is light, with noise in which they overlap a little.
REAL = ImageSet(
    (40 + 120 * LABELS + torch.arange(40) * 37 % 97).to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 8, 8), LABELS
)


class Signed(RecordingGenerator):
    """A generator whose feature is the mean grey level times its one weight."""

    weight = 1.0

    def features(self, images: ImageSet, progress: object) -> Tensor:
        return self.weight * images.images.float().mean((1, 2, 3)).view(-1, 1)

    def state_dict(self) -> dict[str, Tensor]:
        return {"weight": torch.tensor(self.weight)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self.weight = state["weight"].item()


def test_the_surest_share_of_each_label_is_kept_by_the_latents_of_the_first_model():
    generator, method = Signed(), load_method("latent_filter").build()
    assert method.state_dict() == {}
    method.prepare(generator, make_context(make_loop(), 1, REAL, n_classes=2))
    resumed = load_method("latent_filter").build()
    resumed.load_state_dict(method.state_dict())
    # A later model whose own latents say the opposite. Twelve candidates, whose grey levels are 10 times the index.
    ctx = replace(make_context(make_loop(), 3, n_classes=2), _seeds=lambda n: [10 * i for i in range(n)])
    for selector in (method, resumed):
        generator.weight = -1.0
        kept = selector.synthesize(generator, 6, ctx)
        assert generator.weight == -1
        # Label 0: the darkest three of 0, 20, .. 100. Label 1: the lightest three of 10, 30, .. 110.
        assert kept.labels.tolist() == [0, 1, 0, 1, 0, 1]
        assert kept.images[:, 0, 0, 0].tolist() == [0, 70, 20, 90, 40, 110]


@pytest.mark.parametrize(("keep", "drawn"), [("1", 6), ("0.5", 12), ("0.25", 24), ("0.9", 7)])
def test_as_many_candidates_are_drawn_as_the_share_asks_for(keep: str, drawn: int):
    generator, method = Signed(), load_method(f"latent_filter:keep={keep}").build()
    method.prepare(generator, make_context(make_loop(), 1, REAL, n_classes=2))
    ctx = make_context(make_loop(), 2, n_classes=2)
    kept = method.synthesize(generator, 6, ctx)
    [(_, seeds, _)] = generator.samplings
    assert seeds == ctx.seeds(drawn)
    assert torch.equal(kept.labels, ctx.labels(6))


@pytest.mark.parametrize("build", [ddpm, stylegan])
def test_the_own_weights_of_a_network_are_put_back(build):
    generator = fit(build(n_classes=2), pool=REAL)
    method = load_method("latent_filter").build()
    method.prepare(generator, make_context(make_loop(), 1, REAL, n_classes=2))
    first = generator.state_dict()
    fit(generator, seed=1, pool=make_images(24, n_classes=2))
    later = generator.state_dict()
    assert not equal(first, later)
    ctx = make_context(make_loop(), 2, n_classes=2)
    before = method._sureness(generator, REAL, ctx)
    assert equal(generator.state_dict(), later)
    generator.load_state_dict(first)
    assert torch.equal(method._sureness(generator, REAL, ctx), before)


def test_it_needs_labels():
    with pytest.raises(BadInput, match="method latent_filter needs labels"):
        check_method(
            "latent_filter",
            load_method("latent_filter").build(),
            Setting(make_loop(), "ddpm", False, False, (1, 8, 8)),
        )
