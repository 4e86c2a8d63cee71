"""The resize that feature networks see: antialiased, in floating point, on the device.

It is that of clean-fid (Parmar et al. 2022): Pillow's bicubic filter applied to each channel in float, clipped to the
range of pixels and not rounded. Filters without antialiasing change FID by more than methods do.
"""

from torch import Tensor
from torch.nn import functional as F


def resize(images: Tensor, size: int) -> Tensor:
    """Return float32 (n, channels, size, size) in [0, 255] of uint8 (n, channels, height, width) images."""
    values = images.float()
    if values.shape[2:] == (size, size):
        return values
    return F.interpolate(values, (size, size), mode="bicubic", antialias=True, align_corners=False).clamp_(0, 255)
