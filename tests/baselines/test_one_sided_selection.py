from itertools import pairwise

import pytest
import torch
from builders import RecordingGenerator, make_context, make_loop

from bench.data.image_set import ImageSet
from bench.errors import BadInput
from bench.methods.file import load_method
from bench.methods.method import Method, Setting, check_method
from bench.methods.pool import Pool

LOOP = make_loop("synthetic_augmentation", n_real=8, n_synthetic=6)


def points(*values: float) -> ImageSet:
    return ImageSet(torch.tensor(values, dtype=torch.float32).view(-1, 1))


# On a line, each ball reaches to the third neighbour. Their radii: 3 (0), 2 (1), 2 (2), 3 (3), 14 (96), 10 (100),
# 7 (103) and 14 (110). The lower middle one of these eight is 3, so the balls about 0, 1, 2 and 3 stay.
REAL = points(0, 1, 2, 3, 96, 100, 103, 110)


def prepared(parameters: str) -> Method:
    method = load_method(f"one_sided_selection:{parameters}").build()
    method.prepare(RecordingGenerator(), make_context(LOOP, 1, REAL))
    return method


def sides(method: Method, pool: Pool, generation: int = 2) -> tuple[list[float], list[float]]:
    """Return the real and the synthetic images that are left."""
    left = method.curate(pool, make_context(LOOP, generation, pool=pool))
    return left.data.images[left.real].flatten().tolist(), left.data.images[~left.real].flatten().tolist()


SYNTHETIC = points(2.5, 50, 0.5, -4, 10, 90)
POOL = Pool.assemble(REAL, {1: SYNTHETIC})


def test_the_real_images_deepest_in_the_balls_of_the_others_stay():
    # Largest radius / distance over the balls of the others: 0: 2/1; 1: 3/1; 2: 3/1; 3: 2/1; 96: 3/93; less beyond.
    assert sides(prepared("rule=realism:keep=0.25"), POOL) == ([1, 2], SYNTHETIC.images.flatten().tolist())


def test_the_synthetic_images_deepest_in_the_balls_stay():
    # 2.5: 3/.5 = 6; 50: 3/47; .5: 3/.5 = 6; -4: 3/4; 10: 3/7; 90: 3/87.
    assert sides(prepared("part=synthetic:rule=realism"), POOL) == (REAL.images.flatten().tolist(), [2.5, 0.5, -4])


def test_realism_does_not_count_a_ball_whose_centre_is_the_image_though_its_features_are_rounded_differently():
    nudged = Pool.assemble(ImageSet(REAL.images + 1e-6), {1: SYNTHETIC})
    assert sides(prepared("rule=realism:keep=0.25"), nudged)[0] == pytest.approx([1, 2], abs=1e-5)


@pytest.mark.parametrize("part", ["real", "synthetic"])
def test_spread_covers_the_side(part: str):
    # Farthest-point selection is at most twice as far from every point as the best choice of as many (Gonzalez 1985).
    values = (REAL if part == "real" else SYNTHETIC).images.flatten()
    real, synthetic = sides(prepared(f"part={part}:rule=spread"), POOL)
    kept = torch.tensor(real if part == "real" else synthetic)
    assert len(kept) == len(values) / 2
    reach = (values[:, None] - kept).abs().amin(1).max()
    best = min(
        (values[:, None] - values[list(chosen)]).abs().amin(1).max()
        for chosen in torch.combinations(torch.arange(len(values)), len(kept)).tolist()
    )
    assert reach <= 2 * best


@pytest.mark.parametrize("part", ["real", "synthetic"])
def test_a_random_part_is_the_same_one_in_every_generation(part: str):
    method = prepared(f"part={part}:rule=random")
    first, later = (sides(method, POOL, generation) for generation in (2, 5))
    assert first == later
    chosen, whole = first if part == "real" else first[::-1], (REAL, SYNTHETIC)[part == "synthetic"]
    assert len(chosen[0]) == len(whole) / 2
    assert set(chosen[0]) < set(whole.images.flatten().tolist())
    assert all(a != b for a, b in pairwise(chosen[0]))


def test_it_goes_on_from_its_state_as_it_would_have():
    for parameters in ("rule=realism", "part=synthetic:rule=spread", "rule=random"):
        method, resumed = prepared(parameters), load_method(f"one_sided_selection:{parameters}").build()
        resumed.load_state_dict(method.state_dict())
        assert sides(method, POOL) == sides(resumed, POOL)


def test_an_accumulated_pool_has_the_share_kept():
    pool = Pool.assemble(REAL, {1: SYNTHETIC, 2: SYNTHETIC})
    assert len(sides(prepared("part=synthetic:rule=random"), pool)[1]) == 6


def test_a_loop_that_does_not_tell_what_is_real_is_refused():
    method = load_method("one_sided_selection").build()
    loop = make_loop("synthetic_augmentation", contamination=0.6)
    setting = Setting(loop, "ddpm", labelled=True, are_points=False, image_shape=(1, 8, 8))
    with pytest.raises(BadInput, match="choose a loop without --contamination"):
        check_method("one_sided_selection", method, setting)
