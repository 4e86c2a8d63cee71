"""Looking at a fit while it goes on, and ending it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import Parameter

from bench.errors import RunFailed


@dataclass(frozen=True)
class Watch:
    """Measures the model from time to time while it is trained, and may end the fit.

    Warm-up, learning rate and average go on as if nobody looked; a fit that is ended keeps the schedule of the whole
    one, so that its learning rate has not come down to zero. A fit that is killed and resumed remembers the numbers
    that were measured and, with `keep_best`, the weights of the lowest; nothing else that `measure` notes.

    Attributes:
        measure: gives a number of the model as it would be if the fit ended now: the mean `loss` of images that were
            held out, for example. It may sample, read losses and features; what it evaluates is counted.
        stop: whether the fit ends, given the numbers measured so far, the latest last; a function of them alone.
        times: how often, in even distances; the last time is at the end.
        keep_best: whether the fit ends with the averaged weights of the lowest number.
    """

    measure: Callable[[], float]
    stop: Callable[[list[float]], bool]
    times: int = 20
    keep_best: bool = False

    def due(self, step: int, steps: int) -> bool:
        """Return whether it measures after this step, of 1 to steps."""
        return step * self.times // steps > (step - 1) * self.times // steps


class Watching:
    """A watch in one fit: the numbers that it has measured, and the best weights."""

    def __init__(self, watch: Watch, weights: dict[str, list[Parameter]]) -> None:
        """Begin to watch; the best weights become one of the lists of weights, which a checkpoint keeps.

        Args:
            watch: what to do.
            weights: of the fit, by name; those called "average" are kept as "best".
        """
        self.watch = watch
        self._weights = weights
        self._measured: list[float] = []
        if watch.keep_best:
            weights["best"] = [Parameter(w.detach().clone(), requires_grad=False) for w in weights["average"]]

    def ends(self) -> bool:
        """Measure, and return whether the fit is to end."""
        value = float(self.watch.measure())
        if not math.isfinite(value):
            raise RunFailed(f"what a watch measures is {value}: must be a finite number")
        if self.watch.keep_best and value < min(self._measured, default=math.inf):
            _copy(self._weights["average"], self._weights["best"])
        self._measured.append(value)
        return bool(self.watch.stop([*self._measured]))

    def finish(self) -> None:
        """Put the best weights in place, where they are asked for."""
        if self.watch.keep_best:
            _copy(self._weights["best"], self._weights["average"])

    def state(self, evaluations: int) -> dict[str, Tensor]:
        """Return the numbers, and how many evaluations they have cost, for a checkpoint."""
        return {
            "measured": torch.tensor(self._measured, dtype=torch.float64),
            "evaluations": torch.tensor(evaluations),
        }

    def restore(self, saved: Mapping[str, Tensor]) -> int:
        """Go on from what `state` returned, and return the evaluations."""
        self._measured = saved["measured"].tolist()
        return int(saved["evaluations"])


@torch.no_grad()
def _copy(weights: Sequence[Tensor], to: Sequence[Tensor]) -> None:
    torch._foreach_copy_(list(to), list(weights))
