"""The linear probe, against scikit-learn."""

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bench.errors import RunFailed
from bench.features.linear_probe import LinearProbe

DRAWN = torch.randn((60, 4), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_probabilities_are_scikit_learns_on_standardised_features(n_classes: int):
    labels = torch.arange(60) % n_classes
    features = (DRAWN + labels[:, None]) * torch.tensor([1.0, 10, 0.1, 0]) + 5  # the last feature is constant
    probe = LinearProbe.fit(features, labels, n_classes)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(features.double(), labels)
    points = features[:7].double() + 0.3
    expected = torch.from_numpy(model.predict_log_proba(points))
    torch.testing.assert_close(probe.log_probabilities(points), expected)
    torch.testing.assert_close(probe.log_probability(points, labels[:7]), expected[torch.arange(7), labels[:7]])


def test_a_class_that_was_not_seen_has_no_probability():
    labels = torch.arange(60) % 2 * 2
    probabilities = LinearProbe.fit(DRAWN, labels, 4).log_probabilities(DRAWN).exp()
    assert probabilities[:, [1, 3]].abs().max() == 0
    torch.testing.assert_close(probabilities.sum(1), torch.ones(60).double())


def test_a_state_gives_the_same_probe():
    probe = LinearProbe.fit(DRAWN, torch.arange(60) % 3, 3)
    again = LinearProbe.from_state(probe.state_dict())
    assert torch.equal(again.log_probabilities(DRAWN), probe.log_probabilities(DRAWN))


def test_one_class_is_a_failed_run():
    with pytest.raises(RunFailed, match="needs real images of at least 2 classes, found 1"):
        LinearProbe.fit(DRAWN, torch.zeros(60, dtype=torch.int64), 2)
