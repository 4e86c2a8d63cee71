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


# On a line, with k = 1, the balls have the radii 1 (0), 1 (1), 4 (10), 4 (14): the distances to the nearest neighbour.
# The median's lower value is 1, so the balls [-1, 1] and [0, 2] stay and those about 10 and 14 are pruned.
REAL = points(0, 1, 10, 14)


def prepared(parameters: str = "k=1") -> Method:
    method = load_method(f"realism_filter:{parameters}").build()
    method.prepare(RecordingGenerator(), make_context(LOOP, 1, REAL))
    return method


def curate(method: Method, pool: Pool) -> list[float]:
    return method.curate(pool, make_context(LOOP, 2, pool=pool)).data.images.flatten().tolist()


def test_images_in_a_ball_that_was_not_pruned_stay():
    # Realism: max(1 / |x|, 1 / |x - 1|): 1.5 -> 2; 3 -> 0.5; -1 -> 1, on the edge; 12 -> 1/11, its balls are pruned.
    assert curate(prepared(), Pool.assemble(None, {1: points(3, 1.5, -1, 12, 0)})) == [1.5, -1, 0]


def test_the_radius_reaches_to_the_kth_neighbour():
    # k = 2: the radii are 10 (to 10), 9 (to 10), 9 (to 1), 13 (to 1): balls of radius 9 about 1 and 10 stay: [-8, 19].
    synthetic = {1: points(-9, -7.5, 5, 18.5, 20)}
    assert curate(prepared("k=2"), Pool.assemble(None, synthetic)) == [-7.5, 5, 18.5]


def test_the_threshold_loosens_the_filter():
    # Realism of 3 is 1 / 2, that of 5 is 1 / 4.
    assert curate(prepared("k=1:threshold=0.4"), Pool.assemble(None, {1: points(5, 3, 1.5)})) == [3, 1.5]


def test_where_none_pass_the_most_realistic_are_kept():
    # None lies in a ball; ceil(0.3 x 5) = 2 are kept, the ones nearest to 1: 3 and 4.
    synthetic = {1: points(20, 4, 30, 3, 40)}
    assert curate(prepared("k=1:at_least=0.3"), Pool.assemble(None, synthetic)) == [4, 3]


def test_a_copy_of_a_real_image_passes_even_where_its_ball_is_a_point():
    method = load_method("realism_filter:k=1").build()
    method.prepare(RecordingGenerator(), make_context(LOOP, 1, points(0, 0, 5, 9)))  # radii 0, 0, 4, 4; median 0
    assert curate(method, Pool.assemble(None, {1: points(1, 0, 2, 3)})) == [0]


def test_known_real_images_stay_wherever_they_lie():
    pool = Pool.assemble(points(100, 200), {1: points(3, 1.5)})
    assert curate(prepared(), pool) == [100, 200, 1.5]


def test_a_contaminated_pool_is_filtered_whole():
    pool = Pool.assemble(points(100, 1), {1: points(3, 1.5)}).with_hidden_origin()
    assert curate(prepared(), pool) == [1, 1.5]


def test_the_balls_are_kept_as_the_methods_state():
    method, resumed = prepared(), load_method("realism_filter:k=1").build()
    assert resumed.state_dict() == {}
    resumed.load_state_dict(method.state_dict())
    pool = Pool.assemble(None, {1: points(3, 1.5, -1, 12, 0)})
    assert curate(resumed, pool) == curate(method, pool) == [1.5, -1, 0]


def test_fewer_real_images_than_neighbours_are_refused():
    setting = Setting(make_loop(n_initial=3), "ddpm", labelled=True, are_points=False, image_shape=(1, 8, 8))
    with pytest.raises(BadInput, match=r"needs more than k=3 real images in generation 1, found 3$"):
        check_method("realism_filter", load_method("realism_filter").build(), setting)
