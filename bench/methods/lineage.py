"""What the weights are made of that a generation's images are drawn with, and whether the generator drew them at all.

A generator tells a lineage of every fit and of every image it draws. Weights count as from scratch where they are what
this generation's fits have left, each from weights drawn anew in it or going on from such; or where they are made of
these: sums and differences of them (averages, extrapolation), or them with a change that is small beside them and that
weights of earlier generations do not explain (pruned, rounded). Everything else has weights of earlier generations in
it: fits that went on from them, averages with them, and weights of which nothing is known.
"""

from abc import ABCMeta
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from bench.cells.retraining import Kind, Retrained, TrainedOn, Use
from bench.data.image_set import ImageSet
from bench.files.tensors import tensors_sha256
from bench.generators.base import Extrapolation, Generator
from bench.methods.hooks import BenchmarkChanged
from bench.methods.known_images import digests, keeps_images, share_drawn

State = Mapping[str, Tensor]
ROUNDING = 1e-9  # of the squared length of weights: what sums of float32 leave
SMALL_CHANGE = 0.1  # of the squared length: a quarter of other weights, mixed in, is as much
EXPLAINED = 0.9  # of the squared length of a change
STRONGER = 1.5  # times a generation's budget, in generation 1
LEAST_SHARE = 0.03  # of the length of weights, that another must have in them to count


@dataclass(frozen=True)
class Fit:
    """What a fit has left.

    Attributes:
        state: the weights.
        begun_with: the key of the weights that it went on from, None where it drew new ones.
        anew: whether it goes back to weights that were drawn in this generation.
        images: how many went through a training step.
        rows: the digests of the images that it was given.
    """

    state: State
    begun_with: str | None
    anew: bool
    images: int
    rows: frozenset[bytes]


class Lineage:
    """The fits and the draws of a generator, generation by generation."""

    def __init__(self, generator: Generator, training: ImageSet) -> None:
        """Have a generator tell of what it does.

        Args:
            generator: of one cell.
            training: all real images that the loop may draw from.
        """
        self._generator = generator
        self._real = digests(training)
        self._scoring = False
        self.begin(lambda: ())
        _observe(generator, self)

    def begin(self, earlier: Callable[[], Iterable[State]]) -> None:
        """Begin a generation; `earlier` gives the weights of those before it, if they are asked for."""
        self._earlier = earlier
        self._fits: dict[str, Fit] = {}
        self._drawn_with: dict[str, State] = {}
        self._drawn: list[ImageSet] = []

    def first(self, real: ImageSet, images: int) -> None:
        """Take the generator's weights for those of G^1, trained on these real images, whoever did it."""
        state = self._generator.state_dict()
        self._fits = {_key(state): Fit(state, None, True, images, digests(real))}

    def fitted(self, state: State, begun_with: State | None, images: int, pool: ImageSet) -> None:
        """Note a fit, as `Fit` says; `pool` is what it was given."""
        key, before = _key(state), None if begun_with is None else _key(begun_with)
        if key == before:
            return
        anew = before is None or (before in self._fits and self._fits[before].anew)
        self._fits[key] = Fit(state, before, anew, images, digests(pool))

    def drew(self, images: ImageSet, away_from: State | None) -> None:
        """Note a draw, where it is for the score; `away_from` are the weights that it was extrapolated from."""
        if self._scoring:
            for state in filter(None, (self._generator.state_dict(), away_from)):
                self._drawn_with[_key(state)] = state
            self._drawn.append(images)

    @contextmanager
    def scoring(self) -> Iterator[None]:
        """Note what is drawn inside a `with` block: it is what is scored."""
        self._scoring = True
        try:
            yield
        finally:
            self._scoring = False

    def drawn(self, samples: ImageSet) -> float:
        """Return the share of the scored images that the generator drew, see `share_drawn`."""
        return share_drawn(samples, self._drawn)

    def retrained(self, budget: int) -> Retrained:
        """Return how the weights of the scored images came about; `budget` is a generation's, in images trained."""
        anew, used = True, set[str]()
        # What another generator has drawn is scored with no weights of this one: those in place are as good as any.
        drawn_with = self._drawn_with or {_key(state): state for state in [self._generator.state_dict()]}
        for key, state in drawn_with.items():
            of_fits, names = (self._fits[key].anew, {key}) if key in self._fits else self._made_of(state)
            anew, used = anew and of_fits, used | names
        fits = [self._fits[key] for key in self._with_those_before(used)]
        images, rows = sum(fit.images for fit in fits), frozenset[bytes]().union(*(fit.rows for fit in fits))
        kind: Kind = "not" if images == 0 else "from scratch" if anew else "gone on from"
        n_real = len(rows & self._real)
        return Retrained(kind=kind, share=images / budget, on=TrainedOn(real=n_real, synthetic=len(rows) - n_real))

    def uses(self, t: int, initial: ImageSet, real: ImageSet | None, method_state: State, budget: int) -> set[Use]:
        """Return what the method was seen to use beyond what the loop hands to everybody.

        Args:
            t: counted from 1.
            initial: the real images of G^1.
            real: those of D^t, None for none.
            method_state: what it keeps.
            budget: of a generation, in images trained.
        """
        found: set[Use] = set()
        of_loop = frozenset[bytes]() if real is None else digests(real)
        beyond = any((fit.rows & self._real) - of_loop for fit in self._fits.values())
        if beyond or keeps_images(method_state, initial):
            found.add("real images")
        trained = [sum(self._fits[each].images for each in self._with_those_before([key])) for key in self._fits]
        if t == 1 and max(trained) > STRONGER * budget:
            found.add("stronger model")
        return found

    def _with_those_before(self, keys: Iterable[str]) -> set[str]:
        found: set[str] = set()
        for key in keys:
            at: str | None = key
            while at is not None and at in self._fits and at not in found:
                found.add(at)
                at = self._fits[at].begun_with
        return found

    def _made_of(self, state: State) -> tuple[bool, set[str]]:
        """Return whether weights that no fit has left are made of this generation's, and of which fits'."""
        own = [key for key, fit in self._fits.items() if fit.anew]
        whole = _explained(state, []).left
        made = _explained(state, [self._fits[key].state for key in own])
        if made.left <= ROUNDING * whole:
            return True, {key for key, share in zip(own, made.shares, strict=True) if share > LEAST_SHARE}
        keys = [*own, *(key for key in self._fits if key not in own)]
        with_old = _explained(state, [*(self._fits[key].state for key in keys), *self._earlier()])
        used = {key for key, share in zip(keys, with_old.shares, strict=False) if share > LEAST_SHARE}
        return made.left <= SMALL_CHANGE * whole and with_old.left > (1 - EXPLAINED) * made.left, used


