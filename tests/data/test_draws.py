"""Which real images each generation sees."""

import re

import pytest
import torch
from builders import make_loop

from bench.cells.loops import Loop
from bench.data.draws import RealDraws, check_enough_real_images, image_seeds, sample_labels
from bench.data.image_set import ImageSet
from bench.errors import BadInput

# Image i has the value i in all its pixels, so a draw can be read back.
N = 200
TRAINING = ImageSet(torch.arange(N, dtype=torch.uint8).view(N, 1, 1, 1).expand(N, 1, 2, 2), torch.arange(N) % 7)
AUGMENTATION = make_loop("synthetic_augmentation", n_initial=40, n_real=40)
FRESH = make_loop("fresh_data", n_initial=40, n_real=20, generations=9)


def numbers(images: ImageSet | None) -> list[int]:
    """Return which of the training images these are."""
    assert images is not None
    return images.images[:, 0, 0, 0].tolist()


@pytest.fixture
def draws() -> RealDraws:
    return RealDraws(TRAINING, "digits", 0)


def test_the_first_generation_sees_n_initial_different_images(draws: RealDraws):
    assert len(set(numbers(draws.initial(FRESH)))) == 40


def test_all_loops_of_a_seed_share_the_images_of_the_first_generation(draws: RealDraws):
    loops = [make_loop(kind) for kind in ("fully_synthetic", "synthetic_augmentation", "fresh_data")]
    drawn = [numbers(RealDraws(TRAINING, "digits", 0).initial(loop)) for loop in loops]
    assert drawn[0] == drawn[1] == drawn[2]


@pytest.mark.parametrize(("task", "seed"), [("digits", 1), ("mnist", 0)])
def test_another_seed_or_task_draws_other_images(draws: RealDraws, task: str, seed: int):
    assert numbers(RealDraws(TRAINING, task, seed).initial(FRESH)) != numbers(draws.initial(FRESH))


def test_labels_stay_with_their_images(draws: RealDraws):
    drawn = draws.at(3, FRESH)
    assert drawn is not None
    assert drawn.labels is not None
    assert drawn.labels.tolist() == [i % 7 for i in numbers(drawn)]


def test_fully_synthetic_loop_sees_no_real_images_after_the_first_generation(draws: RealDraws):
    assert [draws.at(t, make_loop("fully_synthetic")) for t in (2, 3)] == [None, None]


def test_fresh_images_have_been_seen_by_no_generation_before(draws: RealDraws):
    seen = numbers(draws.initial(FRESH))
    for t in range(2, 10):
        seen += numbers(draws.at(t, FRESH))
    assert len(seen) == 40 + 8 * 20
    assert len(set(seen)) == len(seen)


def test_fresh_draws_of_the_last_generation_are_whole_where_the_images_just_suffice(draws: RealDraws):
    loop = make_loop("fresh_data", n_initial=40, n_real=20, generations=9)
    assert loop.real_images_needed() == N
    check_enough_real_images("digits", N, loop)
    assert len(numbers(draws.at(9, loop))) == 20


def test_augmentation_sees_the_same_images_in_every_generation(draws: RealDraws):
    drawn = [numbers(draws.at(t, AUGMENTATION)) for t in (2, 3, 9)]
    assert drawn[0] == drawn[1] == drawn[2]


def test_augmentation_of_the_size_of_the_first_generation_sees_its_images(draws: RealDraws):
    assert numbers(draws.at(2, AUGMENTATION)) == numbers(draws.initial(AUGMENTATION))


def test_a_smaller_augmentation_is_a_part_of_the_first_generations_images(draws: RealDraws):
    loop = make_loop("synthetic_augmentation", n_initial=40, n_real=15)
    drawn = numbers(draws.at(2, loop))
    assert len(drawn) == 15
    assert set(drawn) <= set(numbers(draws.initial(loop)))


def test_a_generation_is_drawn_the_same_whatever_was_drawn_before(draws: RealDraws):
    later = numbers(draws.at(5, FRESH))
    assert numbers(RealDraws(TRAINING, "digits", 0).at(5, FRESH)) == later


