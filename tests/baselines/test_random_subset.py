import pytest
import torch
from builders import make_context, make_images, make_loop

from bench.data.image_set import ImageSet
from bench.methods.file import load_method
from bench.methods.pool import Pool


@pytest.mark.parametrize(("keep", "size"), [(0.5, 15), (0.1, 3), (1, 30)])
def test_the_real_images_stay_and_a_random_share_of_the_synthetic_ones_in_their_order(keep: float, size: int):
    numbers = torch.arange(50, dtype=torch.float32).view(-1, 1)
    pool = Pool.assemble(ImageSet(numbers[:20]), {1: ImageSet(numbers[20:])})
    method = load_method(f"random_subset:keep={keep}").build()
    chosen = method.curate(pool, make_context(make_loop("synthetic_augmentation"), 2, pool=pool))
    values = chosen.data.images.flatten().tolist()
    assert values[:20] == list(range(20))
    assert len(values) == len(set(values)) == 20 + size
    assert values == sorted(values)


def test_in_a_contaminated_loop_the_subset_is_of_the_whole_pool_and_does_not_depend_on_the_origin():
    loop = make_loop("synthetic_augmentation", contamination=0.6)
    pool = Pool.assemble(make_images(20), {1: make_images(30, seed=1)})
    hidden = pool.with_hidden_origin()
    method = load_method("random_subset:keep=0.5").build()
    chosen, blind = (method.curate(p, make_context(loop, 2, pool=p)) for p in (pool, hidden))
    assert len(chosen) == 25  # of 50, not 20 + 15
    assert 0 < chosen.n_real < 20
    assert chosen.data.sha256 == blind.data.sha256


def test_another_generation_draws_another_subset():
    pool = Pool.assemble(None, {1: make_images(30, seed=1)})
    method = load_method("random_subset").build()
    first, again, other = (method.curate(pool, make_context(make_loop(), t)) for t in (2, 2, 3))
    assert first.data.sha256 == again.data.sha256 != other.data.sha256
