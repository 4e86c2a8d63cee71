"""Task files: read from TOML and validated before anything is computed."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, Field, PrivateAttr, ValidationError, field_validator, model_validator

from bench import paths
from bench.cells.feature_spaces import SPACE_SUMMARIES
from bench.cells.generator_settings import GENERATOR_SETTINGS, GeneratorSettings
from bench.cells.loops import LoopKind
from bench.cells.task_sections import DataSection, FeaturesSection, LoopSizes, ScoreSection, TaskSection
from bench.errors import BadInput, choose
from bench.files.hashing import canonical_sha256
from bench.files.limits import MOST_NAME_CHARACTERS, MOST_TASK_BYTES, PositiveCount
from bench.files.untrusted import parse_toml, read_named
from bench.files.validation import first_of, problems, raise_problems, validate_strictly

TierName = Literal["smoke", "laptop", "standard", "paper"]
TIERS: tuple[TierName, ...] = ("smoke", "laptop", "standard", "paper")
CPU_TIERS: tuple[TierName, ...] = ("smoke", "laptop")  # the others are for a GPU
MOST_PROBLEMS = 20  # of a file that are named in one message
NO_PART = {"path", "hub", "licence"}  # of the data, in a task's hash
Section = TypeVar("Section", bound=BaseModel)


class TierSection(TaskSection):
    """The sizes and budgets of one tier."""

    n_score: int = Field(ge=2, description="images of each generation, and of the reference, that are scored")
    size: int | None = Field(default=None, ge=1, description="of all images, where the tier shrinks them")
    features: str | None = Field(default=None, description="feature space of the score, where the task has no own")
    embedding: str = Field(default="identity", description="feature space of what methods see, not the score's")
    images: int | None = Field(
        default=None, ge=1, description="images that a generator from a file sees in training, per generation"
    )
    loops: dict[LoopKind, LoopSizes] = Field(min_length=1)
    generators: dict[str, dict[str, Any]] = Field(min_length=1, description="settings of each generator")

    @field_validator("loops")
    @classmethod
    def _n_real_fits_loops(cls, loops: dict[LoopKind, LoopSizes]) -> dict[LoopKind, LoopSizes]:
        raise_problems(
            f"{kind}.n_real is {sizes.n_real}: must be {'0' if kind == 'fully_synthetic' else '1 or more'}"
            for kind, sizes in loops.items()
            if (sizes.n_real == 0) != (kind == "fully_synthetic")
        )
        return loops

    @field_validator("features", "embedding")
    @classmethod
    def _known_space(cls, space: str | None) -> str | None:
        if space is not None and space not in SPACE_SUMMARIES:
            raise ValueError(f"'{space}' is no feature space: choose one of {', '.join(SPACE_SUMMARIES)}")
        return space

    @field_validator("generators")
    @classmethod
    def _known_generators(cls, generators: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        raise_problems(_problems_of_generators(generators))
        return generators

    @property
    def file_budget(self) -> int:
        """How many images a generator from a file sees in training: `images`, or what the tier's own generators see.

        That is the DDPM's budget, where there is none the largest, and where nothing has a budget n_initial.
        """
        if self.images is not None:
            return self.images
        budgets = {name: settings["images"] for name, settings in self.generators.items() if "images" in settings}
        largest = max(budgets.values(), default=max(sizes.n_initial for sizes in self.loops.values()))
        return int(budgets.get("ddpm", largest))

    def generator_settings(self, name: str) -> GeneratorSettings:
        """Return the settings of one of the tier's generators."""
        return validate_strictly(GENERATOR_SETTINGS[name], self.generators[name])


def _problems_of_generators(generators: Mapping[str, dict[str, Any]]) -> Iterator[str]:
    for name, settings in generators.items():
        if name not in GENERATOR_SETTINGS:
            yield f"{name} is not a generator: {choose(GENERATOR_SETTINGS, name)}"
            continue
        try:
            validate_strictly(GENERATOR_SETTINGS[name], settings)
        except ValidationError as error:
            yield from (f"{name}.{line}" for line in problems(error))


