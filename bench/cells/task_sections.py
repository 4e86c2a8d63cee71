"""The sections of a task file that say what the data are, how they are scored and how large a loop is."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bench.cells.data_shape import DataShape
from bench.files.limits import MOST_DIMENSIONS, MOST_GENERATIONS, MOST_IMAGES, MOST_SIDE, Name, Sha256


class TaskSection(BaseModel):
    """A table of a task file: with the keys that are declared and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DataSection(TaskSection):
    """Where the real images come from and what they must be."""

    source: Literal[
        "sklearn_digits",
        "torchvision_mnist",
        "torchvision_fashion_mnist",
        "torchvision_cifar10",
        "image_files",
        "gaussian",
    ]
    citation: str | None = Field(default=None, description="where the images come from")
    licence: str | None = Field(default=None, description="what they may be used for; no part of the task's hash")
    path: Path | None = Field(
        default=None, description="folder or zip archive of the images, relative to the task file; no part of its hash"
    )
    hub: str | None = Field(
        default=None, pattern="^hf:[^/]+/[^/]+$", description="a copy on the Hugging Face Hub; no part of its hash"
    )
    channels: Literal[1, 3] | None = Field(default=None, description="of images: 1 for grey, 3 for colour")
    size: int | None = Field(default=None, ge=1, le=MOST_SIDE, description="of images, height and width in pixels")
    dimensions: int | None = Field(
        default=None, ge=1, le=MOST_DIMENSIONS, description="of points, where the data are no images"
    )
    classes: tuple[str, ...] = Field(default=(), description="label names; empty where there are no labels")
    horizontal_flips: bool = Field(default=False, description="whether generators train on mirrored images too")
    training: int = Field(ge=1, le=MOST_IMAGES, description="number of training images")
    reference: int = Field(ge=1, le=MOST_IMAGES, description="number of held-out reference images")
    training_sha256: Sha256 | None = Field(default=None, description="of the right images; none where not known")
    reference_sha256: Sha256 | None = None

    @model_validator(mode="after")
    def _both_hashes(self) -> "DataSection":
        if (self.training_sha256 is None) != (self.reference_sha256 is None):
            missing = "training_sha256" if self.training_sha256 is None else "reference_sha256"
            raise ValueError(f"{missing} is missing: both hashes are pinned or none")
        return self

    @property
    def pins_hashes(self) -> bool:
        """Whether the file says which images are the right ones."""
        return self.training_sha256 is not None

    @model_validator(mode="after")
    def _images_or_points(self) -> "DataSection":
        of_images = {"channels": self.channels, "size": self.size}
        for key, value in of_images.items():
            if (value is None) != (self.dimensions is not None):
                found = f"{key} is missing" if value is None else f"{key} is {value} and dimensions {self.dimensions}"
                raise ValueError(f"{found}: give channels and size for images, or dimensions for points")
        if self.path is not None and self.source != "image_files":
            raise ValueError(f"path is '{self.path}' and source {self.source}: must be source image_files")
        if self.hub is not None and self.dimensions is not None:
            raise ValueError(f"hub is '{self.hub}' and dimensions {self.dimensions}: it is for images")
        if self.horizontal_flips and self.dimensions is not None:
            raise ValueError("horizontal_flips is true: must be false, points have no left and right")
        return self

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(channels, height, width); (dimensions,) where the data are points."""
        if self.channels is None or self.size is None:
            assert self.dimensions is not None  # one of the two is there
            return (self.dimensions,)
        return self.channels, self.size, self.size

    @property
    def n_classes(self) -> int | None:
        """Number of labels, None for a task without labels."""
        return len(self.classes) or None

    @property
    def shape(self) -> DataShape:
        """What a generator is to make."""
        return DataShape(self.image_shape, self.n_classes, self.horizontal_flips)


class FeaturesSection(TaskSection):
    """A feature space of the task's own: that of a classifier trained on it."""

    name: Name
    network: Literal["digits_cnn", "lenet", "cnn"]
    weights: Path = Field(description="safetensors file, relative to the task file")
    sha256: Sha256
    accuracy: float = Field(ge=0, le=1, description="share of the reference images that the network classifies right")


class LoopSizes(TaskSection):
    """The sizes of one loop in one tier, in the words of `bench.cells.loops.Loop`."""

    generations: int = Field(ge=1, le=MOST_GENERATIONS)
    n_initial: int = Field(ge=1, le=MOST_IMAGES, description="real images that G^1 trains on")
    n_real: int = Field(ge=0, le=MOST_IMAGES, description="real images in each later generation")
    n_synthetic: int = Field(ge=1, le=MOST_IMAGES, description="synthetic images that each generation gives")


class ScoreSection(TaskSection):
    """How a generation is scored."""

    k: int = Field(default=5, ge=1, description="neighbours in precision and recall")