@pytest.mark.parametrize(
    "loop",
    [
        make_loop("fully_synthetic"),
        AUGMENTATION,
        make_loop("synthetic_augmentation", n_initial=40, n_real=15),
        make_loop("synthetic_augmentation", n_initial=40, n_real=70),
        FRESH,
    ],
    ids=["fully synthetic", "augmentation", "smaller augmentation", "larger augmentation", "fresh data"],
)
def test_all_images_of_a_loop_are_those_that_its_generations_see(draws: RealDraws, loop: Loop):
    seen = set(numbers(draws.initial(loop)))
    for t in range(2, loop.generations + 1):
        real = draws.at(t, loop)
        seen |= set(numbers(real) if real is not None else [])
    found = numbers(draws.all(loop))
    assert set(found) == seen
    assert len(found) == len(seen)


def test_labels_to_sample_have_the_frequencies_of_the_training_images():
    labels = sample_labels(TRAINING, "digits", N)
    assert labels is not None
    assert torch.equal(labels.bincount(), torch.arange(N).remainder(7).bincount())


def test_labels_to_sample_are_in_a_random_order():
    labels = sample_labels(TRAINING, "digits", N)
    assert labels is not None
    assert labels.tolist() != TRAINING.labels.tolist()


def test_labels_to_sample_repeat_where_more_are_wanted_than_there_are_training_images():
    labels = sample_labels(TRAINING, "digits", 2 * N + 3)
    assert labels is not None
    assert torch.equal(labels, torch.cat([labels[:N], labels[:N], labels[:3]]))


def test_fewer_labels_to_sample_are_the_first_of_more():
    few, many = sample_labels(TRAINING, "digits", 30), sample_labels(TRAINING, "digits", N)
    assert few is not None
    assert torch.equal(few, many[:30])


def test_a_task_without_labels_has_none_to_sample():
    assert sample_labels(ImageSet(TRAINING.images), "digits", 5) is None


def test_an_images_seed_does_not_depend_on_how_many_there_are():
    assert image_seeds(5, "digits", 1, "sample") == image_seeds(50, "digits", 1, "sample")[:5]


def test_image_seeds_are_all_different():
    seeds = image_seeds(500, "digits", 1, "sample") + image_seeds(500, "digits", 2, "sample")
    assert len(set(seeds)) == 1000


@pytest.mark.parametrize(
    ("kind", "sizes"),
    [
        ("fully_synthetic", {"n_initial": 100}),
        ("synthetic_augmentation", {"n_initial": 10, "n_real": 100}),
        ("fresh_data", {"n_initial": 40, "n_real": 15, "generations": 5}),
    ],
)
def test_a_loop_that_needs_all_images_is_allowed_and_one_image_less_is_not(kind: str, sizes: dict[str, int]):
    loop = make_loop(kind, **sizes)
    check_enough_real_images("digits", 100, loop)
    with pytest.raises(BadInput, match="task 'digits' has 99"):
        check_enough_real_images("digits", 99, loop)


@pytest.mark.parametrize(
    ("sizes", "advice"),
    [
        ({"n_initial": 40, "n_real": 20, "generations": 5}, f"generations to {1 + 60 // 20} or n_real to {60 // 4}"),
        ({"n_initial": 40, "n_real": 70, "generations": 2}, "n_real to 60"),
        ({"n_initial": 40, "n_real": 7, "generations": 50}, f"generations to {1 + 60 // 7} or n_real to {60 // 49}"),
    ],
)
def test_advice_for_fresh_data_gives_the_largest_sizes_that_work(sizes: dict[str, int], advice: str):
    with pytest.raises(BadInput) as caught:
        check_enough_real_images("digits", 100, make_loop("fresh_data", **sizes))
    assert str(caught.value).endswith(f"lower {advice}")


def test_advice_for_fresh_data_is_never_a_value_that_is_not_allowed():
    loop = make_loop("fresh_data", n_initial=95, n_real=1, generations=10)
    with pytest.raises(BadInput) as caught:
        check_enough_real_images("digits", 100, loop)
    advised = [int(number) for number in re.findall(r"to (\d+)", str(caught.value))]
    assert 6 in advised  # generations: G^1 and one for each of the 5 images that are left
    assert 0 not in advised


def test_a_first_generation_larger_than_the_data_is_refused_without_advice_on_what_follows():
    with pytest.raises(BadInput, match=r"n_initial=150 .* needs 230 real images, task 'digits' has 100$"):
        check_enough_real_images("digits", 100, make_loop("fresh_data", n_initial=150))
