import pytest
import torch
from builders import RecordingGenerator, make_context, make_loop

from bench.data.image_set import ImageSet
from bench.errors import BadInput
from bench.methods.file import load_method
from bench.methods.method import Method, Setting, check_method
from bench.methods.pool import Pool

LOOP = make_loop()


def points(*values: float) -> ImageSet:
    return ImageSet(torch.tensor(values, dtype=torch.float32).view(-1, 1))


def prepared(parameters: str = "share=0.5") -> Method:
    """The distances of 0, 2, 10, 12 and 15 to the nearest neighbour are 2, 2, 2, 2 and 3; the median is 2."""
    method = load_method(f"deduplicate:{parameters}").build()
    method.prepare(RecordingGenerator(), make_context(LOOP, 1, points(0, 2, 10, 12, 15)))
    return method


def curate(method: Method, pool: Pool) -> list[float]:
    return method.curate(pool, make_context(LOOP, 2, pool=pool)).data.images.flatten().tolist()


def test_an_image_nearer_than_the_radius_to_one_kept_before_it_is_dropped():
    # The radius is 0.5 x 2 = 1. 5.5 repeats 5 and goes; 6.25 is near to 5.5 alone, which is gone, and stays; 7 repeats
    # 6.25; 8.25 and 4 are exactly 1 or more from those kept.
    synthetic = {1: points(5, 5.5, 6.25, 7, 8.25, 4)}
    assert curate(prepared(), Pool.assemble(None, synthetic)) == [5, 6.25, 8.25, 4]


def test_the_radius_is_the_share_of_the_spacing_of_the_real_images():
    # The radius is 2 x 2 = 4.
    assert curate(prepared("share=2"), Pool.assemble(None, {1: points(0, 3, 4, 7.5, 8)})) == [0, 4, 8]


def test_known_real_images_stay_even_as_duplicates_and_synthetic_copies_of_them_go():
    pool = Pool.assemble(points(3, 3.125, 9), {1: points(2.5, 5, 9)})
    assert curate(prepared(), pool) == [3, 3.125, 9, 5]


def test_a_contaminated_pool_is_deduplicated_whole():
    pool = Pool.assemble(points(3, 3.125, 9), {1: points(2.5, 5, 9)}).with_hidden_origin()
    assert curate(prepared(), pool) == [3, 9, 5]


def test_duplicates_are_found_across_blocks():
    # 3,000 different images with distances of at least 2, and every one of them again: more than two blocks.
    values = 2 * torch.randperm(3000, generator=torch.Generator().manual_seed(0))
    pool = Pool.assemble(None, {1: points(*values.tolist()), 2: points(*(values + 0.5).tolist())})
    assert curate(prepared(), pool) == values.tolist()


def test_the_spacing_is_kept_as_the_methods_state():
    method, resumed = prepared(), load_method("deduplicate:share=0.5").build()
    assert resumed.state_dict() == {}
    resumed.load_state_dict(method.state_dict())
    assert method.state_dict() == {"spacing": torch.tensor(2.0)}
    pool = Pool.assemble(None, {1: points(5, 5.5, 6.25, 7)})
    assert curate(resumed, pool) == curate(method, pool) == [5, 6.25]


def test_a_single_real_image_is_refused():
    setting = Setting(make_loop(n_initial=1), "ddpm", labelled=True, are_points=False, image_shape=(1, 8, 8))
    with pytest.raises(BadInput, match=r"^method deduplicate needs at least 2 real images in generation 1, found 1$"):
        check_method("deduplicate", load_method("deduplicate").build(), setting)
