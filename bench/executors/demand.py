"""What a generator asks of a machine, without training it: counted, not timed."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from bench.cells.generator_settings import DDPMSettings, FileSettings, NetworkSettings
from bench.cells.task import Task, TierName
from bench.data.image_set import ImageSet
from bench.errors import BadInput, CannotCompile, first_line, is_out_of_memory
from bench.files.tensors import tensor_bytes
from bench.generators.base import Generator
from bench.generators.engine import Engine
from bench.generators.file import LoadedGenerator
from bench.generators.unet_size import unet_size
from bench.process.progress import Progress

POINTS = 1000  # or images of a generator that has no batches, that it is tried with
COUNTED_IMAGES = 4  # of a network's batch
HEADER_BYTES = 120  # of a tensor in a file of weights
PASSES_OF_TRAINING = 3  # forward, and backward to the weights and to the layer before
QUIET = Progress(visible=False)


@dataclass(frozen=True)
class Demand:
    """What a generator of a tier asks for.

    Attributes:
        images_per_fit: that go through a training step in a fit, by the size of the pool.
        evaluations_per_image: passes of the network for an image that is drawn.
        flops_trained: floating-point operations for an image that goes through a training step.
        flops_sampled: for an image that is drawn.
        model_bytes: of the file of its weights.
        checkpoint_bytes: of the state of an unfinished fit.
    """

    images_per_fit: Mapping[int, int]
    evaluations_per_image: int
    flops_trained: float
    flops_sampled: float
    model_bytes: int
    checkpoint_bytes: int


def demand(loaded: LoadedGenerator, task: Task, tier: TierName, sampling_bias: float, pools: set[int]) -> Demand:
    """Return what a generator asks for.

    The DDPM's is computed from its settings, as its network takes seconds to import. Any other is built on the CPU,
    and its operations are counted in steps of a few images.

    Args:
        loaded: the generator.
        task: whose images it makes.
        tier: of the task.
        sampling_bias: that it draws with.
        pools: sizes of the pools that it is fitted to.

    Raises:
        BadInput: a generator from a file raises an error.
    """
    settings, data = loaded.settings(task, tier), task.tier_data(tier)
    if isinstance(settings, DDPMSettings):
        size = unet_size(settings, data.shape)
        evaluations = settings.sampling_steps * (1 if sampling_bias == 1 else 2)
        weights = 4 * size.parameters
        return Demand(
            images_per_fit=dict.fromkeys(pools, settings.steps * settings.batch_size),
            evaluations_per_image=evaluations,
            flops_trained=PASSES_OF_TRAINING * size.flops,
            flops_sampled=evaluations * size.flops,
            model_bytes=weights + HEADER_BYTES * size.tensors,
            checkpoint_bytes=4 * weights,
        )
    cpu = Engine(torch.device("cpu"))
    generator = loaded.build(settings, data.shape, cpu)
    if isinstance(settings, NetworkSettings):
        n = min(COUNTED_IMAGES, settings.batch_size)
        few = [{"images": n * steps, "batch_size": n, "sampling_batch": 1} for steps in (1, 2)]
    else:
        n, few = POINTS, [{"images": POINTS} if isinstance(settings, FileSettings) else {}]
    flops = []
    for changed in few:
        tried = loaded.build(settings.model_copy(update=changed), data.shape, cpu)
        with FlopCounterMode(display=False) as training:
            fit(loaded, tried, task, tier, n)
        flops.append(training.get_total_flops())
    with FlopCounterMode(display=False) as sampling:
        sample(loaded, tried, task, tier, 1, sampling_bias)
    return Demand(
        images_per_fit={pool: generator.images_per_fit(pool) for pool in pools},
        evaluations_per_image=generator.evaluations_per_image(sampling_bias),
        flops_trained=(flops[-1] - sum(flops[:-1])) / n,  # of the last step: in the first a GAN may do more
        flops_sampled=sampling.get_total_flops(),
        model_bytes=len(tensor_bytes(tried.state_dict())),  # of one that was trained: some have no weights before
        checkpoint_bytes=generator.checkpoint_bytes,
    )


class _NoCheckpoint:
    def load(self) -> dict[str, Tensor] | None:
        return None

    def due(self) -> bool:
        return False

    def save(self, state: Mapping[str, Tensor]) -> None:
        raise AssertionError("no checkpoint is due")


def fit(loaded: LoadedGenerator, generator: Generator, task: Task, tier: TierName, n: int) -> None:
    """Fit a generator to n black images, or points at 0."""
    shape = task.tier_data(tier).image_shape
    images = torch.zeros((n, *shape), dtype=torch.uint8 if len(shape) == 3 else torch.float32)
    pool = ImageSet(images, _labels(task, tier, n))
    try:
        generator.fit(pool, seed=0, from_scratch=True, checkpoint=_NoCheckpoint(), progress=QUIET)
    except Exception as error:
        raise _explained(loaded, error) from error


def sample(
    loaded: LoadedGenerator, generator: Generator, task: Task, tier: TierName, n: int, sampling_bias: float
) -> None:
    """Draw n images."""
    try:
        generator.sample(_labels(task, tier, n), list(range(n)), sampling_bias, QUIET)
    except Exception as error:
        raise _explained(loaded, error) from error


def _labels(task: Task, tier: TierName, n: int) -> Tensor | None:
    n_classes = task.tier_data(tier).n_classes
    return None if n_classes is None else torch.arange(n) % n_classes


def _explained(loaded: LoadedGenerator, error: Exception) -> Exception:
    if loaded.path is None or is_out_of_memory(error) or isinstance(error, CannotCompile):
        return error
    reason = f"{type(error).__name__}: {first_line(error)}"  # somebody's code
    return BadInput(f"{loaded.path}: a few steps of training and sampling raise {reason}")
