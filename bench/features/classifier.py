"""Small classifiers whose penultimate layer is the feature space of a task of small images."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from bench.errors import BadInput, first_line
from bench.features.base import ClassifyingSpace
from bench.features.weights import check_weights

BATCH = 1000


class FeatureNetwork(nn.Module):
    """A classifier in two parts: the body gives the features, the head the logits.

    Attributes:
        image_shape: (channels, height, width) of the images that it is for.
        dim: the number of features.
    """

    image_shape: tuple[int, int, int]
    dim: int
    body: nn.Sequential
    head: nn.Linear


class DigitsCNN(FeatureNetwork):
    """A small convolutional network for one-channel 8x8 images with 64 features."""

    image_shape = (1, 8, 8)
    dim = 64

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(),
            nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(256, self.dim), nn.ReLU(),
        )  # fmt: skip
        self.head = nn.Linear(self.dim, n_classes)


class LeNet(FeatureNetwork):
    """LeNet-5 (LeCun et al. 1998) with ReLU and max pooling, for one-channel 28x28 images, with 84 features."""

    image_shape = (1, 28, 28)
    dim = 84

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, self.dim), nn.ReLU(),
        )  # fmt: skip
        self.head = nn.Linear(self.dim, n_classes)


class CNN(FeatureNetwork):
    """A small convolutional network for images of any size and colour, with 128 features.

    Large images are halved by strides until they have 16 pixels at most, so that it is about as quick on all.
    """

    dim = 128

    def __init__(self, n_classes: int, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.image_shape = image_shape
        channels, height, width = image_shape
        layers: list[nn.Module] = []
        while max(height, width) > 16:
            layers += [nn.Conv2d(channels, 32, 3, stride=2, padding=1), nn.ReLU()]
            channels, height, width = 32, -(-height // 2), -(-width // 2)
        for n_filters in (32, 64):
            layers += [nn.Conv2d(channels, n_filters, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True)]
            channels, height, width = n_filters, -(-height // 2), -(-width // 2)
        layers += [nn.Conv2d(channels, 64, 3, padding=1), nn.ReLU(), nn.Flatten()]
        self.body = nn.Sequential(*layers, nn.Linear(64 * height * width, self.dim), nn.ReLU())
        self.head = nn.Linear(self.dim, n_classes)


def build_network(name: str, n_classes: int, image_shape: tuple[int, int, int]) -> FeatureNetwork:
    """Return the network that a task file calls by this name, for so many classes and images of this shape."""
    match name:
        case "digits_cnn":
            return DigitsCNN(n_classes)
        case "lenet":
            return LeNet(n_classes)
        case _:
            return CNN(n_classes, image_shape)


def scale_input(images: Tensor) -> Tensor:
    """Map uint8 images to float32 in [-1, 1], which is what the networks here are trained on."""
    return images.float() / 127.5 - 1


class ClassifierSpace(ClassifyingSpace):
    """The feature space of one of the classifiers here: its penultimate activations, after the ReLU; no resize."""

    def __init__(self, name: str, network: FeatureNetwork, sha256: str, device: torch.device | str = "cpu") -> None:
        super().__init__(name, sha256, "none", device, BATCH)
        self._network = network.eval().to(self.device)
        self.image_shape = network.image_shape
        self.n_classes = network.head.out_features

    @classmethod
    def load(
        cls,
        name: str,
        architecture: str,
        n_classes: int,
        image_shape: tuple[int, int, int],
        weights: Path,
        sha256: str,
        device: torch.device | str,
    ) -> "ClassifierSpace":
        """Read the weights and check them against their hash.

        Raises:
            BadInput: the file is missing, cannot be read, or its hash is not `sha256`.
        """
        check_weights(weights, name, sha256)
        network = build_network(architecture, n_classes, image_shape)
        try:
            network.load_state_dict(load_file(weights))
        except (SafetensorError, RuntimeError) as error:
            raise BadInput(f"{weights}: not the weights of a {architecture} network: {first_line(error)}") from error
        return cls(name, network, sha256, device)

    def embed(self, batch: Tensor) -> Tensor:
        """Return the activations, float32 (n, features of the network)."""
        features: Tensor = self._network.body(scale_input(batch))
        return features

    @torch.inference_mode()
    def classify(self, features: Tensor) -> Tensor:
        """Return the class, int64 (n,) on the CPU, that the network's last layer gives to each row of features."""
        logits: Tensor = self._network.head(features.to(self.device))
        return logits.argmax(1).cpu()
