"""A hash of what a picture looks like: near copies differ in few of its bits."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image

HASH_SIDE = 8
HASH_INPUT = 32


def perceptual_hash(image: Image.Image) -> str:
    """64-bit DCT hash of a picture as 16 hex digits: near copies differ in few bits.

    The picture as 32 x 32 grey levels, its two-dimensional DCT-II, and of the 8 x 8 lowest
    frequencies the bits of those above their median, row by row.
    """
    grey = image.convert("L").resize((HASH_INPUT, HASH_INPUT), Image.Resampling.LANCZOS)
    basis = _dct_basis()
    low = basis @ np.asarray(grey, np.float64) @ basis.T
    low = low.round(6)  # a flat picture's coefficients are rounding noise, not signs
    bits = (low > np.median(low)).ravel()
    return np.packbits(bits).tobytes().hex()


@lru_cache
def _dct_basis() -> npt.NDArray[np.float64]:
    """First rows of the DCT-II matrix: 2 cos(pi k (2n + 1) / 2N), shape (8, 32)."""
    k = np.arange(HASH_SIDE)[:, None]
    n = np.arange(HASH_INPUT)[None, :]
    return np.asarray(2 * np.cos(np.pi * k * (2 * n + 1) / (2 * HASH_INPUT)))
