"""Near copies kept once, before anything is drawn: by perceptual hash and by embedding.

Both walk down a list and keep what is near nothing that is kept already (the lexicographically
first maximal independent set of the graph of near pairs). So no two kept pictures are near copies,
every other one is a near copy of a kept one, and a chain of ever so slightly differing pictures
does not swallow its far end, as connected components would.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.errors import InputError
from annotate.images.neighbours import near_duplicates

BLOCK = 512  # vectors that are compared with those kept before them at a time
CHUNK = 16_384  # kept vectors of one matrix product
SLACK = 1e-5  # more than the rounding of a float32 product of two unit vectors

Mask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float16] | npt.NDArray[np.float32]


def keep_first(count: int, pairs: tuple[Indices, Indices], taken: int = 0) -> Mask:
    """Walk down a list and keep each item that is near no kept one before it.

    Found in rounds: items that wait for no earlier one are kept, their neighbours go. That takes
    about log(count) rounds where order and nearness have nothing to do with each other (Blelloch,
    Fineman and Shun, "Greedy sequential maximal independent set and matching are parallel on
    average", SPAA 2012).

    Args:
        count: items, 0 to count - 1.
        pairs: first and second of each pair of near items, (P,) each, in any order.
        taken: the first so many are kept, whatever they are near to.

    Returns:
        bool (count,).

    >>> chain = np.array([0, 1, 2]), np.array([1, 2, 3])
    >>> keep_first(4, chain).tolist()
    [True, False, True, False]
    """
    low, high = np.minimum(*pairs), np.maximum(*pairs)
    gone = np.zeros(count, bool)
    gone[high[low < taken]] = True
    gone[:taken] = False
    open_pairs = (low != high) & (low >= taken) & ~gone[low] & ~gone[high]
    low, high = low[open_pairs], high[open_pairs]
    while len(low):
        waiting = np.zeros(count, bool)
        waiting[high] = True
        leads = ~waiting[low]
        gone[high[leads]] = True
        still = ~leads & ~gone[low] & ~gone[high]
        low, high = low[still], high[still]
    return ~gone


def distinct_hashes(hashes: Sequence[str | None], bits: int, taken: int = 0) -> Mask:
    """Which pictures of a list to keep, so that no two perceptual hashes are near.

    Args:
        hashes: (N,), 16 hex digits each; a missing one is near to none.
        bits: hashes that differ in at most so many bits are near.
        taken: the first so many were kept before this list was made, and stay.

    Returns:
        bool (N,).
    """
    codes, unique = pd.factorize(np.asarray(hashes, object))  # numbered as they first appear
    first = np.full(len(unique), len(codes))
    np.minimum.at(first, codes[codes >= 0], np.flatnonzero(codes >= 0))
    old = int(np.max(codes[:taken], initial=-1)) + 1
    kept = keep_first(len(unique), near_duplicates(unique.tolist(), bits), old)
    leads = np.zeros(len(codes), bool)
    leads[first[kept]] = True
    leads[codes < 0] = True
    leads[:taken] = True
    return leads


def check_cosine(cosine: float) -> None:
    """Refuse a setting that makes everything a near copy.

    Raises:
        InputError: not above 0.
    """
    if not cosine > 0:
        raise InputError(
            f"near_cosine is {cosine}; set the cosine from which two pictures count as one, such "
            "as 0.97, or more than 1 for none."
        )


def distinct_vectors(vectors: Vectors, cosine: float, taken: Vectors | None = None) -> Mask:
    """Which pictures of a list to keep, so that no two embeddings are near.

    Products are float32; what is as close to the bound as rounding may be is decided in float64,
    so threads do not change the result.

    Args:
        vectors: (N, dim), rows of unit length, in the order in which they are preferred.
        cosine: from this on two are near.
        taken: (M, dim), kept before this list was made.

    Returns:
        bool (N,).
    """
    old = np.empty((0, vectors.shape[1]), np.float32) if taken is None else taken
    kept = np.empty((len(old) + len(vectors), vectors.shape[1]), np.float32)
    kept[: len(old)] = old
    count = len(old)
    result = np.zeros(len(vectors), bool)
    for start in range(0, len(vectors), BLOCK):
        block = vectors[start : start + BLOCK].astype(np.float32)
        fresh = np.flatnonzero(~_near_any(block, kept[:count], cosine))
        block = block[fresh]
        inside = keep_first(len(block), _near_pairs(block, cosine))
        block = block[inside]
        kept[count : count + len(block)] = block
        count += len(block)
        result[start + fresh[inside]] = True
    return result


def _near_any(block: Vectors, others: Vectors, cosine: float) -> Mask:
    near = np.zeros(len(block), bool)
    for start in range(0, len(others), CHUNK):
        chunk = others[start : start + CHUNK]
        best = block @ chunk.T
        near |= (best >= cosine + SLACK).any(axis=1)
        rows, columns = np.nonzero((best >= cosine - SLACK) & ~near[:, None])
        near[rows[_reaches(block[rows], chunk[columns], cosine)]] = True
    return near


def _near_pairs(block: Vectors, cosine: float) -> tuple[Indices, Indices]:
    rows, columns = np.nonzero(np.triu(block @ block.T >= cosine - SLACK, 1))
    near = _reaches(block[rows], block[columns], cosine)
    return rows[near], columns[near]


def _reaches(a: Vectors, b: Vectors, cosine: float) -> Mask:
    # A sum per pair, not a matrix product: its order must not depend on the other pairs.
    return np.asarray((a.astype(np.float64) * b.astype(np.float64)).sum(axis=1) >= cosine)


def all_near(size: int, cosine: float) -> str:
    """Why nothing is left of a pool of so many images."""
    return (
        f"nothing is left to draw: all {size:,} images of the pool are near copies (cosine of "
        f"{cosine} or more) of images that were drawn before. Raise near_cosine under [mine] in "
        "mumic.toml, or add images to the catalogue."
    )
