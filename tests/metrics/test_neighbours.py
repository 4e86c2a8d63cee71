"""Nearest neighbours, against all distances from float64 differences."""

import pytest
import torch
from torch import Tensor

from bench.metrics import neighbours
from bench.metrics.neighbours import kth_neighbours, nearest_neighbours, squared_norms


def normal(n: int, d: int, seed: int) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def lattice(n: int, d: int, seed: int) -> Tensor:
    return torch.randint(0, 3, (n, d), generator=torch.Generator().manual_seed(seed)).float()


def all_distances(a: Tensor, b: Tensor) -> Tensor:
    """Return all squared distances, float64 (n, m)."""
    return (a.double()[:, None] - b.double()).square().sum(2)


def kth(points: Tensor, k: int) -> Tensor:
    return kth_neighbours(points, squared_norms(points), k)


def nearest(points: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    return nearest_neighbours(points, squared_norms(points), others, squared_norms(others))


def expected_kth(points: Tensor, k: int) -> Tensor:
    return all_distances(points, points).fill_diagonal_(torch.inf).sort(1).values[:, k - 1]


SETS = {
    "normal": (normal(150, 8, 0), normal(130, 8, 1)),
    "one dimension": (normal(150, 1, 0), normal(130, 1, 1)),
    "many dimensions": (normal(40, 500, 0), normal(60, 500, 1)),
    "far from the origin": (normal(150, 8, 0) * 0.1 + 1e3, normal(130, 8, 1) * 0.1 + 1e3),
    "very far": (normal(150, 8, 0) + 1e5, normal(130, 8, 1) + 1e5),
    "near and far": (normal(150, 8, 0), torch.cat([normal(100, 8, 1), normal(30, 8, 2) * 1e4])),
    "duplicates": (torch.cat([normal(30, 8, 0)] * 5), torch.cat([normal(30, 8, 0)] * 4)),
    "lattice": (lattice(150, 3, 0), lattice(130, 3, 1)),
    "few": (normal(7, 8, 0), normal(2, 8, 1)),
    "fewest": (normal(6, 8, 0), normal(1, 8, 1)),
}
each_set = pytest.mark.parametrize("sets", SETS.values(), ids=SETS)


@each_set
@pytest.mark.parametrize("k", [1, 3, 5])
def test_distances_to_the_kth_neighbour_are_exact(sets: tuple[Tensor, Tensor], k: int):
    assert torch.equal(kth(sets[0], k), expected_kth(sets[0], k))


@each_set
def test_distances_to_the_nearest_of_others_are_exact(sets: tuple[Tensor, Tensor]):
    expected = all_distances(*sets).amin(1)
    distances, indices = nearest(*sets)
    assert torch.equal(distances, expected)
    assert torch.equal((sets[0].double() - sets[1][indices].double()).square().sum(1), expected)


@pytest.mark.parametrize("name", ["normal", "far from the origin", "duplicates", "lattice"])
@pytest.mark.parametrize("block", [1, 7, 149, 150])
def test_the_size_of_a_block_does_not_matter(monkeypatch: pytest.MonkeyPatch, name: str, block: int):
    points, others = SETS[name]
    monkeypatch.setattr(neighbours, "BLOCK", block)
    assert torch.equal(kth(points, 4), expected_kth(points, 4))
    assert torch.equal(nearest(points, others)[0], all_distances(points, others).amin(1))


@pytest.mark.parametrize("pairs", [1, 10])
def test_the_number_of_pairs_held_in_float64_does_not_matter(monkeypatch: pytest.MonkeyPatch, pairs: int):
    points, others = SETS["far from the origin"]
    monkeypatch.setattr(neighbours, "EXACT_PAIRS", pairs)
    assert torch.equal(kth(points, 4), expected_kth(points, 4))
    assert torch.equal(nearest(points, others)[0], all_distances(points, others).amin(1))


def test_neighbours_that_float32_products_would_miss_are_found():
    points, others = normal(100, 8, 0) * 0.1 + 1e4, normal(200, 8, 1) * 0.1 + 1e4
    products = squared_norms(points)[:, None] - 2 * points @ others.T + squared_norms(others)
    expected = all_distances(points, others).argmin(1)
    first_ten = products.argsort(1)[:, :10]
    missed = (first_ten != expected[:, None]).all(1)
    assert missed.sum() > 50  # the products are mostly noise here
    assert torch.equal(nearest(points, others)[1], expected)


def test_float64_is_only_needed_where_float32_is_in_doubt(monkeypatch: pytest.MonkeyPatch):
    looked_at = []

    def look(points: Tensor, norms: Tensor, others: Tensor) -> Tensor:
        looked_at.append(len(points))
        return all_distances(points, others)

    monkeypatch.setattr(neighbours, "_double_distances", look)
    points = normal(500, 8, 0)
    assert torch.equal(kth(points, 3), expected_kth(points, 3))
    assert sum(looked_at) == 0
    assert torch.equal(kth(points + 1e3, 3), expected_kth(points + 1e3, 3))
    assert sum(looked_at) > 250


@pytest.mark.parametrize("at", [[1, 3], [0, 2, 4]])
def test_of_equally_near_ones_the_first_is_the_nearest(at: list[int]):
    others = torch.full((5, 2), 9.0)
    others[at] = torch.tensor([[3.0, 4.0], [-5.0, 0.0], [0.0, 5.0]])[: len(at)]
    distances, indices = nearest(torch.zeros(1, 2), others)
    assert (distances.item(), indices.item()) == (25, at[0])


def test_a_duplicate_is_a_neighbour_at_distance_zero():
    points = torch.tensor([[0.3, 1e4], [7.0, 7.0], [0.3, 1e4]])
    assert kth(points, 1).tolist()[::2] == [0, 0]
    assert nearest(points[:1], points[1:])[1].tolist() == [1]
