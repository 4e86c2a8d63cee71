"""The pool D^t and where its images come from."""

import torch
from builders import make_images

from bench.methods.pool import Pool


def test_real_images_come_first_and_generations_follow_in_their_order():
    real, second, third = (make_images(n, seed=n) for n in (2, 3, 1))
    pool = Pool.assemble(real, {3: third, 2: second})
    assert pool.origin.tolist() == [0, 0, 2, 2, 2, 3]
    assert torch.equal(pool.data.images, torch.cat([real.images, second.images, third.images]))


def test_labels_stay_with_their_images():
    pool = Pool.assemble(make_images(2), {1: make_images(3)})
    assert pool.data.labels is not None
    assert pool.data.labels.tolist() == [0, 1, 0, 1, 2]


def test_a_pool_without_real_images_has_none():
    pool = Pool.assemble(None, {1: make_images(3)})
    assert (len(pool), pool.n_real) == (3, 0)


def test_n_real_counts_the_real_images_alone():
    assert Pool.assemble(make_images(4), {1: make_images(3)}).n_real == 4


def test_choosing_a_part_keeps_images_labels_and_origin_together():
    pool = Pool.assemble(make_images(2, seed=1), {1: make_images(3, seed=2)})
    part = pool[torch.tensor([4, 0])]
    assert part.origin.tolist() == [1, 0]
    assert part.data.labels is not None
    assert part.data.labels.tolist() == [2, 0]
    assert torch.equal(part.data.images, pool.data.images[[4, 0]])


def test_a_mask_chooses_the_synthetic_part():
    pool = Pool.assemble(make_images(2), {1: make_images(3)})
    assert pool[pool.origin > 0].origin.tolist() == [1, 1, 1]


def test_a_pool_of_images_without_labels_has_no_labels():
    assert Pool.assemble(make_images(2, n_classes=None), {1: make_images(3, n_classes=None)}).data.labels is None


def test_weights_stay_with_their_images():
    pool = Pool.assemble(make_images(2), {1: make_images(3)}).weighted(torch.tensor([5.0, 4, 3, 2, 1]))
    assert pool[torch.tensor([4, 0])].weights.tolist() == [1, 5]
    assert Pool.assemble(make_images(2), {}).weights is None


def test_a_shuffled_pool_has_the_same_images_with_their_labels_and_origin():
    pool = Pool.assemble(make_images(20, seed=1), {1: make_images(30, seed=2)})
    shuffled = pool.shuffled(torch.Generator().manual_seed(0))
    assert shuffled.origin.tolist() != pool.origin.tolist()

    def rows(p: Pool) -> list[tuple[bytes, int, int]]:
        return sorted(
            zip(map(bytes, p.data.images.flatten(1)), p.data.labels.tolist(), p.origin.tolist(), strict=True)
        )

    assert rows(shuffled) == rows(pool)


def test_a_hidden_origin_says_of_no_image_that_it_is_real():
    pool = Pool.assemble(make_images(2), {1: make_images(3)}).with_hidden_origin()
    assert pool.origin.tolist() == [-1] * 5
    assert (pool.n_real, pool.real.any().item()) == (0, False)