class Explained(NamedTuple):
    """The nearest sum of some weights to others.

    Attributes:
        shares: how much of each is in it, at least 0, as a share of the length of the others.
        left: the squared length of what it leaves.
    """

    shares: list[float]
    left: float


def _explained(state: State, by: Sequence[State]) -> Explained:
    """Return how far weights are a sum of others, each times a number, by least squares.

    Only matrices and kernels are looked at, where there are any: scales and offsets begin as ones and zeros in every
    network. Where one of the others has no weights of a name and shape, it has zeros.
    """
    floating = {name: value for name, value in state.items() if value.is_floating_point()}
    looked_at = {name: value for name, value in floating.items() if value.ndim > 1} or floating
    products, onto, whole = torch.zeros(len(by), len(by), dtype=torch.float64), torch.zeros(len(by)).double(), 0.0
    for name in looked_at:
        rows, target = _rows(by, name, like=state[name])
        products += rows @ rows.T
        onto += rows @ target
        whole += float(target @ target)
    lengths = products.diagonal().sqrt().clamp(min=1e-300)
    shares = torch.linalg.pinv(products / lengths / lengths[:, None], rcond=1e-14, hermitian=True) @ (onto / lengths)
    left = 0.0
    for name in looked_at:
        rows, target = _rows(by, name, like=state[name])
        left += float((target - (shares / lengths) @ rows).square().sum())
    return Explained((shares.abs() / max(whole, 1e-300) ** 0.5).tolist(), left)


def _rows(states: Sequence[State], name: str, like: Tensor) -> tuple[Tensor, Tensor]:
    zeros = torch.zeros(like.shape)
    found = [state[name] if name in state and state[name].shape == like.shape else zeros for state in states]
    flat = [value.detach().cpu().double().flatten() for value in (*found, like)]
    return torch.stack(flat)[:-1], flat[-1]


def _key(state: State) -> str:
    return tensors_sha256({name: value.detach().cpu() for name, value in state.items()}, {})


class _Closed(ABCMeta):
    """Of a class whose attributes a method cannot set: what it set there would not be looked through."""

    def __setattr__(cls, name: str, value: object) -> None:
        if not name.startswith("_"):
            raise BenchmarkChanged(
                f"{cls.__module__}.{cls.__qualname__}.{name} was to be changed: a method may not change the benchmark"
            )
        super().__setattr__(name, value)


def _observe(generator: Generator, lineage: Lineage) -> None:
    """Have a generator tell a lineage of its fits and draws, through whichever of its methods they come about."""
    definition: Any = type(generator)

    class Observed(definition, metaclass=_Closed):  # type: ignore[misc]
        def fit(self, pool: ImageSet, **arguments: Any) -> None:
            begun_with = None if arguments.get("from_scratch") else self.state_dict()
            before = self.work.images_trained
            super().fit(pool, **arguments)
            lineage.fitted(self.state_dict(), begun_with, self.work.images_trained - before, pool)

        def sample(self, *given: Any, **named: Any) -> ImageSet:
            images: ImageSet = super().sample(*given, **named)
            lineage.drew(images, None)
            return images

        def sample_guided(self, *given: Any, **named: Any) -> ImageSet:
            images: ImageSet = super().sample_guided(*given, **named)
            away = [value for value in (*given, *named.values()) if isinstance(value, Extrapolation)]
            lineage.drew(images, away[0].state if away else None)
            return images

    for name in ("__name__", "__qualname__", "__module__", "__doc__"):
        setattr(Observed, name, getattr(definition, name))
    generator.__class__ = Observed
