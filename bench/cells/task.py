"""Task files: read from TOML and validated before anything is computed."""

from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from bench import paths
from bench.cells.data_shape import DataShape
from bench.cells.feature_spaces import SPACE_SUMMARIES
from bench.cells.generator_settings import GENERATOR_SETTINGS, GeneratorSettings
from bench.cells.loops import LOOP_KINDS, LoopKind
from bench.errors import BadInput
from bench.files.hashing import canonical_sha256
from bench.files.limits import (
    MOST_DIMENSIONS,
    MOST_GENERATIONS,
    MOST_IMAGES,
    MOST_NAME_CHARACTERS,
    MOST_SIDE,
    MOST_TASK_BYTES,
    Name,
    PositiveCount,
)
from bench.files.untrusted import parse_toml, read_named
from bench.files.validation import one_line, validate_strictly

TierName = Literal["smoke", "standard", "paper"]
TIERS: tuple[TierName, ...] = ("smoke", "standard", "paper")
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DataSection(_Section):
    """Where the real images come from and what they must be."""

    source: Literal[
        "sklearn_digits",
        "torchvision_mnist",
        "torchvision_fashion_mnist",
        "torchvision_cifar10",
        "image_files",
        "gaussian",
    ]
    citation: str
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
                raise ValueError(f"{found}: allowed are channels and size for images, or dimensions for points")
        if self.horizontal_flips and self.dimensions is not None:
            raise ValueError("horizontal_flips is true: allowed is false, points have no left and right")
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


class FeaturesSection(_Section):
    """A feature space of the task's own: that of a classifier trained on it."""

    name: Name
    network: Literal["digits_cnn", "lenet"]
    weights: Path = Field(description="safetensors file, relative to the task file")
    sha256: Sha256
    accuracy: float = Field(ge=0, le=1, description="share of the reference images that the network classifies right")


class LoopSizes(_Section):
    """The sizes of one loop in one tier, in the words of `bench.cells.loops.Loop`."""

    generations: int = Field(ge=1, le=MOST_GENERATIONS)
    n_initial: int = Field(ge=1, le=MOST_IMAGES, description="real images that G^1 trains on")
    n_real: int = Field(ge=0, le=MOST_IMAGES, description="real images in each later generation")
    n_synthetic: int = Field(ge=1, le=MOST_IMAGES, description="synthetic images that each generation gives")


class TierSection(_Section):
    """The sizes and budgets of one tier."""

    n_score: int = Field(ge=2, description="images of each generation, and of the reference, that are scored")
    size: int | None = Field(default=None, ge=1, description="of all images, where the tier shrinks them")
    features: str | None = Field(default=None, description="feature space of the score, where the task has no own")
    embedding: str = Field(default="identity", description="feature space of what methods see, not the score's")
    loops: dict[LoopKind, LoopSizes]
    generators: dict[str, dict[str, Any]] = Field(min_length=1, description="settings of each generator")

    @model_validator(mode="after")
    def _complete(self) -> "TierSection":
        for kind in LOOP_KINDS:
            if kind not in self.loops:
                raise ValueError(f"loops.{kind} is missing")
            if (self.loops[kind].n_real == 0) != (kind == "fully_synthetic"):
                allowed = "0" if kind == "fully_synthetic" else "1 or more"
                raise ValueError(f"loops.{kind}.n_real is {self.loops[kind].n_real}: allowed is {allowed}")
        if self.features is not None and self.features not in SPACE_SUMMARIES:
            raise ValueError(f"features is '{self.features}': allowed are {', '.join(SPACE_SUMMARIES)}")
        if self.embedding not in SPACE_SUMMARIES:
            raise ValueError(f"embedding is '{self.embedding}': allowed are {', '.join(SPACE_SUMMARIES)}")
        for name, settings in self.generators.items():
            if name not in GENERATOR_SETTINGS:
                raise ValueError(f"generators.{name} is not a generator: there are {', '.join(GENERATOR_SETTINGS)}")
            try:
                validate_strictly(GENERATOR_SETTINGS[name], settings)
            except ValidationError as error:
                raise ValueError(f"generators.{name}.{one_line(error)}") from error
        return self

    def generator_settings(self, name: str) -> GeneratorSettings:
        """Return the settings of one of the tier's generators."""
        return validate_strictly(GENERATOR_SETTINGS[name], self.generators[name])


class ScoreSection(_Section):
    """How a generation is scored."""

    k: int = Field(ge=1, description="neighbours in precision and recall")


