"""Plain flow: a rectified flow of the method's own in place of the benchmark's generator, and no mitigation at all.

A method for the tests, to which the board must give the right mark: what it is better in, its network is, and the loop
is the plain one.

Needs: small images. Costs: a generation's training of a network of its own, counted in seconds. Loops: all.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench import Context, Generator, ImageSet, Method, Pool, derive_generator, derive_seed, draw_weights

BATCH = 64
STEPS = 20
WIDTH = 64


class PlainFlow(Method):
    """Train a rectified flow from scratch in every generation, and draw from it alone."""

    needs_images = True
    uses = ("real statistics",)

    def __init__(self) -> None:
        self._flow: dict[str, Tensor] = {}

    def prepare(self, generator: Generator, ctx: Context) -> None:
        self._train(ctx.real, ctx)

    def fit(self, generator: Generator, pool: Pool, ctx: Context) -> None:
        self._train(pool.data, ctx)

    def _train(self, images: ImageSet, ctx: Context) -> None:
        clean = images.images.float() / 127.5 - 1
        labels = torch.zeros(len(images), dtype=torch.int64) if images.labels is None else images.labels
        network = Flow(clean.shape[1], ctx.n_classes or 1)
        draw_weights(network, derive_seed(ctx.fit_seed, "flow"))
        average = {name: value.clone() for name, value in network.state_dict().items()}
        steps = max(1, math.ceil(ctx.budget.images_trained / BATCH))
        optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        random = derive_generator(ctx.fit_seed, "flow")
        for step in range(steps):
            chosen = torch.randint(len(clean), (BATCH,), generator=random)
            noise = torch.randn(clean[chosen].shape, generator=random)
            time = torch.rand(BATCH, 1, 1, 1, generator=random)
            predicted = network(noise.lerp(clean[chosen], time), time.flatten(), labels[chosen])
            loss = F.mse_loss(predicted, clean[chosen] - noise)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            with torch.no_grad():
                for name, value in network.state_dict().items():
                    average[name].lerp_(value, 1 / (1 + 0.05 * step))
        self._flow = average

    @torch.no_grad()
    def sample(self, generator: Generator, n: int, ctx: Context) -> ImageSet:
        channels, height, width = generator.data.image_shape
        labels = ctx.labels(n)
        network = Flow(channels, ctx.n_classes or 1)
        network.load_state_dict(self._flow)
        classes = torch.zeros(n, dtype=torch.int64) if labels is None else labels
        parts = []
        for seed, label in zip(ctx.seeds(n), classes, strict=True):
            parts.append((torch.randn(1, channels, height, width, generator=derive_generator(seed)), label.view(1)))
        images = torch.cat([noise for noise, _ in parts])
        for step in range(STEPS):
            time = torch.full((n,), step / STEPS)
            images = images + network(images, time, classes) / STEPS
        return ImageSet(((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8), labels)

    def state_dict(self) -> dict[str, Tensor]:
        return self._flow

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self._flow = dict(state)


class Flow(nn.Module):
    """The velocity at noisy images, (n, channels, height, width), for times in [0, 1] and labels."""

    def __init__(self, channels: int, n_classes: int) -> None:
        super().__init__()
        # Layers draw from the random state that all code shares when they are built: it is put back.
        with torch.random.fork_rng(devices=[]):
            self.enter = nn.Conv2d(channels, WIDTH, 3, padding=1)
            self.labels = nn.Embedding(n_classes, WIDTH)
            self.times = nn.Sequential(nn.Linear(16, WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH))
            self.blocks = nn.ModuleList(Block() for _ in range(4))
            self.leave = nn.Conv2d(WIDTH, channels, 3, padding=1)

    def forward(self, images: Tensor, time: Tensor, labels: Tensor) -> Tensor:
        """Return the velocity."""
        angles = time[:, None] * 2.0 ** torch.arange(8)
        given = self.times(torch.cat([angles.sin(), angles.cos()], 1)) + self.labels(labels)
        hidden = self.enter(images)
        for block in self.blocks:
            hidden = block(hidden, given)
        velocity: Tensor = self.leave(F.silu(hidden))
        return velocity


class Block(nn.Module):
    """Two convolutions that see the whole image too, added to what comes in."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, WIDTH)
        self.first = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        self.whole = nn.Linear(WIDTH, WIDTH)
        self.given = nn.Linear(WIDTH, WIDTH)
        self.second = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)

    def forward(self, hidden: Tensor, given: Tensor) -> Tensor:
        """Return images as large."""
        inside = self.first(F.silu(self.norm(hidden)))
        inside = inside + (self.given(given) + self.whole(inside.mean((2, 3))))[:, :, None, None]
        changed: Tensor = hidden + self.second(F.silu(inside))
        return changed
