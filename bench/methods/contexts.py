"""Makes the contexts of a cell: what the loop allows its method to know and use, generation by generation."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor

from bench.cells.cell import Cell
from bench.cells.feature_spaces import SPACE_SUMMARIES
from bench.data.draws import image_seeds, sample_labels
from bench.data.image_set import ImageSet
from bench.errors import BadInput, RunFailed, choose
from bench.features.base import FeatureSpace
from bench.generators.base import Checkpoint, Generator
from bench.methods.method import Budget, Context, Reads
from bench.methods.pool import Pool
from bench.process.progress import Progress
from bench.runs.strip import strip_labels
from bench.seeds import derive_generator, derive_seed


@dataclass(frozen=True)
class Contexts:
    """Makes the contexts of a cell.

    Attributes:
        cell: what is run.
        training: the real images that the loop may draw from; of them only the labels get into a context.
        n_classes: number of labels, None for none.
        n_score: how many images of each generation are scored.
        generator: what is trained.
        embedding: gives a feature space of `Context.embed` by its name, None being the tier's, loaded when it is
            first asked for.
        score_space: the feature space of the score.
    """

    cell: Cell
    training: ImageSet
    n_classes: int | None
    n_score: int
    generator: Generator
    embedding: Callable[[str | None], FeatureSpace]
    score_space: FeatureSpace

    def of(
        self,
        t: int,
        pool: Pool,
        real: ImageSet | None,
        reads: Reads,
        checkpoint_of: Callable[[str], Checkpoint],
        progress: Progress,
    ) -> Context:
        """Return the context of generation t.

        Args:
            t: counted from 1.
            pool: D^t as the method may see it.
            real: the real images that it may read, None for none.
            reads: where what it reads is counted.
            checkpoint_of: gives the place of an unfinished fit, by its purpose; "" is the generation's own.
            progress: where progress is shown.
        """
        cell, generator = self.cell, self.generator
        n_drawn = max(self.n_score, cell.loop.n_synthetic)

        def read_real() -> ImageSet | None:
            if real is not None:
                reads.real_images = len(real)
                reads.uses.add("real statistics")
            return real

        def pool_read() -> None:
            if t == 1:  # real images, and nothing else
                read_real()

        def embedded(images: ImageSet, space: FeatureSpace, *, as_scored: bool) -> Tensor:
            reads.spaces.add(space.name)
            reads.score_features |= as_scored
            return space(images.images, progress).cpu()

        def embed(images: ImageSet, name: str | None) -> Tensor:
            if name is not None and name not in SPACE_SUMMARIES:
                raise RunFailed(f"ctx.embed, space={name}: {choose(SPACE_SUMMARIES, name)}")
            if name not in (None, "identity"):  # somebody has trained it; that of the tier everybody is given
                reads.uses.add("stronger model")
            try:
                return embedded(images, self.embedding(name), as_scored=name == self.score_space.name)
            except BadInput as error:
                raise RunFailed(f"ctx.embed, space={name}: {error}") from error

        def count(images_trained: int, network_evaluations: int) -> None:
            if images_trained < 0 or network_evaluations < 0:
                raise RunFailed(f"ctx.count({images_trained}, {network_evaluations}): the least is 0")
            generator.work.images_trained += images_trained
            generator.work.network_evaluations += network_evaluations

        return Context(
            loop=cell.loop,
            generation=t,
            n_classes=self.n_classes,
            budget=Budget(
                images_trained=generator.images_per_fit(len(pool)),
                network_evaluations=n_drawn * generator.evaluations_per_image(cell.loop.sampling_bias),
            ),
            fit_seed=derive_seed(*cell.coordinates(t, "fit")),
            random=derive_generator(*cell.coordinates(t, "method")),
            checkpoint=checkpoint_of(""),
            progress=progress,
            _pool=pool,
            _pool_read=pool_read,
            _checkpoint=checkpoint_of,
            _labels=lambda n: sample_labels(self.training, cell.task, n),
            _seeds=lambda n: image_seeds(n, *cell.coordinates(t, "sample")),
            _real=read_real,
            _embed=embed,
            _embed_as_scored=lambda images: embedded(images, self.score_space, as_scored=True),
            _count=count,
        )

    def of_strip(self, ctx: Context) -> Context:
        """Return the context with the labels and seeds of the collapse strip, which no generation changes."""
        return replace(
            ctx,
            _labels=lambda n: strip_labels(self.n_classes, n),
            _seeds=lambda n: image_seeds(n, *self.cell.coordinates("strip")),
            progress=Progress(visible=False),
        )
