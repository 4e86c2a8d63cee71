"""Labels of given images are held against what the task's own classifier reads."""

from dataclasses import replace

import pytest
import torch
from builders import make_images

from bench.cells.task import Task
from bench.data.image_set import ImageSet
from bench.data.real import RealData
from bench.errors import BadInput
from bench.features.label_check import check_labels


def with_labels(data: RealData, labels: torch.Tensor) -> RealData:
    return replace(data, reference=ImageSet(data.reference.images, labels), pinned=False)


def test_right_labels_pass_and_a_tenth_of_wrong_ones_too(digits: Task, digits_data: RealData):
    labels = digits_data.reference.labels
    check_labels(digits, with_labels(digits_data, labels))
    some = torch.where(torch.arange(len(labels)) % 10 == 0, (labels + 1) % 10, labels)
    check_labels(digits, with_labels(digits_data, some))


def test_classes_in_another_order_are_refused(digits: Task, digits_data: RealData):
    # eight, five, four, nine, one, seven, six, three, two, zero: the words in the order of the alphabet.
    order = torch.tensor([9, 4, 8, 7, 2, 1, 6, 5, 0, 3])
    with pytest.raises(BadInput, match=r"^task 'digits': its classifier, .* agrees with 1?\d% of these labels"):
        check_labels(digits, with_labels(digits_data, order[digits_data.reference.labels]))


def test_other_images_are_refused(digits: Task, digits_data: RealData):
    with pytest.raises(BadInput, match="new-task"):
        check_labels(digits, replace(digits_data, reference=make_images(100), pinned=False))


def test_the_pinned_images_are_not_asked_about(digits: Task, digits_data: RealData):
    labels = (digits_data.reference.labels + 1) % 10
    check_labels(digits, replace(with_labels(digits_data, labels), pinned=True))