class Task(_Section):
    """A task: real data, feature space, score, and the budgets of its tiers.

    The score is in the feature space of the section `features`, or, where there is none, in the one that each tier
    names as its `features`.
    """

    name: str = Field(pattern="^[a-z0-9_]+$", max_length=MOST_NAME_CHARACTERS)
    version: PositiveCount
    title: str
    data: DataSection
    features: FeaturesSection | None = None
    score: ScoreSection
    tiers: dict[TierName, TierSection]
    _path: Path = PrivateAttr()

    @model_validator(mode="after")
    def _consistent(self) -> "Task":
        missing = [tier for tier in TIERS if tier not in self.tiers]
        if missing:
            raise ValueError(f"tiers.{missing[0]} is missing")
        smaller = min(self.data.training, self.data.reference)
        for name, tier in self.tiers.items():
            if self.features is not None and tier.features is not None:
                raise ValueError(
                    f"tiers.{name}.features is '{tier.features}', and the section features gives the task a feature "
                    "space of its own: allowed is one of the two"
                )
            if self.features is None and tier.features is None:
                raise ValueError(
                    f"tiers.{name}.features is missing: without a section features, each tier names its feature "
                    f"space: {', '.join(SPACE_SUMMARIES)}"
                )
            # What every method is handed anyway, the pixels or points themselves, may be the score's space too.
            if tier.embedding == tier.features != "identity":
                raise ValueError(
                    f"tiers.{name}.embedding is '{tier.embedding}', in which the tier is scored: allowed are others"
                )
            self._check_size(name, tier.size)
            if not self.score.k < tier.n_score <= smaller:
                raise ValueError(
                    f"tiers.{name}.n_score is {tier.n_score}: allowed are score.k + 1 to the smaller of "
                    f"data.training and data.reference, {self.score.k + 1} to {smaller}"
                )
            for generator in tier.generators:
                try:
                    tier.generator_settings(generator).check(self.tier_data(name).image_shape)
                except ValueError as error:
                    raise ValueError(f"tiers.{name}.generators.{generator}: {error}") from error
        return self

    def _check_size(self, name: TierName, size: int | None) -> None:
        """Raise ValueError where a tier cannot shrink the images to this size."""
        if size is None:
            return
        if self.data.size is None or self.data.size % size:
            whole = "" if self.data.size is None else f": allowed are sizes that divide data.size, {self.data.size}"
            raise ValueError(f"tiers.{name}.size is {size}{whole or ': points have no size'}")
        if self.features is not None and size != self.data.size:
            raise ValueError(f"tiers.{name}.size is {size}: the task's feature space is for {self.data.size} pixels")

    def tier_data(self, tier: TierName) -> DataSection:
        """Return what the images of a tier are: the task's, in the tier's size."""
        size = self.tiers[tier].size
        return self.data if size is None else self.data.model_copy(update={"size": size})

    def space_name(self, tier: TierName) -> str:
        """Return the name of the feature space that a tier is scored in."""
        name = self.features.name if self.features is not None else self.tiers[tier].features
        assert name is not None  # one of the two is there
        return name

    @property
    def path(self) -> Path:
        """The task file; the paths in it are relative to its folder."""
        return self._path

    @cached_property
    def sha256(self) -> str:
        """The hash of everything the file says."""
        return canonical_sha256(self.model_dump(mode="json", exclude_none=True))


def task_names() -> list[str]:
    """Return the names of the tasks that come with the package."""
    return sorted(path.stem for path in paths.TASKS.glob("*.toml"))


def load_task(name: str) -> Task:
    """Read the task that comes with the package under this name, or the task file at this path.

    Raises:
        BadInput: no such task, or the file breaks a rule; the message names file, key, value and what is allowed.
    """
    path = Path(name) if name.endswith(".toml") else paths.TASKS / f"{name}.toml"
    if not path.is_file():
        raise BadInput(f"no task '{name}': there are {', '.join(task_names())}, or give the path of a .toml file")
    content = parse_toml(path, read_named(path, MOST_TASK_BYTES))
    try:
        task = validate_strictly(Task, content)
    except ValidationError as error:
        raise BadInput(f"{path}: {one_line(error)}") from error
    task._path = path.resolve()
    return task


def load_task_of_record(path: Path, name: str, version: int) -> Task:
    """Return the task that a record names, if it is one of the package and still has the record's version.

    Args:
        path: the record's file or folder, which the error message names.
        name: of the task; it may be anything, a path too.
        version: of the task, when the cell was run.

    Raises:
        BadInput: no such task, or a frozen record: the task has another version by now.
    """
    if name not in task_names():
        raise BadInput(f"{path}: task = {name!r}: there are {', '.join(task_names())}")
    task = load_task(name)
    if version != task.version:
        raise BadInput(
            f"{path}: task_version = {version}: a frozen record: of task '{name}' this version of the benchmark has "
            f"{task.version}: run the cell again"
        )
    return task
