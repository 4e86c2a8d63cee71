"""The interface of a mitigation method.

A method is a file with one class derived from `Method` (`bench.methods.file` loads it). Every hook has a default, and
the defaults together are the plain loop; a method overrides the hooks it needs.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor

from bench.cells.loops import LOOP_KINDS, Loop, LoopKind
from bench.cells.retraining import Use
from bench.data.image_set import ImageSet
from bench.errors import BadInput, RunFailed, choose, first_line
from bench.generators.base import Checkpoint, Generator
from bench.methods.pool import Pool
from bench.process.progress import Progress


@dataclass(frozen=True)
class Setting:
    """Where a method is asked to run.

    Attributes:
        loop: the loop and its parameters.
        generator: the name of the generator.
        labelled: whether the images have labels.
        are_points: whether the data are points and no images.
        image_shape: (channels, height, width) of the images, (dimensions,) of points.
    """

    loop: Loop
    generator: str
    labelled: bool
    are_points: bool
    image_shape: tuple[int, ...]


@dataclass(frozen=True)
class Budget:
    """What the plain loop spends in a generation.

    Attributes:
        images_trained: images that go through a training step.
        network_evaluations: forward passes of the network for one image in sampling.
    """

    images_trained: int
    network_evaluations: int


@dataclass
class Reads:
    """What a method has read in a generation; the loop keeps it, and no method sees it.

    Attributes:
        real_images: how many of the loop's real images it was handed, `Context.real`.
        score_features: whether it read the feature space of the score, `Context.embed_as_scored`.
        spaces: names of the feature spaces that it read.
        uses: what it was seen to use beyond what the loop hands to everybody.
    """

    real_images: int = 0
    score_features: bool = False
    spaces: set[str] = field(default_factory=set)
    uses: set[Use] = field(default_factory=set)


@dataclass(frozen=True)
class Context:
    """What the loop allows a method to know and use in one generation, and nothing else.

    What is handed out is counted by whoever hands it out (`Contexts`), in whichever way it is asked for.

    Attributes:
        loop: the loop and its parameters.
        generation: t, counted from 1.
        n_classes: number of labels, None for none.
        budget: what the plain loop spends in this generation.
        fit_seed: the seed of this generation's training.
        random: a random generator for the method's own draws, seeded for this generation.
        checkpoint: where the generation's unfinished fit is kept.
        progress: where progress is shown.
    """

    loop: Loop
    generation: int
    n_classes: int | None
    budget: Budget
    fit_seed: int
    random: torch.Generator
    checkpoint: Checkpoint
    progress: Progress
    _pool: Pool
    _pool_read: Callable[[], None]
    _checkpoint: Callable[[str], Checkpoint]
    _labels: Callable[[int], Tensor | None]
    _seeds: Callable[[int], list[int]]
    _real: Callable[[], ImageSet | None]
    _embed: Callable[[ImageSet, str | None], Tensor]
    _embed_as_scored: Callable[[ImageSet], Tensor]
    _count: Callable[[int, int], None]

    def labels(self, n: int) -> Tensor | None:
        """Return the labels to sample n images for, int64 (n,); None where the task has no labels.

        They have the frequencies of the real data, and label i is the same whatever n is.
        """
        return self._labels(n)

    def seeds(self, n: int) -> list[int]:
        """Return n seeds to sample with: seed i is the same for every method of this cell's seed, whatever n is."""
        return self._seeds(n)

    def checkpoint_of(self, purpose: str) -> Checkpoint:
        """Return where a further fit is kept while it is unfinished; `purpose` is a word of the method's own."""
        return self._checkpoint(purpose)

    @property
    def pool(self) -> Pool:
        """D^t as the loop offers it, before `curate`; in generation 1 the real images of G^1."""
        self._pool_read()
        return self._pool

    @property
    def real(self) -> ImageSet:
        """The real images that the loop allows in this generation: those of D^t.

        Raises:
            RunFailed: after generation 1, in the fully synthetic loop or a contaminated one.
        """
        if (real := self._real()) is None:
            why = "which has none after generation 1"
            if self.loop.contamination is not None:
                why = "whose contaminated pool does not tell which images are real after generation 1"
            raise RunFailed(
                f"the method asked for real images in generation {self.generation} of the {self.loop.kind} loop, "
                f"{why}; what it needs of them it must learn at generation 1 (hook prepare) and keep"
            )
        return real

    def embed(self, images: ImageSet, space: str | None = None) -> Tensor:
        """Return features of images, float32 (n, d) on the CPU, in a space that is not the score's.

        Args:
            images: points are returned as they are, unless a space is named that is not for them.
            space: `inception`, `dinov2`, `efficientnet-lite0` or `identity` (pixels); None is the tier's `embedding`
                in the task file. The record names what was read, and is marked where a named space is the score's.
                `Method.spaces` has those looked for before anything runs. `autophagy check` gives pixels for all.

        Raises:
            RunFailed: there is no such space, its weights cannot be had, or it is not for such images.
        """
        return self._embed(images, space)

    def embed_as_scored(self, images: ImageSet) -> Tensor:
        """Return features, float32 (n, d) on the CPU, in the score's own space; it marks the cell's record."""
        return self._embed_as_scored(images)

    def count(self, *, images_trained: int = 0, network_evaluations: int = 0) -> None:
        """Add the work of networks of the method's own to what the generation costs; its seconds are counted anyway.

        Args:
            images_trained: images that went through a training step, as many steps of the generator's own network as
                they were worth.
            network_evaluations: forward passes for one image, reckoned likewise.
        """
        self._count(images_trained, network_evaluations)


