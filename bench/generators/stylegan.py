"""The StyleGAN-lite: a small StyleGAN2 (Karras et al. 2020) for images of 8 to 128 pixels.

Kept of the published design: the mapping network, modulated and demodulated convolutions, noise inputs, skip outputs,
a residual discriminator with minibatch standard deviation, the non-saturating loss with lazy R1, equalised learning
rates, and the average of the generator's weights. Left out: path length regularisation and style mixing. For small
data: differentiable augmentation (Zhao et al. 2020). With labels both networks are conditional, as in StyleGAN2-ADA.
Added for small budgets: latent and label enter at the coarsest resolution too (`latent_input`), as in the networks
before StyleGAN (Radford et al. 2016), because styles alone come to say the class and leave the latent out; and the
discriminator reads the labels of images (`class_weight`; Odena et al. 2017).
"""

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench.cells.data_shape import DataShape
from bench.cells.generator_settings import StyleGANSettings
from bench.data.image_set import ImageSet
from bench.errors import BadInput
from bench.generators.augment import augment
from bench.generators.batch import Batch
from bench.generators.engine import Engine
from bench.generators.network import NetworkGenerator
from bench.generators.stylegan_layers import group_size
from bench.generators.stylegan_networks import Discriminator, GeneratorNetwork
from bench.generators.training import Training, mean_loss
from bench.process.progress import Progress
from bench.seeds import derive_generator, derive_seed, draw_weights

SECOND_MOMENT = 0.99  # of Adam; the first moment is not averaged
CENTRE_DRAWS = 4096  # latents that the centre of the styles is averaged over


