"""Images with their labels."""

import hashlib
import struct

import pytest
import torch
from builders import make_images

from bench.data.image_set import ImageSet, concatenate

IMAGES = torch.arange(12, dtype=torch.uint8).view(3, 1, 2, 2)
LABELS = torch.tensor([5, 6, 7])


POINTS = torch.tensor([[0.5, -1.0], [2.0, 3.0], [4.0, 1e9]])


@pytest.mark.parametrize(
    "images",
    [IMAGES.float(), IMAGES.long(), IMAGES[0], IMAGES[None], IMAGES[0, 0], POINTS.double(), POINTS[0]],
    ids=["float", "int64", "3-d", "5-d", "uint8 points", "float64 points", "one point"],
)
def test_images_are_uint8_with_four_dimensions_or_points_float32_with_two(images: torch.Tensor):
    with pytest.raises(ValueError, match=r"uint8 \(n, channels, height, width\) or float32 \(n, d\), found"):
        ImageSet(images)


def test_points_are_chosen_and_joined_as_images_are():
    points = ImageSet(POINTS, LABELS)
    joined = concatenate([points[2:], points[torch.tensor([0, 1])]])
    assert torch.equal(joined.images, POINTS[[2, 0, 1]])
    assert joined.labels.tolist() == [7, 5, 6]


def test_hash_of_points_is_of_shape_and_bytes():
    content = b"".join(struct.pack("<f", value) for value in (0.5, -1, 2, 3, 4, 1e9))
    assert ImageSet(POINTS).sha256 == hashlib.sha256(b"(3, 2)" + content).hexdigest()


@pytest.mark.parametrize("labels", [LABELS.int(), LABELS.float(), LABELS[:2], LABELS[:, None]])
def test_labels_are_int64_one_for_each_image(labels: torch.Tensor):
    with pytest.raises(ValueError, match=r"labels must be int64 \(3,\)"):
        ImageSet(IMAGES, labels)


@pytest.mark.parametrize("index", [slice(1, 3), torch.tensor([1, 2]), torch.tensor([False, True, True])])
def test_slices_indices_and_masks_choose_images_with_their_labels(index: slice | torch.Tensor):
    chosen = ImageSet(IMAGES, LABELS)[index]
    assert torch.equal(chosen.images, IMAGES[1:])
    assert chosen.labels is not None
    assert chosen.labels.tolist() == [6, 7]


def test_hash_is_of_shape_image_bytes_and_label_bytes():
    labels = b"".join(value.to_bytes(8, "little") for value in (5, 6, 7))
    expected = hashlib.sha256(b"(3, 1, 2, 2)" + bytes(range(12)) + labels).hexdigest()
    assert ImageSet(IMAGES, LABELS).sha256 == expected


def test_hash_is_of_the_content_and_not_of_the_layout_in_memory():
    turned = IMAGES.permute(0, 1, 3, 2).contiguous().permute(0, 1, 3, 2)
    assert not turned.is_contiguous()
    assert ImageSet(turned).sha256 == ImageSet(IMAGES).sha256


@pytest.mark.parametrize(
    "other",
    [
        ImageSet(IMAGES.view(3, 1, 4, 1), LABELS),
        ImageSet(IMAGES + 1, LABELS),
        ImageSet(IMAGES, LABELS + 1),
        ImageSet(IMAGES),
        ImageSet(IMAGES, LABELS)[torch.tensor([1, 0, 2])],
    ],
    ids=["shape", "images", "labels", "no labels", "order"],
)
def test_hash_changes_with(other: ImageSet):
    assert other.sha256 != ImageSet(IMAGES, LABELS).sha256


def test_concatenation_keeps_the_order():
    joined = concatenate([ImageSet(IMAGES[2:], LABELS[2:]), ImageSet(IMAGES[:2], LABELS[:2])])
    assert joined.sha256 == ImageSet(IMAGES, LABELS)[torch.tensor([2, 0, 1])].sha256


def test_sets_with_and_without_labels_cannot_be_joined():
    with pytest.raises(ValueError, match="either all image sets have labels or none"):
        concatenate([make_images(2), make_images(2, n_classes=None)])
