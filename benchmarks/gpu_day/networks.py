"""The networks of the standard tier that stages b and c measure, and what they are trained on.

Images are noise: no time depends on what is in them.
"""

from dataclasses import dataclass

import torch

from bench.cells.data_shape import DataShape
from bench.cells.generator_settings import DDPMSettings, NetworkSettings
from bench.cells.task import load_task
from bench.data.image_set import ImageSet

POOL = 10_000
TIER = "standard"


@dataclass(frozen=True)
class StandardNetwork:
    """A generator of the standard tier of a task.

    Attributes:
        name: the task's and the generator's, with a hyphen.
        settings: of the task file; smaller in a rehearsal.
        data: what it makes.
    """

    name: str
    settings: NetworkSettings
    data: DataShape

    @classmethod
    def of(cls, name: str, tiny: bool) -> "StandardNetwork":
        """Return a network by its name, "cifar10-ddpm" for example."""
        task_name, _, generator = name.rpartition("-")
        task = load_task(task_name)
        settings = task.tiers[TIER].generator_settings(generator)
        data = task.tier_data(TIER).shape
        assert isinstance(settings, NetworkSettings)
        if tiny:
            # As many resolutions, so that every layer is gone through.
            changes = {"channels": (16,) * len(settings.channels), "batch_size": 8, "sampling_batch": 8}
            changes |= (
                {"sampling_steps": 2} if isinstance(settings, DDPMSettings) else {"latent": 8, "stddev_group": 4}
            )
            settings = type(settings).model_validate(settings.model_dump() | changes)
            unit = getattr(settings, "patch", 1) * 2 ** (len(settings.channels) - 1)
            data = DataShape((data.image_shape[0], 2 * unit, 2 * unit), data.n_classes, data.horizontal_flips)
        return cls(name, settings, data)

    def pool(self, n: int) -> ImageSet:
        """Return so many images of noise, with labels where the task has some."""
        random = torch.Generator().manual_seed(0)
        images = torch.randint(0, 256, (n, *self.data.image_shape), generator=random, dtype=torch.uint8)
        labels = None if self.data.n_classes is None else torch.arange(n) % self.data.n_classes
        return ImageSet(images, labels)
