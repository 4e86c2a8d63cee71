"""What a feature space is: the one interface behind which every network and its preprocessing stands."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from bench.errors import BadInput
from bench.process.processes import ALONE, Processes
from bench.process.progress import Progress


class FeatureSpace(ABC):
    """Maps images to features.

    Attributes:
        name: the name that scores carry.
        sha256: the hash of the weights; of the name where there are none.
        resize: how images come to the size of the network, in words; it is part of what a score means.
        device: where the network is and the features come out.
        batch_size: images that go through the network at a time.
        image_shape: (channels, height, width) of the images that it is for; None for any.
        takes_points: whether it is also for points, float32 (n, d), that are no images.
        processes: those that share the work; whoever loads the space sets it.
    """

    processes: Processes = ALONE
    image_shape: tuple[int, int, int] | None = None
    takes_points = False

    def __init__(self, name: str, sha256: str, resize: str, device: torch.device | str, batch_size: int) -> None:
        self.name = name
        self.sha256 = sha256
        self.resize = resize
        self.device = torch.device(device)
        self.batch_size = batch_size

    @torch.inference_mode()
    def __call__(self, images: Tensor, progress: Progress | None = None) -> Tensor:
        """Return the features of the images.

        Args:
            images: uint8, (n, channels, height, width), n at least 1; or points, where the space takes them.
            progress: where progress is shown.

        Returns:
            float32, (n, d), on the space's device.

        Raises:
            BadInput: the space is not for such images, or a feature is not finite.
        """
        self.check(images)

        def own() -> Tensor | None:
            share = images[self.processes.share(len(images), self.batch_size)]
            if len(share) == 0:
                return None
            parts = []
            with (progress or Progress(visible=False)).bar(f"{self.name} features", len(share), short=True) as bar:
                for batch in share.split(self.batch_size):
                    parts.append(self.embed(batch.to(self.device)))
                    bar.update(len(batch))
            return torch.cat(parts)

        features = self.processes.gathered(own).to(self.device)
        if not torch.isfinite(features).all():
            raise BadInput(f"feature space '{self.name}' gave features that are not finite")
        return features

    def check(self, images: Tensor) -> None:
        """Raise BadInput where the space is not for such images."""
        if images.ndim != 4 and not self.takes_points:
            raise BadInput(f"feature space '{self.name}' is for images, found points of {images.shape[1]} coordinates")
        if self.image_shape not in (None, found := tuple(images.shape[1:])):
            raise BadInput(
                f"feature space '{self.name}' is for images of (channels, height, width) {self.image_shape}, "
                f"found {found}"
            )

    @abstractmethod
    def embed(self, batch: Tensor) -> Tensor:
        """Return the features, float32 (n, d), of one batch of uint8 images on the device."""


class ClassifyingSpace(FeatureSpace):
    """A feature space whose network also tells the classes of a task apart.

    Attributes:
        n_classes: how many classes there are.
    """

    n_classes: int

    @abstractmethod
    def classify(self, features: Tensor) -> Tensor:
        """Return the class, int64 (n,) on the CPU, of each row of features."""
