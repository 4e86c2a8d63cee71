import pytest
import torch
from builders import make_context, make_loop

from bench.data.image_set import ImageSet
from bench.methods.file import load_method
from bench.methods.pool import Pool


def points(*values: float) -> ImageSet:
    return ImageSet(torch.tensor(values, dtype=torch.float32).view(-1, 1))


def curate(parameters: str, pool: Pool, generation: int = 2) -> list[float]:
    ctx = make_context(make_loop(), generation, pool=pool)
    return load_method(f"entropy_selection:{parameters}").build().curate(pool, ctx).data.images.flatten().tolist()


def test_greedy_takes_the_farthest_image_from_all_accepted_ones_again_and_again():
    # Accepted is 0. Distances 1 2 9 10 11: take 11. Then 1 2 2 1: of 2 and 9 (distance 2 each) one is taken.
    # Two of five: 11 and one of them; three of five: both, since 1 and 10 stay at distance 1.
    pool = Pool.assemble(points(0), {1: points(1, 2, 9, 10, 11)})
    assert curate("keep=0.2", pool) == [0, 11]
    assert curate("keep=0.4", pool) in ([0, 2, 11], [0, 9, 11])
    assert curate("keep=0.6", pool) == [0, 2, 9, 11]


def test_threshold_decay_accepts_what_is_farther_than_tau_and_then_lowers_tau():
    # Accepted is 0, tau = 11 and then, with decay 0.5, 5.5: the first of 9, 10 and 11 in the order of the pass is
    # accepted, after which the other two are within 2. At tau = 2.75 and 1.375: 2 is at distance 2 from 0 and farther
    # than 1.375 from any of the three; 9 and 11 are so only from each other.
    pool = Pool.assemble(points(0), {1: points(1, 2, 9, 10, 11)})
    one = {tuple(curate("rule=threshold_decay:decay=0.5:keep=0.2", pool, t)) for t in range(2, 20)}
    assert one == {(0, 9), (0, 10), (0, 11)}
    two = {tuple(curate("rule=threshold_decay:decay=0.5:keep=0.4", pool, t)) for t in range(2, 40)}
    assert two == {(0, 2, 9), (0, 2, 10), (0, 2, 11), (0, 9, 11)}


def test_threshold_decay_with_a_slow_decay_is_the_greedy_rule():
    # At every choice the two largest distances differ by more than 1%, so tau passes one image at a time.
    pool = Pool.assemble(points(0), {1: points(1, 2.5, 3.1, 8.7, 10.1, 11)})
    for keep in (0.2, 0.35, 0.5, 0.7, 0.85):
        assert curate(f"rule=threshold_decay:decay=0.99:keep={keep}", pool) == curate(f"keep={keep}", pool)


@pytest.mark.parametrize("rule", ["greedy", "threshold_decay"])
def test_near_copies_are_left_out_where_there_are_other_images(rule: str):
    # No real image: from whichever image it starts, four of eight are one of each pair.
    pool = Pool.assemble(None, {1: points(0, 0.01, 5, 5.01, 12, 12.01, 20, 20.01)})
    for generation in range(2, 8):
        chosen = curate(f"rule={rule}:keep=0.5", pool, generation)
        assert [round(value) for value in chosen] == [0, 5, 12, 20]


@pytest.mark.parametrize("rule", ["greedy", "threshold_decay"])
def test_copies_fill_up_where_nothing_else_is_left(rule: str):
    pool = Pool.assemble(None, {1: points(7, 7, 7, 7, 3, 3)})
    chosen = curate(f"rule={rule}:keep=0.8", pool)  # round(0.8 x 6) = 5
    assert len(chosen) == 5
    assert set(chosen) == {3, 7}


@pytest.mark.parametrize("rule", ["greedy", "threshold_decay"])
def test_known_real_images_stay_and_a_contaminated_pool_is_selected_from_as_a_whole(rule: str):
    pool = Pool.assemble(points(4, 4, 4), {1: points(0, 1)})
    assert curate(f"rule={rule}:keep=0.5", pool) == [4, 4, 4, 0]  # round(0.5 x 2) = 1: the farthest from 4
    assert sorted(curate(f"rule={rule}:keep=0.6", pool.with_hidden_origin())) == [0, 1, 4]
