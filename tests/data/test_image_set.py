"""Images with their labels."""

import hashlib

import pytest
import torch
from builders import make_images

from bench.data.image_set import ImageSet, concatenate

IMAGES = torch.arange(12, dtype=torch.uint8).view(3, 1, 2, 2)
LABELS = torch.tensor([5, 6, 7])


@pytest.mark.parametrize(
    "images", [IMAGES.float(), IMAGES.long(), IMAGES[0], IMAGES[None]], ids=["float", "int64", "3-d", "5-d"]
)
def test_images_are_uint8_with_four_dimensions(images: torch.Tensor):
    with pytest.raises(ValueError, match=r"images must be uint8 \(n, channels, height, width\)"):
        ImageSet(images)


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
