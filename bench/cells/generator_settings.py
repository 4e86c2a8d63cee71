"""What a task file may set of each generator; kept apart from the networks so that reading a task needs no torch."""

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Augmentation = Literal["color", "translation", "cutout"]

TRANSLATION = 1 / 8  # of the size, in each direction: as published
GROUPS = 8  # of the group normalisation; a group of one channel would normalise away what the image is


class GeneratorSettings(BaseModel):
    """What the settings of all generators have in common."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def check(self, shape: tuple[int, ...]) -> None:
        """Raise ValueError where the generator cannot make images (channels, height, width), or points (d,)."""

    def check_sampling_bias(self, sampling_bias: float, labelled: bool) -> None:
        """Raise ValueError where the generator cannot sample with this bias."""


class GaussianSettings(GeneratorSettings):
    """A Gaussian is fitted in closed form: there is nothing to set."""

    def check(self, shape: tuple[int, ...]) -> None:
        """Raise ValueError where the data are images."""
        if len(shape) != 1:
            raise ValueError("it makes points, the task's data are images")


class NetworkSettings(GeneratorSettings):
    """What every network is told: how it trains, for how long, and how many images it draws at once."""

    images: int = Field(ge=1, description="images seen in training, per generation")
    batch_size: int = Field(ge=1)
    learning_rate: float = Field(gt=0)
    ema_halflife: float = Field(default=0.05, gt=0, le=1, description="of the weight average, as a share of the run")
    sampling_batch: int = Field(ge=1)

    @property
    def steps(self) -> int:
        """Training steps of a generation: whole batches."""
        return math.ceil(self.images / self.batch_size)


class FileSettings(GeneratorSettings):
    """What a generator from a file is given beside its parameters."""

    images: int = Field(ge=1, description="images seen in training, per generation: the tier's budget")


class NetworkFileSettings(NetworkSettings):
    """The settings of a network from a file: the tier's budget, and parameters that its class need not declare."""

    batch_size: int = Field(default=64, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    sampling_batch: int = Field(default=100, ge=1)

    @classmethod
    def common(cls) -> list[str]:
        """Return the names of the parameters that all networks from files have."""
        return [name for name in cls.model_fields if name != "images"]


class DDPMSettings(NetworkSettings):
    """The settings of a DDPM in a task file, per tier."""

    patch: int = Field(default=1, ge=1, description="side of the square of pixels that is folded into channels first")
    channels: tuple[int, ...] = Field(min_length=1, description="U-Net channels per resolution, the finest first")
    layers_per_block: int = Field(ge=1)
    attention: bool = Field(description="self-attention at the coarsest resolution")
    timesteps: int = Field(default=500, ge=2, description="T of the noise schedule")
    prediction: Literal["v_prediction", "epsilon", "sample"] = "v_prediction"
    training_levels: tuple[float, float] | None = Field(
        default=None,
        description="mean and deviation of the logit of the noise levels in training; without it they are uniform",
    )
    finest_level: float = Field(
        default=0.1, gt=0, le=1, description="noise level below which errors of a predicted image weigh no more"
    )
    condition_dropout: float = Field(
        default=0.1, ge=0, lt=1, description="share of images trained without their label"
    )
    sampling_steps: int = Field(ge=1, description="steps of DPM-Solver++(2M)")
    sampler: Literal["ode", "sde"] = Field(default="ode", description="sde: with fresh noise in each of its steps")
    step_exponent: float = Field(
        default=1, ge=1, le=4, description="of the times of the sampler's steps: above 1, more are close to the image"
    )

    @model_validator(mode="after")
    def _channels_fit_groups(self) -> "DDPMSettings":
        for width in self.channels:
            if width % (2 * GROUPS):
                raise ValueError(f"channels has {width}: choose a multiple of {2 * GROUPS} (group normalisation)")
        return self

    @model_validator(mode="after")
    def _finest_level_of_an_image(self) -> "DDPMSettings":
        if self.finest_level != type(self).model_fields["finest_level"].default and self.prediction != "sample":
            raise ValueError(
                "finest_level weighs the errors of a predicted image: "
                f'prediction is "{self.prediction}", choose "sample"'
            )
        return self

    @field_validator("training_levels")
    @classmethod
    def _levels_spread(cls, levels: tuple[float, float] | None) -> tuple[float, float] | None:
        if levels is not None and levels[1] <= 0:
            raise ValueError(f"the deviation is {levels[1]:g}: choose a number above 0")
        return levels

    def check(self, shape: tuple[int, ...]) -> None:
        """Raise ValueError where the data are points, or folding and halving the image does not come out even."""
        check_even(self.patch, len(self.channels), shape)

    def check_sampling_bias(self, sampling_bias: float, labelled: bool) -> None:
        """Raise ValueError where there are no labels to guide towards."""
        if sampling_bias != 1 and not labelled:
            raise ValueError("the bias of a ddpm is guidance by labels, and the task has none: choose 1")


class StyleGANSettings(NetworkSettings):
    """The settings of a StyleGAN-lite in a task file, per tier."""

    patch: int = Field(default=1, ge=1, description="side of the square of pixels that is folded into channels first")
    channels: tuple[int, ...] = Field(min_length=1, description="channels per resolution, the finest first")
    latent: int = Field(ge=1, description="dimensions of latents and styles")
    base_layers: int = Field(default=1, ge=1, description="convolutions at the coarsest resolution")
    latent_input: bool = Field(
        default=False, description="latent and label enter the coarsest resolution too, beside the constant"
    )
    mapping_layers: int = Field(default=2, ge=1)
    stddev_group: int = Field(default=4, ge=1, description="images over which the discriminator sees a deviation")
    augment: tuple[Augmentation, ...] = Field(description="differentiable augmentations")
    translation: float = Field(
        default=TRANSLATION,
        gt=0,
        le=0.5,
        description="most that `translation` shifts an image, as a share of its size",
    )
    class_weight: float = Field(
        default=0.0, ge=0, description="of the labels that the discriminator reads off images, where there are any"
    )
    r1_weight: float = Field(ge=0, description="gamma of the gradient penalty R1")
    r1_interval: int = Field(default=16, ge=1, description="steps from one gradient penalty to the next")

    def check(self, shape: tuple[int, ...]) -> None:
        """Raise ValueError where the data are points, or folding and halving the image does not come out even."""
        check_even(self.patch, len(self.channels), shape)


def check_even(patch: int, resolutions: int, shape: tuple[int, ...]) -> None:
    """Raise ValueError where data are points, or an image cannot be folded by `patch` and halved so many times."""
    if len(shape) != 3:
        raise ValueError("it makes images, the task's data are points")
    image_size = shape[-1]
    unit = patch * 2 ** (resolutions - 1)
    if image_size % unit:
        raise ValueError(
            f"patch is {patch} and channels has {resolutions} resolutions: an image of {image_size} pixels cannot be "
            f"folded and halved like this, its size must be a multiple of {unit}"
        )


GENERATOR_SETTINGS: dict[str, type[GeneratorSettings]] = {
    "ddpm": DDPMSettings,
    "stylegan": StyleGANSettings,
    "gaussian": GaussianSettings,
}
GENERATOR_SUMMARIES = {
    "ddpm": "class-conditional denoising diffusion with classifier-free guidance",
    "stylegan": "a small StyleGAN2, class-conditional, with truncation",
    "gaussian": "mean and covariance of points, fitted in closed form",
}