class Method:
    """The plain loop. Derive from this class and override what the method changes.

    The method's parameters are annotated attributes with defaults; they are part of the cell.
    All that a method has learned it keeps in attributes of its own and returns as `state_dict`.

    Generation 1 is trained on real images by the engine, in the same way for all methods of a seed. `prepare` is
    called once, in generation 1; `sample` and `synthesize` act from generation 1 on, `curate`, `fit` and `refine` from
    generation 2 on.

    Attributes:
        loops: the kinds of loop that the method is for.
        generators: names of the generators that it is for; None for all, those from files too.
        needs_labels: whether it is for data with labels only.
        needs_images: whether it is for images only, not for points.
        spaces: names of the feature spaces that it asks `Context.embed` for, looked for before anything runs.
        uses: what it may know beyond what the loop hands to every method, () for nothing. "real statistics" is what
            was learned from the real images in `prepare` and is kept: means, clusters, a classifier; "real images"
            where the images themselves are kept, or features of each; "stronger model" is one that was trained longer
            or on other images, pretrained feature spaces that are asked for by name too; "labels" where the method
            looks at labels. It stands in the record and beside the entry, and what the engine sees is held against it.
    """

    loops: ClassVar[Collection[LoopKind]] = LOOP_KINDS
    generators: ClassVar[Collection[str] | None] = None
    needs_labels: ClassVar[bool] = False
    needs_images: ClassVar[bool] = False
    spaces: ClassVar[Collection[str]] = ()
    uses: ClassVar[Collection[str]] = ()

    def check(self, setting: Setting) -> None:
        """Raise `BadInput` where the method cannot run, beyond what the attributes say; called before anything else.

        The message goes on where "method NAME" has begun: "needs --pool accumulated, found previous".
        """

    def n_synthetic(self, loop: Loop) -> int:
        """Return how many images `synthesize` adds to the pools in each generation."""
        return loop.n_synthetic

    def prepare(self, generator: Generator, ctx: Context) -> None:
        """Learn from G^1, `generator`, and from the real images that it was trained on, `ctx.real`.

        What is done to the generator is undone afterwards. What is learned here and needed later is the method's
        state: `state_dict` must return it.
        """

    def curate(self, pool: Pool, ctx: Context) -> Pool:
        """Choose, weigh or order what generation t trains on, from the pool that the loop offers."""
        return pool

    def fit(self, generator: Generator, pool: Pool, ctx: Context) -> None:
        """Train the generator on the curated pool."""
        generator.fit(
            pool.data,
            seed=ctx.fit_seed,
            from_scratch=ctx.loop.protocol == "scratch",
            checkpoint=ctx.checkpoint,
            progress=ctx.progress,
            weights=pool.weights,
        )

    def refine(self, generator: Generator, pool: Pool, ctx: Context) -> None:
        """Change the trained generator."""

    def sample(self, generator: Generator, n: int, ctx: Context) -> ImageSet:
        """Draw n of the model's images; by default with the first n of the context's labels and seeds."""
        return generator.sample(ctx.labels(n), ctx.seeds(n), ctx.loop.sampling_bias, ctx.progress)

    def synthesize(self, generator: Generator, n: int, ctx: Context) -> ImageSet:
        """Return the n images that enter the pools of later generations."""
        return self.sample(generator, n, ctx)

    def state_dict(self) -> dict[str, Tensor]:
        """Return what the method has learned and needs again after a killed run is resumed."""
        return {}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Put a state from `state_dict` in place."""


class Control(Method):
    """A method to compare with, which is given what no method is given, and is never ranked.

    In the fully synthetic loop `ctx.real` are the real images of G^1 in every generation; a contaminated pool says
    which of its images are real.
    """


def synthetic_are_samples(method: Method) -> bool:
    """Return whether what enters the pools is what is scored, so that it is drawn and kept once."""
    return type(method).synthesize is Method.synthesize


def check_method(name: str, method: Method, setting: Setting) -> None:
    """Raise `BadInput` where the method cannot run in this setting."""
    for found, allowed in ((setting.loop.kind, method.loops), (setting.generator, method.generators)):
        if allowed is not None and found not in allowed:
            raise BadInput(f"method {name} is not for {found}: {choose(allowed)}")
    if method.needs_labels and not setting.labelled:
        raise BadInput(f"method {name} needs labels: choose a task that has them")
    if method.needs_images and setting.are_points:
        raise BadInput(f"method {name} needs images: choose a task whose data are images, not points")
    try:
        method.check(setting)
    except BadInput as error:
        raise BadInput(f"method {name} {error}") from error
    except Exception as error:  # somebody's code
        reason = f"{type(error).__name__}: {first_line(error)}"
        raise BadInput(f"method {name}: its check raises {reason}") from error
