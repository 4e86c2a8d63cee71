"""Image sets as the tensors that a run folder keeps."""

from collections.abc import Mapping

from torch import Tensor

from bench.data.image_set import ImageSet


def image_tensors(images: ImageSet) -> dict[str, Tensor]:
    """Return an image set as the tensors that are saved."""
    return {"images": images.images} | ({} if images.labels is None else {"labels": images.labels})


def image_set(tensors: Mapping[str, Tensor]) -> ImageSet:
    """Return the image set that `image_tensors` made these tensors from.

    Raises:
        ValueError: they are no image set's.
    """
    if "images" not in tensors:
        raise ValueError("there are no images in it")
    return ImageSet(tensors["images"], tensors.get("labels"))