class Task(TaskSection):
    """A task: real data, feature space, score, and the budgets of its tiers.

    The score is in the feature space of the section `features`, or, where there is none, in the one that each tier
    names as its `features`.
    """

    name: str = Field(pattern="^[a-z0-9_]+$", max_length=MOST_NAME_CHARACTERS)
    version: PositiveCount
    title: str
    data: DataSection
    features: FeaturesSection | None = None
    score: ScoreSection = ScoreSection()
    tiers: dict[TierName, TierSection] = Field(min_length=1)
    _path: Path = PrivateAttr()

    @model_validator(mode="after")
    def _consistent(self) -> "Task":
        raise_problems(_contradictions(self.data, self.features, self.score, self.tiers))
        return self

    def tier(self, name: str) -> TierName:
        """Return the tier of this name; BadInput where the task has none."""
        for tier in self.tiers:
            if tier == name:
                return tier
        raise BadInput(f"{self.path}: tiers.{name} is missing: {choose(self.tiers)}")

    def loop_sizes(self, tier: TierName, kind: LoopKind) -> LoopSizes:
        """Return the sizes of a loop in one of the task's tiers; BadInput where it has none of them."""
        if kind not in (loops := self.tiers[tier].loops):
            raise BadInput(f"{self.path}: tiers.{tier}.loops.{kind} is missing: {choose(loops)}")
        return loops[kind]

    def tier_data(self, tier: TierName) -> DataSection:
        """Return what the images of a tier are: the task's, in the tier's size."""
        return _in_tier(self.data, self.tiers[tier])

    def space_name(self, tier: TierName) -> str:
        """Return the name of the feature space that a tier is scored in."""
        name = self.features.name if self.features is not None else self.tiers[tier].features
        assert name is not None  # one of the two is there
        return name

    @property
    def feature_shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of the images that the task's own feature network is for: those of its tiers.

        Raises:
            BadInput: the data are points, or the tiers have images of different sizes.
        """
        shapes = {self.tier_data(tier).image_shape for tier in self.tiers}
        if len(shapes) > 1:
            sizes = " and ".join(sorted(str(size) for _, size, _ in shapes))
            raise BadInput(f"{self.path}: tiers have images of {sizes} pixels: a feature network is for one size")
        match shapes.pop():
            case (channels, height, width):
                return channels, height, width
            case _:
                raise BadInput(f"{self.path}: data.dimensions is given: a feature network is for images")

    @property
    def path(self) -> Path:
        """The task file; the paths in it are relative to its folder."""
        return self._path

    @cached_property
    def sha256(self) -> str:
        """The hash of everything the file says."""
        # Where the images lie is another place on another machine; which they are, their hashes say.
        return canonical_sha256(self.model_dump(mode="json", exclude_none=True, exclude={"data": NO_PART}))


def _contradictions(
    data: DataSection, features: FeaturesSection | None, score: ScoreSection, tiers: Mapping[TierName, TierSection]
) -> Iterator[str]:
    """Yield what is wrong with sections that are right by themselves."""
    if features is not None and features.name in SPACE_SUMMARIES:
        yield f"features.name is '{features.name}': choose another than {', '.join(SPACE_SUMMARIES)}"
    smaller = min(data.training, data.reference)
    sizes = sorted({str(tier.size or data.size) for tier in tiers.values()})
    if features is not None and features.network == "cnn" and len(sizes) > 1:
        yield f"tiers have images of {' and '.join(sizes)} pixels: the task's feature space is for one size"
    for name, tier in tiers.items():
        if features is not None and tier.features is not None:
            yield (
                f"tiers.{name}.features is '{tier.features}', and the section features gives the task a feature space "
                "of its own: give one of the two"
            )
        if features is None and tier.features is None:
            yield (
                f"tiers.{name}.features is missing: without a section features, each tier names its feature space: "
                f"{', '.join(SPACE_SUMMARIES)}"
            )
        # What every method is handed anyway, the pixels or points themselves, may be the score's space too.
        if tier.embedding == tier.features != "identity":
            yield f"tiers.{name}.embedding is '{tier.embedding}', in which the tier is scored: choose another"
        if not score.k < tier.n_score <= smaller:
            yield (
                f"tiers.{name}.n_score is {tier.n_score}: choose from score.k + 1 to the smaller of data.training and "
                f"data.reference, {score.k + 1} to {smaller}"
            )
        if (problem := _problem_of_size(data, features, tier.size)) is not None:
            yield f"tiers.{name}.size is {tier.size}: {problem}"
            continue
        for generator in tier.generators:
            try:
                tier.generator_settings(generator).check(_in_tier(data, tier).image_shape)
            except ValueError as error:
                yield f"tiers.{name}.generators.{generator}: {error}"


def _problem_of_size(data: DataSection, features: FeaturesSection | None, size: int | None) -> str | None:
    """Return why a tier cannot shrink the images to this size, None where it can."""
    if size is None:
        return None
    if data.size is None:
        return "points have no size"
    if data.size % size:
        return f"choose a size that divides data.size, {data.size}"
    if features is not None and features.network != "cnn" and size != data.size:
        return f"the task's feature space is for {data.size} pixels"
    return None


def _in_tier(data: DataSection, tier: TierSection) -> DataSection:
    """Return what the images of a tier are."""
    return data if tier.size is None else data.model_copy(update={"size": tier.size})


def task_names() -> list[str]:
    """Return the names of the tasks that come with the package."""
    return sorted(path.stem for path in paths.TASKS.glob("[!.]*.toml"))


def load_task(name: str) -> Task:
    """Read the task that comes with the package under this name, or the task file at this path.

    Raises:
        BadInput: no such task, or the file breaks a rule; the message names file, key, value and what is allowed.
    """
    path = Path(name) if name.endswith(".toml") else paths.TASKS / f"{name}.toml"
    if not path.is_file():
        raise BadInput(
            f"no task '{name}': {choose(task_names(), name)}, or give the path of a .toml file: "
            "`autophagy new-task NAME --from FOLDER` writes one"
        )
    content = parse_toml(path, read_named(path, MOST_TASK_BYTES))
    try:
        task = validate_strictly(Task, content)
    except ValidationError as error:
        found = dict.fromkeys([*problems(error), *_contradictions_of_sections(content)])
        raise BadInput(f"{path}: {first_of(list(found), MOST_PROBLEMS)}") from error
    task._path = path.resolve()
    return task


def _contradictions_of_sections(content: dict[str, Any]) -> Iterator[str]:
    """Yield what the sections of a broken file that are right by themselves have against each other."""
    data, score = _section(DataSection, content.get("data")), _section(ScoreSection, content.get("score", {}))
    features = _section(FeaturesSection, content.get("features"))
    given = content.get("tiers")
    tiers = {name: _section(TierSection, given.get(name)) for name in TIERS} if isinstance(given, dict) else {}
    if data is not None and score is not None and (features is not None or "features" not in content):
        valid = {name: tier for name, tier in tiers.items() if tier is not None}
        yield from _contradictions(data, features, score, valid)


def _section(model: type[Section], content: object) -> Section | None:
    try:
        return validate_strictly(model, content) if isinstance(content, dict) else None
    except ValidationError:
        return None
