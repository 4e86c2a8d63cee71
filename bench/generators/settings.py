"""What a task file may set of each generator; kept apart from the networks so that reading a task needs no torch."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

GROUPS = 8  # of the group normalisation; a group of one channel would normalise away what the image is


class GeneratorSettings(BaseModel):
    """What the settings of all generators have in common."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def check(self, shape: tuple[int, ...]) -> None:
        """Raise ValueError where the generator cannot make images (channels, height, width), or points (d,)."""


class GaussianSettings(GeneratorSettings):
    """A Gaussian is fitted in closed form: there is nothing to set."""

    def check(self, shape: tuple[int, ...]) -> None:
        """Raise ValueError where the data are images."""
        if len(shape) != 1:
            raise ValueError("it makes points, the task's data are images")


class NetworkSettings(GeneratorSettings):
    """What every network is told: how long it may train and how many images it draws at once."""

    images: int = Field(ge=1, description="images seen in training, per generation")
    batch_size: int = Field(ge=1)
    sampling_batch: int = Field(ge=1)


class DDPMSettings(NetworkSettings):
    """The settings of a DDPM in a task file, per tier."""

    patch: int = Field(default=1, ge=1, description="side of the square of pixels that is folded into channels first")
    channels: tuple[int, ...] = Field(min_length=1, description="U-Net channels per resolution, the finest first")
    layers_per_block: int = Field(ge=1)
    attention: bool = Field(description="self-attention at the coarsest resolution")
    timesteps: int = Field(default=500, ge=2, description="T of the noise schedule")
    prediction: Literal["v_prediction", "epsilon"] = "v_prediction"
    learning_rate: float = Field(gt=0)
    condition_dropout: float = Field(
        default=0.1, ge=0, lt=1, description="share of images trained without their label"
    )
    ema_halflife: float = Field(default=0.05, gt=0, le=1, description="of the weight average, as a share of the run")
    sampling_steps: int = Field(ge=1, description="steps of DPM-Solver++(2M)")

    @model_validator(mode="after")
    def _channels_fit_groups(self) -> "DDPMSettings":
        for width in self.channels:
            if width % (2 * GROUPS):
                raise ValueError(f"channels has {width}: allowed are multiples of {2 * GROUPS} (group normalisation)")
        return self

    def check(self, shape: tuple[int, ...]) -> None:
        """Raise ValueError where the data are points, or folding and halving the image does not come out even."""
        if len(shape) != 3:
            raise ValueError("it makes images, the task's data are points")
        image_size = shape[-1]
        unit = self.patch * 2 ** (len(self.channels) - 1)
        if image_size % unit:
            raise ValueError(
                f"patch is {self.patch} and channels has {len(self.channels)} resolutions: an image of {image_size} "
                f"pixels cannot be folded and halved like this, its size must be a multiple of {unit}"
            )


GENERATOR_SETTINGS: dict[str, type[GeneratorSettings]] = {"ddpm": DDPMSettings, "gaussian": GaussianSettings}
GENERATOR_SUMMARIES = {
    "ddpm": "class-conditional denoising diffusion with classifier-free guidance",
    "gaussian": "mean and covariance of points, fitted in closed form",
}
