import pytest
import torch
from builders import RecordingGenerator, make_context, make_loop
from torch import Tensor

from bench.data.image_set import ImageSet
from bench.errors import BadInput, RunFailed
from bench.methods.file import load_method
from bench.methods.method import Context, Method, Setting, check_method

LOOP = make_loop()


class Drawer(RecordingGenerator):
    """Stands for a generator whose image with seed i is a given point."""

    def __init__(self, drawn: Tensor) -> None:
        super().__init__()
        self.drawn = drawn

    def sample(self, labels: Tensor | None, seeds: list[int], *arguments: object) -> ImageSet:
        return ImageSet(self.drawn[torch.tensor(seeds)], labels)


def context(generation: int, real: Tensor | None = None) -> Context:
    return make_context(LOOP, generation, None if real is None else ImageSet(real), n_classes=None)


def prepared(real: Tensor, parameters: str) -> Method:
    method = load_method(f"moment_matching:{parameters}").build()
    method.prepare(RecordingGenerator(), context(1, real))
    return method


def chosen(method: Method, drawn: Tensor, n: int) -> Tensor:
    return method.synthesize(Drawer(drawn), n, context(2)).images


def column(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float32).view(-1, 1)


def test_each_choice_brings_mean_and_variance_closest_to_the_real_ones():
    # Real images 3 and 7: mean 5, standard deviation 2, and the target of (mean, second moment) is (0, 1).
    # The candidates 1, 7, 9, 3 are -2, 1, 2, -1 when whitened, and (x, x^2) = (-2, 4), (1, 1), (2, 4), (-1, 1).
    # 7 and 3 are nearest to the target, and together they are at it.
    method = prepared(column(3, 7), "candidates=2")
    assert chosen(method, column(1, 7, 9, 3), 2).flatten().tolist() == [7, 3]
    # 6.25, 4, 2, 8.5 are 0.625, -0.5, -1.5, 1.75. First 6.25, (0.625, 0.39), at a squared distance of 0.39 + 0.37 =
    # 0.76 (4 is at 0.25 + 0.56 = 0.81). Then the means of two: with 4 (0.06, 0.32) at 0.47, with 2 (-0.44, 1.32) at
    # 0.29, with 8.5 (1.19, 1.73) at 1.94. So 6.25 and 2, though 4 alone is nearer to the target than 2 alone.
    assert chosen(method, column(6.25, 4, 2, 8.5), 2).flatten().tolist() == [6.25, 2]
    # Where n of n candidates are chosen, all are.
    assert chosen(prepared(column(3, 7), "candidates=1"), column(5, 7, 9, 3), 4).flatten().tolist() == [5, 7, 9, 3]


def test_the_correlation_is_matched_too():
    # Real: the four corners (+-1, +-1), mean 0, covariance I. The first candidates lie on the diagonal: mean 0 and
    # variances 1 as well, but covariance 1. Only with the two corners off the diagonal are all moments the real ones.
    corners = torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])
    diagonal = torch.tensor([[1.0, 1], [-1, -1], [1, 1], [-1, -1]])
    others = torch.tensor([[1.0, -1], [-1, 1], [2, 2], [-2, -2]])
    found = chosen(prepared(corners, "candidates=2"), torch.cat([diagonal, others]), 4)
    torch.testing.assert_close(found.mean(0), torch.zeros(2))
    torch.testing.assert_close(found.T @ found / 4, torch.eye(2))


@pytest.mark.parametrize("n", [300, 2000])
def test_moments_of_the_chosen_are_far_closer_than_those_of_the_first_n(n: int):
    # Candidates as a collapsed generator makes them: shifted, and narrower in one direction. 2,000 need two blocks.
    random = torch.Generator().manual_seed(0)
    shape = torch.tensor([[2.0, 1, 0], [0, 1, 0], [0, 0, 0.5]])
    real = torch.randn(4000, 3, generator=random) @ shape + 4
    drawn = torch.randn(4 * n, 3, generator=random) @ (shape * torch.tensor([0.7, 1, 1])) + 4.2
    found = chosen(prepared(real, "candidates=4"), drawn, n)
    assert found.shape == (n, 3)
    for statistic in (lambda x: x.mean(0), lambda x: x.T.cov()):
        far, near = ((statistic(x) - statistic(real)).norm() for x in (drawn[:n], found))
        assert near < far / 10


def test_only_the_first_components_are_matched():
    # The spread in the second direction is a tenth, so with one component it plays no part: the candidates' second
    # coordinates are far off, and the choice is the one that the first coordinate asks for.
    real = torch.tensor([[1.0, 0.1], [-1, -0.1], [1, -0.1], [-1, 0.1]])
    drawn = torch.tensor([[1.0, 50], [3, 0], [-1, 70], [-3, 0]])
    assert chosen(prepared(real, "candidates=2:components=1"), drawn, 2)[:, 1].tolist() == [50, 70]


def test_real_moments_are_kept_as_the_methods_state():
    method, resumed = prepared(column(3, 7), "candidates=2"), load_method("moment_matching:candidates=2").build()
    assert resumed.state_dict() == {}
    resumed.load_state_dict(method.state_dict())
    assert {name: tensor.flatten().abs().tolist() for name, tensor in method.state_dict().items()} == {
        "mean": [5],
        "whitening": [0.5],
    }
    drawn = column(6.25, 4, 2, 8.5)
    assert chosen(resumed, drawn, 2).flatten().tolist() == chosen(method, drawn, 2).flatten().tolist() == [6.25, 2]


def test_real_images_without_spread_are_refused():
    with pytest.raises(RunFailed, match=r"^moment matching needs real images that differ in the embedding"):
        prepared(column(3, 3), "candidates=2")
    setting = Setting(make_loop(n_initial=1), "ddpm", labelled=True, are_points=False, image_shape=(1, 8, 8))
    with pytest.raises(
        BadInput, match=r"^method moment_matching needs at least 2 real images in generation 1, found 1$"
    ):
        check_method("moment_matching", load_method("moment_matching").build(), setting)