class StyleGAN(NetworkGenerator):
    """StyleGAN2 made small; the sampling bias is the truncation psi (Karras et al. 2019).

    A style w is drawn towards the centre of all styles, centre + psi (w - centre), with psi = lambda; with labels each
    class has its own centre. What enters at the coarsest resolution is drawn towards its own likewise.
    """

    def __init__(self, settings: StyleGANSettings, data: DataShape, engine: Engine) -> None:
        """Build the networks once; `fit` draws their weights anew for every generation."""
        engine = engine.suited_to(settings.channels, channels_last=True)
        super().__init__(settings, data, engine)
        self.settings: StyleGANSettings = settings
        own = self.share.of(torch.empty(settings.batch_size))
        if group_size(len(own), settings.stddev_group) != self.share.group:
            raise BadInput(
                f"batch_size = {settings.batch_size}: {engine.processes.count} processes cannot share a batch of "
                f"which {self.share.group} images go together (stddev_group = {settings.stddev_group}): choose a "
                f"multiple of {settings.stddev_group * engine.processes.count}"
            )
        channels, height, _ = data.image_shape
        size, folded = height // settings.patch, channels * settings.patch**2
        generator = GeneratorNetwork(settings, size, folded, data.n_classes)
        draw_weights(generator, 0)
        self._generator = engine.place(generator)
        self._discriminator = engine.place(Discriminator(settings, size, folded, data.n_classes))
        self._averaged = copy.deepcopy(self._generator).eval().requires_grad_(False)
        self._synthesize = engine.compile(self._generator.synthesis)
        self._synthesize_averaged = engine.compile(self._averaged.synthesis)
        self._discriminate = engine.compile(self._discriminator)
        self._centre = torch.zeros(data.n_classes or 1, settings.latent, device=self.device)

    def evaluations_per_image(self, sampling_bias: float) -> int:
        """Return 1: a GAN draws an image in one pass."""
        return 1

    def state_dict(self) -> dict[str, Tensor]:
        """Return the averaged generator, its centre of styles, and the discriminator that `finetune` goes on with."""
        parts = {"generator": self._averaged, "discriminator": self._discriminator}
        state = {f"{part}.{name}": v for part, network in parts.items() for name, v in network.state_dict().items()}
        return {name: value.detach().cpu().clone() for name, value in (state | {"centre": self._centre}).items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Put what `state_dict` returned in place."""
        for part, network in (("generator.", self._averaged), ("discriminator.", self._discriminator)):
            network.load_state_dict({name.removeprefix(part): v for name, v in state.items() if name.startswith(part)})
        self._centre = state["centre"].to(self.device, copy=True)

    @property
    def images_that_go_together(self) -> int:
        """How many images of a batch the discriminator sees a deviation over."""
        return group_size(self.settings.batch_size, self.settings.stddev_group)

    @property
    def numbers_per_image(self) -> int:
        """The latents, and the noise of each layer."""
        return int(self._averaged.n_random)

    def features(self, images: ImageSet, progress: Progress) -> Tensor:
        """Return what the discriminator's hidden layer makes of images, float32 (n, its width)."""
        return self.evaluated(
            images, "features", progress, lambda x, labels: self._discriminator.hide(self._folded(x))
        )

    def judge(self, images: ImageSet, progress: Progress) -> Tensor:
        """Return the discriminator's logits of labelled images, float32 (n,).

        It sees a deviation over groups of images, so that a logit depends a little on the images beside it.
        """
        return self.evaluated(
            images, "judge", progress, lambda x, labels: self._discriminator(self._folded(x), labels)[0]
        )

    def begin_fit(self, seed: int, from_scratch: bool, steps: int, learning_rate: float) -> Training:
        """Draw or keep the weights; see `NetworkGenerator`."""
        if from_scratch:
            draw_weights(self._averaged, seed)
            draw_weights(self._discriminator, derive_seed(seed, "discriminator"))
        self._generator.load_state_dict(self._averaged.state_dict())
        weights = {
            "average": list(self._averaged.parameters()),
            "generator": list(self._generator.parameters()),
            "discriminator": list(self._discriminator.parameters()),
        }
        # R1 is one of r1_interval + 1 steps of the discriminator's optimizer, which makes up for it as published.
        lazy = self.settings.r1_interval / (self.settings.r1_interval + 1)
        optimizers = {
            name: self._adam(weights[name], learning_rate, ratio)
            for name, ratio in (("generator", 1.0), ("discriminator", lazy))
        }
        return Training(weights, "generator", optimizers, steps, learning_rate)

    def _adam(self, weights: list[nn.Parameter], learning_rate: float, ratio: float) -> torch.optim.Optimizer:
        """Return Adam for weights that are stepped 1 / ratio times as often as the learning rate is meant for."""
        return torch.optim.Adam(
            weights,
            lr=learning_rate * ratio,
            betas=(0.0, SECOND_MOMENT**ratio),
            eps=1e-8,
            fused=self.device.type == "cuda",
        )

    def train_step(self, training: Training, step: int, batch: Batch, random: torch.Generator) -> dict[str, Tensor]:
        """Train both networks on one batch; see `NetworkGenerator`."""
        numbers = torch.randn(len(batch), self.numbers_per_image, generator=random, device=self.device)
        # From here on only this process's share of the batch.
        batch, numbers = batch.share(self.share), self.share.of(numbers)
        labels = batch.labels
        z, noise = self._generator.split(numbers)
        w = self._generator.mapping(z, labels)
        fake = self._images(self._synthesize, w, noise, self._generator.entry(z, labels))

        # The discriminator, with the gradient penalty R1 every few steps.
        regularise = step % self.settings.r1_interval == 0
        discriminator_loss = self._discriminator_loss(batch, fake.detach(), random, regularise)
        discriminator_loss = self._descend(training.optimizers["discriminator"], discriminator_loss)

        # The generator, on the same images.
        on_fake, read = self._judge(fake, labels, random)
        generator_loss = F.softplus(-on_fake).mean() + self._misread(read, labels)
        generator_loss = self._descend(training.optimizers["generator"], generator_loss)
        return {"discriminator": discriminator_loss, "generator": generator_loss}

    def _descend(self, optimizer: torch.optim.Optimizer, loss: Tensor) -> Tensor:
        """Move the optimizer's weights, and no others, down the gradient of the loss; return that of the batch.

        Args:
            optimizer: of some of the weights.
            loss: of this process's share of the batch.
        """
        weights = optimizer.param_groups[0]["params"]
        gradients = torch.autograd.grad(loss, weights)
        loss = loss.detach()
        self.engine.processes.average([*gradients, loss], self.share.weight)
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.grad = gradient
        optimizer.step()
        return loss

    def finish_fit(self) -> None:
        """Find the centre of the styles."""
        self._centre = self._style_centre()

    def draw(self, numbers: Tensor, labels: Tensor | None, sampling_bias: float) -> Tensor:
        """Return the images of styles that are drawn towards their centre."""
        z, noise = self._averaged.split(numbers)
        w = self._averaged.mapping(z, labels)
        if sampling_bias != 1:
            centre = self._centre if labels is None else self._centre[labels]
            w = centre + sampling_bias * (w - centre)
        return self._images(self._synthesize_averaged, w, noise, self._averaged.entry(z, labels, sampling_bias))

    def _images(self, synthesis: nn.Module, w: Tensor, noise: list[Tensor], entry: Tensor | None) -> Tensor:
        """Return images in about [-1, 1] of styles, (n, latent), noise maps, and what enters."""
        with self.engine.autocast():
            folded = synthesis(w, noise, entry)
        return F.pixel_shuffle(folded, self.settings.patch)

    def _judge(
        self, images: Tensor, labels: Tensor | None, random: torch.Generator, twice: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """Return the discriminator's logits, float32 (n,), and those of classes, of images that are augmented first.

        Args:
            images: float32 (n, channels, height, width), this process's share of a batch.
            labels: int64 (n,), None without classes.
            random: of the augmentation.
            twice: whether the gradient of a gradient will be taken: torch.compile cannot, and bfloat16 is too coarse.
        """
        settings = self.settings
        changed = augment(images, settings.augment, random, self.share, settings.translation)
        folded = self._folded(changed)
        discriminate = self._discriminator if twice else self._discriminate
        with self.engine.autocast(allowed=not twice):
            logits, read = discriminate(folded, labels)
        return logits.float(), None if read is None else read.float()

    def _misread(self, read: Tensor | None, labels: Tensor | None, weights: Tensor | None = None) -> Tensor | float:
        """Return the weighted cross-entropy of the labels that were read, (n, n_classes), (Odena et al. 2017).

        It is 0 where none are read. Images count by their weights.
        """
        if read is None or labels is None:
            return 0.0
        return self.settings.class_weight * mean_loss(F.cross_entropy(read, labels, reduction="none"), weights)

    def _folded(self, images: Tensor) -> Tensor:
        return self.engine.laid_out(F.pixel_unshuffle(images, self.settings.patch))

    def _discriminator_loss(self, batch: Batch, fake: Tensor, random: torch.Generator, regularise: bool) -> Tensor:
        """Return the non-saturating loss and, every few steps, the penalty R1 (Mescheder et al. 2018).

        Images of the pool count by their weights in the loss.
        """
        real, labels, weights = batch.images, batch.labels, batch.weights
        real.requires_grad_(regularise)
        on_real, read = self._judge(real, labels, random, twice=regularise)
        on_fake, _ = self._judge(fake, labels, random)
        loss = mean_loss(F.softplus(-on_real), weights) + F.softplus(on_fake).mean()
        loss = loss + self._misread(read, labels, weights)
        if regularise:
            (gradient,) = torch.autograd.grad(on_real.sum(), real, create_graph=True)
            penalty = mean_loss(gradient.square().sum((1, 2, 3)), weights)
            loss = loss + penalty * (self.settings.r1_weight / 2 * self.settings.r1_interval)
        return loss

    @torch.inference_mode()
    def _style_centre(self) -> Tensor:
        """Return the mean style of each class, (n_classes or 1, latent)."""
        shape = CENTRE_DRAWS, self.settings.latent
        z = torch.randn(shape, generator=derive_generator("centre of the styles")).to(self.device)
        mapping = self._averaged.mapping
        if mapping.embedding is None:
            centre: Tensor = mapping(z, None).mean(0, keepdim=True)
            return centre
        classes = torch.arange(len(self._centre), device=self.device)
        return torch.stack([mapping(z, label.expand(len(z))).mean(0) for label in classes])
