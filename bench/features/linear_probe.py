"""A linear classifier of features: what the score reads labels with, and methods that learn them from real images."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from bench.errors import RunFailed

MOST_STEPS = 1000  # of the optimiser; features are standardised, so it needs far fewer


@dataclass(frozen=True)
class LinearProbe:
    """Multinomial logistic regression (scikit-learn's, with its default penalty) on standardised features.

    Attributes:
        weight: float64, (n_classes, d), for features that are not standardised.
        bias: float64, (n_classes,); minus infinity for a class of which no image was seen.
    """

    weight: Tensor
    bias: Tensor

    @classmethod
    def fit(cls, features: Tensor, labels: Tensor, n_classes: int) -> "LinearProbe":
        """Train a probe on features, (n, d), and labels, int64 (n,) below n_classes.

        Raises:
            RunFailed: all images are of one class.
        """
        if len(labels.unique()) < 2:
            raise RunFailed("a classifier needs real images of at least 2 classes, found 1")
        scaler = StandardScaler()
        scaled = scaler.fit_transform(features.double().numpy())
        model = LogisticRegression(max_iter=MOST_STEPS).fit(scaled, labels.numpy())
        rows, offsets = torch.from_numpy(model.coef_), torch.from_numpy(model.intercept_)
        if len(model.classes_) == 2:  # one row, the log-odds of the second class
            rows, offsets = torch.cat([0 * rows, rows]), torch.cat([0 * offsets, offsets])
        rows = rows / torch.from_numpy(scaler.scale_)
        known = torch.from_numpy(model.classes_)
        weight = rows.new_zeros(n_classes, rows.shape[1])
        weight[known] = rows
        bias = rows.new_full((n_classes,), -torch.inf)
        bias[known] = offsets - rows @ torch.from_numpy(scaler.mean_)
        return cls(weight, bias)

    def log_probabilities(self, features: Tensor) -> Tensor:
        """Return the log-probability of each class, float64 (n, n_classes), of features, (n, d)."""
        return (features.double() @ self.weight.T + self.bias).log_softmax(1)

    def log_probability(self, features: Tensor, labels: Tensor) -> Tensor:
        """Return the log-probability of each image's label, float64 (n,)."""
        return self.log_probabilities(features).gather(1, labels[:, None])[:, 0]

    def classify(self, features: Tensor) -> Tensor:
        """Return the likeliest class, int64 (n,), of features, (n, d)."""
        return self.log_probabilities(features).argmax(1)

    def state_dict(self) -> dict[str, Tensor]:
        """Return the probe as tensors."""
        return {"weight": self.weight, "bias": self.bias}

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor]) -> "LinearProbe":
        """Return the probe that `state_dict` made these tensors from."""
        return cls(state["weight"], state["bias"])
