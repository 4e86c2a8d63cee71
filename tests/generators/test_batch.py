"""The images of a training step, and what goes with them."""

import torch

from bench.generators.batch import Batch
from bench.process.shares import BatchShare

N = 12
IMAGES = torch.arange(N).view(N, 1, 1, 1).float()


def test_what_belongs_to_an_image_stays_with_it_when_images_are_chosen_and_shared():
    batch = Batch(IMAGES, torch.arange(N), torch.arange(N) / 8)
    chosen = batch[torch.tensor([7, 3, 3, 9])]
    assert chosen.labels.tolist() == [7, 3, 3, 9] == chosen.images.flatten().tolist()
    assert (chosen.weights * 8).tolist() == [7, 3, 3, 9]
    for columns in (slice(0, 2), slice(2, 4), slice(4, 6)):
        share = batch.share(BatchShare(n=N, group=2, columns=columns, weight=1 / 3))
        assert len(share) == 4
        assert share.labels.tolist() == share.images.flatten().tolist() == (share.weights * 8).tolist()


def test_what_a_fit_was_not_told_stays_none():
    batch = Batch(IMAGES)[torch.tensor([1])]
    assert (len(batch), batch.labels, batch.weights) == (1, None, None)
