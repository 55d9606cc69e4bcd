"""Files as the model's pixels by the fastest way that gives Pillow's.

Pillow decodes, so what is refused, and for which reason, is :mod:`annotate.images.decoding`'s
matter alone. The resize, more than half of the time, is torch's of bytes: five times faster, with
weights rounded to 16 bits. Of the numbers of a photo a few in a thousand are one level off, a few
in a million two.

torch makes the horizontal pass first, and so does Pillow for all but tall pictures, where it
depends on the size and on Pillow's version. As each pass rounds and clips, the order shows (up to
ten levels), so tall pictures are left to Pillow.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image

from annotate.images.decoding import decode, squash


def pixels_of(
    data: bytes, size: int, *, max_pixels: int, resize: str = "squash"
) -> npt.NDArray[np.uint8]:
    """Decode a file and squash it, as ``squash(decode(data), size)`` does, faster.

    Args:
        data: the whole file, of any kind.
        size: side of the square, pixels.
        max_pixels: a picture with more is refused before it is decoded.
        resize: ``squash``, or ``crop``: the largest square in the middle, which loses both ends.

    Returns:
        uint8 (3, size, size), RGB, upright.

    Raises:
        ImageError: not a picture, cut short, damaged or too large.
    """
    image = decode(data, max_pixels=max_pixels)
    return squash_fast(middle(image) if resize == "crop" else image, size)


def middle(image: Image.Image) -> Image.Image:
    """The largest square in the middle of a picture."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))


def squash_fast(image: Image.Image, size: int) -> npt.NDArray[np.uint8]:
    """Resize RGB as :func:`annotate.images.decoding.squash` does: uint8 (3, size, size)."""
    if image.height > image.width:
        return squash(image, size)
    rows = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None]
    squashed = F.interpolate(rows, (size, size), mode="bicubic", antialias=True)
    return np.ascontiguousarray(squashed[0].numpy())


def use_one_thread() -> None:
    """For a process that is one of many: torch would use as many threads as there are cores."""
    torch.set_num_threads(1)
