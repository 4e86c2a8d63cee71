"""The hooks of a method as the loop calls them: what they return is looked at before it is used."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from bench.cells.loops import Loop
from bench.cells.retraining import Use, in_order
from bench.data.image_set import ImageSet
from bench.errors import RunFailed
from bench.generators.base import Generator
from bench.methods.method import Context, Control, Method, synthetic_are_samples
from bench.methods.pool import Pool
from bench.process.shared import SharedCode

# Where a method leaves these as they are, none of its code has run.
IDLE = (Method.n_synthetic, Method.curate, Method.refine, Method.state_dict, Method.load_state_dict)


class BenchmarkChanged(RunFailed):
    """A method has changed what the cells after its own use too."""


class Hooks:
    """A method's hooks, in the order in which the loop calls them.

    Attributes:
        is_control: whether the method is given what no method is given.
        uses: what it declares that it uses beyond what the loop hands to everybody.
        certain_uses: what its other attributes say that it uses.
        synthetic_are_samples: whether what enters the pools is what is scored, so that it is drawn and kept once.
    """

    def __init__(self, name: str, method: Method, like: ImageSet) -> None:
        """Call the hooks of a method.

        Args:
            name: of the method, in what is raised.
            method: the method.
            like: images as the hooks are to return them: of this shape, with labels or without.
        """
        self._name = name
        self._method = method
        self._shape = tuple(like.images.shape[1:])
        self._labelled = like.labels is not None
        self._code = SharedCode()
        self.is_control = isinstance(method, Control)
        self.uses = in_order(method.uses)
        self.certain_uses: set[Use] = {"labels"} if method.needs_labels else set()
        self.synthetic_are_samples = synthetic_are_samples(method)

    def n_synthetic(self, loop: Loop) -> int:
        """Return how many images a generation adds to the pools."""
        n: int = self._called("n_synthetic", loop)
        return n

    def prepare(self, generator: Generator, ctx: Context) -> None:
        """Let the method learn from G^1 and its real images; G^1 itself stays what it is."""
        if type(self._method).prepare is Method.prepare:
            return
        first = generator.state_dict()
        self._called("prepare", generator, ctx)
        generator.load_state_dict(first)

    def curate(self, pool: Pool, ctx: Context) -> Pool:
        """Return what the method makes of the pool.

        Raises:
            RunFailed: no generator can be trained on it.
        """
        curated = self._called("curate", pool, ctx)
        name = f"curate of method '{self._name}'"
        if not isinstance(curated, Pool):
            raise RunFailed(f"{name} returned {type(curated).__name__}, not a Pool")
        if len(curated) == 0:
            raise RunFailed(f"{name} left no image of {len(pool)} in generation {ctx.generation}")
        if len(curated.origin) != len(curated):
            raise RunFailed(f"{name} returned {len(curated)} images and {len(curated.origin)} origins")
        self._checked("curate", curated.data, len(curated))
        return curated

    def fit(self, generator: Generator, pool: Pool, ctx: Context) -> None:
        """Train G^t on the curated pool."""
        self._called("fit", generator, pool, ctx)

    def refine(self, generator: Generator, pool: Pool, ctx: Context) -> None:
        """Let the method change the trained G^t."""
        self._called("refine", generator, pool, ctx)

    def sample(self, generator: Generator, n: int, ctx: Context) -> ImageSet:
        """Return n images of G^t; RunFailed where the method gives others."""
        return self._checked("sample", self._called("sample", generator, n, ctx), n)

    def synthesize(self, generator: Generator, n: int, ctx: Context) -> ImageSet:
        """Return the n images that enter the pools of later generations; RunFailed where the method gives others."""
        return self._checked("synthesize", self._called("synthesize", generator, n, ctx), n)

    def state_dict(self) -> dict[str, Tensor]:
        """Return what the method has learned."""
        state: dict[str, Tensor] = self._called("state_dict")
        return state

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Put a state from `state_dict` in place."""
        self._called("load_state_dict", state)

    def _called(self, hook: str, *arguments: Any) -> Any:
        """Return what a hook returns; RunFailed where it has changed what the cells after this one use too."""
        function = getattr(self._method, hook)
        result = function(*arguments)
        if getattr(function, "__func__", None) in IDLE:
            return result
        if changed := self._code.changes():
            self._code.restore()
            raise BenchmarkChanged(
                f"{hook} of method '{self._name}' changed {changed[0]}, which all cells of a process share: a method "
                "may not change the benchmark"
            )
        return result

    def _checked(self, hook: str, images: ImageSet, n: int) -> ImageSet:
        """Return what a hook gave; RunFailed where it is not n images like the real ones."""
        returned = f"{hook} of method '{self._name}' returned"
        if not isinstance(images, ImageSet):
            raise RunFailed(f"{returned} {type(images).__name__}, not an ImageSet")
        found = (tuple(images.images.shape), images.labels is not None)
        wanted = ((n, *self._shape), self._labelled)
        if found != wanted:
            described = [
                f"images of shape {shape} {'with' if lab else 'without'} labels" for shape, lab in (found, wanted)
            ]
            raise RunFailed(f"{returned} {described[0]}, not {described[1]}")
        return images
