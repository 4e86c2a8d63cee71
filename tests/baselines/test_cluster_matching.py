import pytest
import torch
from builders import RecordingGenerator, make_context, make_loop
from torch import Tensor

from bench.data.image_set import ImageSet
from bench.errors import BadInput
from bench.methods.file import load_method
from bench.methods.method import Context, Method, Setting, check_method

LOOP = make_loop()
# Three clusters of real images, about 0, 100 and 200, with the masses 1/2, 3/8 and 1/8.
REAL = [-1, 0, 0, 1, 99, 100, 101, 200]


class Drawer(RecordingGenerator):
    """Stands for a generator whose image with seed i is a given point."""

    def __init__(self, drawn: list[float]) -> None:
        super().__init__()
        self.drawn = torch.tensor(drawn, dtype=torch.float32).view(-1, 1)

    def sample(self, labels: Tensor | None, seeds: list[int], *arguments: object) -> ImageSet:
        return ImageSet(self.drawn[torch.tensor(seeds)], labels)


def context(generation: int) -> Context:
    real = ImageSet(torch.tensor(REAL, dtype=torch.float32).view(-1, 1)) if generation == 1 else None
    return make_context(LOOP, generation, real, n_classes=None)


def prepared(parameters: str = "clusters=3:candidates=2") -> Method:
    method = load_method(f"cluster_matching:{parameters}").build()
    method.prepare(RecordingGenerator(), context(1))
    return method


def chosen(method: Method, drawn: list[float], n: int) -> list[float]:
    return method.synthesize(Drawer(drawn), n, context(2)).images.flatten().tolist()


def test_centres_and_masses_are_those_of_the_real_images():
    state = prepared().state_dict()
    order = state["centres"].flatten().argsort()
    assert state["centres"].flatten()[order].tolist() == [0, 100, 200]
    assert state["masses"][order].tolist() == [4 / 8, 3 / 8, 1 / 8]


def test_each_cluster_gives_its_mass_of_the_n_images_the_first_candidates_in_their_order():
    # n = 8: quotas 4, 3, 1. Of 16 candidates there are 7 about 0, 5 about 100 and 4 about 200.
    drawn = [201, 202, 1, 2, 101, 3, 102, 4, 203, 5, 103, 6, 104, 7, 105, 204]
    assert chosen(prepared(), drawn, 8) == [201, 1, 2, 101, 3, 102, 4, 103]


def test_quotas_are_rounded_by_the_largest_remainders():
    # n = 5: masses x 5 are 2.5, 1.875 and 0.625, floors 2, 1 and 0; the 2 left go to remainders .875 and .625.
    drawn = [1, 2, 3, 4, 101, 102, 103, 201, 202, 203]
    assert chosen(prepared(), drawn, 5) == [1, 2, 101, 102, 201]


def test_a_cluster_with_too_few_candidates_is_filled_up_from_the_remaining_ones_in_order():
    # Quotas 4, 3, 1, but one candidate about 100 and none about 200: 4 + 1 are taken, and of the others the first 3.
    drawn = [1, 2, 3, 4, 5, 101, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
    assert chosen(prepared(), drawn, 8) == [1, 2, 3, 4, 5, 101, 6, 7]


def test_the_clusters_are_kept_as_the_methods_state():
    method, resumed = prepared(), load_method("cluster_matching:clusters=3:candidates=2").build()
    assert resumed.state_dict() == {}
    resumed.load_state_dict(method.state_dict())
    drawn = [1, 2, 3, 4, 101, 102, 103, 201, 202, 203]
    assert chosen(resumed, drawn, 5) == chosen(method, drawn, 5) == [1, 2, 101, 102, 201]


def test_more_clusters_than_real_images_are_refused():
    setting = Setting(make_loop(n_initial=19), "ddpm", labelled=True, are_points=False, image_shape=(1, 8, 8))
    with pytest.raises(BadInput, match=r"needs as many real images in generation 1 as clusters=20, found 19$"):
        check_method("cluster_matching", load_method("cluster_matching").build(), setting)
