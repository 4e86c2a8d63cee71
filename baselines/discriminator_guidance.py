"""Discriminator guidance: in each step of the sampler a critic's gradient corrects the model's score.

After each training a critic learns to tell the real images of generation 1 from the model's own samples, both with
the noise of the sampler's steps. The logarithm of its odds is that of the ratio of the real density and the model's,
and its gradient what the model's score lacks: all images are drawn with score + weight * gradient.

Source: Kim et al. 2023, "Refining Generative Process with Discriminator Guidance in Score-based Diffusion Models"
(arXiv 2211.17091), whose critic is a U-Net encoder on features of a pretrained classifier, with weight 2 for CIFAR-10.
Differences: the critic is a small convolutional network on pixels that is given the level of noise; its gradient acts
where the noise schedule is between `lowest` and `highest` (the source allows all but the last hundredth), as it is
multiplied by thousands where nearly all is noise; the change of the predicted image is clipped to 1.

Needs: a generator that samples in steps (DDPM), images; after generation 1 no real ones, as those of generation 1 are
kept. Costs: sampling n_synthetic images for the critic; the critic is far smaller than the model, and its work is
counted in seconds alone. State: the real images of generation 1 and the critic. Loops: all.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from bench import Context, Generator, ImageSet, Method, NoiseLevel, Pool, derive_generator, derive_seed, draw_weights

BATCH = 64
WIDTH = 32


class DiscriminatorGuidance(Method):
    """Correct the score in each step by the gradient of a critic of noisy images (Kim et al. 2023)."""

    uses = ("real images",)
    generators: ClassVar[tuple[str, ...]] = ("ddpm",)
    needs_images = True

    weight: Annotated[float, Field(ge=0, description="of the critic's gradient")] = 1.0
    training: Annotated[float, Field(gt=0, description="of the critic, as a share of a generation's images")] = 0.2
    lowest: Annotated[float, Field(ge=0, le=1, description="noise level below which the model is left alone")] = 0.05
    highest: Annotated[float, Field(ge=0, le=1, description="noise level above which it is left alone")] = 0.7

    def __init__(self) -> None:
        self._real: Tensor | None = None
        self._critic: dict[str, Tensor] = {}

    def prepare(self, generator: Generator, ctx: Context) -> None:
        self._real = ctx.real.images.clone()

    def refine(self, generator: Generator, pool: Pool, ctx: Context) -> None:
        # Samples with seeds that no scored image has.
        n, device = ctx.loop.n_synthetic, generator.device
        seeds = [derive_seed(ctx.fit_seed, "critic", i) for i in range(n)]
        fake = generator.sample(ctx.labels(n), seeds, ctx.loop.sampling_bias, ctx.progress).images
        sides = [images.to(device).float() / 127.5 - 1 for images in (self._real, fake)]

        critic = Critic(fake.shape[1]).to(device)
        draw_weights(critic, derive_seed(ctx.fit_seed, "critic"))
        optimizer = torch.optim.Adam(critic.parameters(), lr=1e-3)
        random = derive_generator(ctx.fit_seed, "critic", device=device)
        levels = [level for level in generator.noise_levels() if self._acts(level)]
        for step in range(max(1, round(self.training * ctx.budget.images_trained / BATCH))):
            level = levels[step % len(levels)]
            loss = torch.zeros((), device=device)
            for images, target in zip(sides, (1.0, 0.0), strict=True):
                chosen = images[torch.randint(len(images), (BATCH // 2,), generator=random, device=device)]
                noise = torch.randn(chosen.shape, generator=random, device=device)
                logits = critic(level.signal * chosen + level.noise * noise, level)
                loss = loss + F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        self._critic = {name: value.detach().cpu().clone() for name, value in critic.state_dict().items()}

    def sample(self, generator: Generator, n: int, ctx: Context) -> ImageSet:
        if not self._critic:  # the samples of G^1 are plain
            return super().sample(generator, n, ctx)
        critic = Critic(self._critic["0.weight"].shape[1] - 1)
        critic.load_state_dict(self._critic)
        critic.to(generator.device).requires_grad_(False)

        def correct(noisy: Tensor, level: NoiseLevel, labels: Tensor | None) -> Tensor:
            if not self._acts(level):
                return torch.zeros_like(noisy)
            noisy.requires_grad_()
            (gradient,) = torch.autograd.grad(critic(noisy, level).sum(), noisy)
            return level.shift(self.weight * gradient).clamp(-1, 1)

        guidance = [1 / ctx.loop.sampling_bias - 1] * generator.guidance_steps
        return generator.sample_guided(ctx.labels(n), ctx.seeds(n), guidance, ctx.progress, correct=correct)

    def _acts(self, level: NoiseLevel) -> bool:
        return self.lowest <= level.level <= self.highest

    def state_dict(self) -> dict[str, Tensor]:
        return self._critic | ({} if self._real is None else {"real": self._real})

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self._real = state.get("real")
        self._critic = {name: value for name, value in state.items() if name != "real"}


class Critic(nn.Sequential):
    """The log-odds, (n,), of noisy images at one level for being real; the level is a further channel."""

    def __init__(self, channels: int) -> None:
        # Layers draw from the random state that all code shares when they are built: it is put back.
        with torch.random.fork_rng(devices=[]):
            super().__init__(
                nn.Conv2d(channels + 1, WIDTH, 3, padding=1),
                nn.SiLU(),
                nn.Conv2d(WIDTH, 2 * WIDTH, 3, stride=2, padding=1),
                nn.SiLU(),
                nn.Conv2d(2 * WIDTH, 2 * WIDTH, 3, stride=2, padding=1),
                nn.SiLU(),
                nn.AdaptiveAvgPool2d(1),
                nn.Flatten(),
                nn.Linear(2 * WIDTH, 1),
            )

    def forward(self, noisy: Tensor, level: NoiseLevel) -> Tensor:
        """Return (n,)."""
        plane = torch.full_like(noisy[:, :1], level.level)
        logits: Tensor = super().forward(torch.cat([noisy, plane], 1))
        return logits[:, 0]
