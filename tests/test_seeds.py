"""Seeds derived from coordinates."""

import pytest
import torch

from bench.seeds import derive_generator, derive_seed, draw_weights


def test_seed_is_the_first_63_bits_of_the_sha256_of_the_coordinates_as_json():
    # printf '["digits", 3, "fit"]' | sha256sum, the first 16 hexadecimal digits, without the last bit
    assert derive_seed("digits", 3, "fit") == 0xE8A878FDE6DB8B56 >> 1


def test_seeds_are_valid_for_a_torch_generator():
    assert all(0 <= derive_seed("task", i) < 2**63 for i in range(1000))


@pytest.mark.parametrize(
    "other",
    [("b", "a", 1), ("a", "b", 2), ("a", "b", "1"), ("ab", 1), ("a", "b"), ("a", "b", 1, "")],
    ids=["order", "number", "word for number", "joined", "shorter", "longer"],
)
def test_other_coordinates_give_another_seed(other: tuple[str | int, ...]):
    assert derive_seed(*other) != derive_seed("a", "b", 1)


def test_generators_at_the_same_coordinates_draw_the_same_numbers():
    first, second = (torch.randn(5, generator=derive_generator("digits", 1)) for _ in range(2))
    assert torch.equal(first, second)


def test_generators_at_other_coordinates_draw_other_numbers():
    first, second = (torch.randn(5, generator=derive_generator("digits", seed)) for seed in (1, 2))
    assert not torch.equal(first, second)


def test_deriving_a_generator_leaves_the_global_random_state_alone():
    before = torch.get_rng_state()
    torch.randn(3, generator=derive_generator("digits", 1))
    assert torch.equal(torch.get_rng_state(), before)


def drawn(seed: int) -> torch.Tensor:
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.GroupNorm(2, 4))
    torch.nn.init.constant_(network[1].weight, 7.0)
    draw_weights(network, seed)
    return torch.nn.utils.parameters_to_vector(network.parameters())


def test_weights_are_drawn_by_the_seed_alone():
    assert torch.equal(drawn(1), drawn(1))
    assert not torch.equal(drawn(1), drawn(2))


def test_weights_that_are_not_random_start_anew_too():
    assert drawn(1)[-8:].tolist() == [1] * 4 + [0] * 4


def test_weights_do_not_depend_on_the_layout_that_they_are_kept_in():
    networks = [
        torch.nn.Conv2d(4, 4, 3).to(memory_format=layout) for layout in (torch.contiguous_format, torch.channels_last)
    ]
    for network in networks:
        draw_weights(network, 1)
    assert torch.equal(networks[0].weight, networks[1].weight)
    assert networks[1].weight.is_contiguous(memory_format=torch.channels_last)


def test_drawing_weights_leaves_the_global_random_state_alone():
    network = torch.nn.Linear(3, 4)
    before = torch.get_rng_state()
    draw_weights(network, 1)
    assert torch.equal(torch.get_rng_state(), before)
