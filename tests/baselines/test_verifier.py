import pytest
import torch
from builders import RecordingGenerator, make_context, make_loop
from torch import Tensor

from bench.data.image_set import ImageSet
from bench.errors import BadInput
from bench.methods.file import load_method
from bench.methods.method import Context, Method, Setting, check_method

LOOP = make_loop()
# The recording generator draws image i with the grey value i; the embedding looks up a feature for each grey value.
# Real images are those with values from 100 on: class 0 about -1, class 1 about +1, so the border is at 0.
VALUES = torch.arange(100, 104, dtype=torch.uint8)
REAL = ImageSet(VALUES.view(-1, 1, 1, 1).expand(-1, 1, 8, 8), torch.tensor([0, 0, 1, 1]))
REAL_FEATURES = [-1.2, -0.8, 0.8, 1.2]


def context(candidates: list[float], generation: int = 1, n_classes: int = 2) -> Context:
    table = torch.zeros(256, 1)
    table[: len(candidates), 0] = torch.tensor(candidates)
    table[100:104, 0] = torch.tensor(REAL_FEATURES)

    def embed(images: ImageSet) -> Tensor:
        return table[images.images[:, 0, 0, 0].long()]

    real = REAL if generation == 1 else None
    return make_context(LOOP, generation, real, n_classes=n_classes, embed=embed)


def prepared(n_classes: int = 2) -> Method:
    method = load_method("verifier").build()
    method.prepare(RecordingGenerator(), context([], n_classes=n_classes))
    return method


def chosen(method: Method, candidates: list[float], n: int, n_classes: int = 2) -> list[int]:
    images = method.synthesize(RecordingGenerator(), n, context(candidates, 2, n_classes))
    values = images.images[:, 0, 0, 0].tolist()
    assert images.labels.tolist() == [value % n_classes for value in values]
    return values


def test_the_first_images_whose_label_the_verifier_agrees_with_are_taken():
    # Labels are 0 1 0 1 0 1; the verifier says 0 0 1 1 0 1: images 0, 3, 4 and 5 agree, and 3 are wanted.
    assert chosen(prepared(), [-1, -1, 1, 1, -1, 1], 3) == [0, 3, 4]


def test_where_too_few_agree_the_rejected_with_the_most_probable_label_fill_up():
    # Labels are 0 1 0 1 0 1. Only image 4 agrees. Of the rejected, 1 (label 1, feature -0.1) and then 2 (label 0,
    # feature 0.2) lie nearest to the border; 0, 3 and 5 are far on the wrong side.
    assert chosen(prepared(), [2, -0.1, 0.2, -2, -1, -2], 3) == [1, 2, 4]


def test_a_class_without_real_images_is_never_agreed_with():
    # Three classes, of which the real images have two: labels are 0 1 2 0 1 2, and images 2 and 5 cannot agree.
    assert chosen(prepared(3), [-1, 1, 1, -1, 1, -1], 3, n_classes=3) == [0, 1, 3]


def test_the_verifier_is_kept_as_the_methods_state():
    method, resumed = prepared(), load_method("verifier").build()
    assert resumed.state_dict() == {}
    resumed.load_state_dict(method.state_dict())
    candidates = [2, -0.1, 0.2, -2, -1, -2]
    assert chosen(resumed, candidates, 3) == chosen(method, candidates, 3) == [1, 2, 4]


def test_a_task_without_labels_is_refused():
    setting = Setting(LOOP, "ddpm", labelled=False, are_points=False, image_shape=(1, 8, 8))
    with pytest.raises(BadInput, match=r"^method verifier needs labels"):
        check_method("verifier", load_method("verifier").build(), setting)
