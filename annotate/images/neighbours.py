"""Near-duplicates by perceptual hash, and the groups that pairs of images make."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from annotate.errors import InputError

Indices = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

HASH_BITS = 64
MOST_BITS = 15
_SMALL = 256  # buckets of fewer hashes are compared many at a time
_BLOCK = 2048  # rows compared at a time; 2048 x 2048 distances take 4 MB


def near_duplicates(hashes: Sequence[str | None], bits: int) -> tuple[Indices, Indices]:
    """Pairs of images whose hashes differ in at most ``bits`` bits.

    Hashes that differ in at most b bits agree in one of b + 1 bands of bits at least, so only those
    that share a band are compared: exact, and far from all pairs. Equal hashes are compared once.

    Args:
        hashes: (N,), 16 hex digits each; one that is missing or not a hash has no neighbours.
        bits: 0 to 15.

    Returns:
        First and second of each pair, (P,) each: enough pairs to connect all near-duplicates, not
        every pair of a cluster of equal hashes.

    Raises:
        InputError: ``bits`` out of its range.
    """
    if not 0 <= bits <= MOST_BITS:
        raise InputError(
            f"near_duplicate_bits is {bits}; set 0 to {MOST_BITS} of the {HASH_BITS} bits."
        )
    valid = np.array([at for at, text in enumerate(hashes) if _is_hash(text)], np.int64)
    values = np.array([int(str(hashes[at]), 16) for at in valid], np.uint64)
    unique, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    equal = (valid[first][inverse], valid)
    pairs = [equal, *((valid[first][a], valid[first][b]) for a, b in _close(unique, bits))]
    return np.concatenate([a for a, _ in pairs]), np.concatenate([b for _, b in pairs])


def _is_hash(text: str | None) -> bool:
    return isinstance(text, str) and len(text) == 16 and not set(text) - set("0123456789abcdef")


def _close(unique: Hashes, bits: int) -> Iterator[tuple[Indices, Indices]]:
    edges = np.linspace(0, HASH_BITS, bits + 2).astype(np.uint64)
    for low, high in pairwise(edges):
        width = int(high - low)
        mask = np.uint64((1 << width) - 1)
        band = (unique >> low) & mask if bits else unique
        order = np.argsort(band, kind="stable")
        starts = np.flatnonzero(np.diff(band[order], prepend=band[order][:1] ^ np.uint64(1)))
        sizes = np.diff(starts, append=len(order))
        ends = np.repeat(starts + np.where(sizes < _SMALL, sizes, 0), sizes)
        yield from _compare_small(unique, order, ends, bits)
        for at in np.flatnonzero(sizes >= _SMALL):
            yield from _compare(unique, order[starts[at] : starts[at] + sizes[at]], bits)


def _compare_small(
    unique: Hashes, order: Indices, ends: Indices, bits: int
) -> Iterator[tuple[Indices, Indices]]:
    """Pairs within many buckets at once: each hash with the next of its bucket, the second next...

    Args:
        unique: the hashes.
        order: positions in ``unique``, bucket by bucket, rising within each.
        ends: where in ``order`` the bucket of each ends; before itself: it is not compared here.
        bits: how near.
    """
    step = 1
    left = np.flatnonzero(np.arange(len(order)) + step < ends)
    while len(left):
        a, b = order[left], order[left + step]
        near = np.bitwise_count(unique[a] ^ unique[b]) <= bits
        yield a[near], b[near]
        step += 1
        left = left[left + step < ends[left]]


def _compare(unique: Hashes, bucket: Indices, bits: int) -> Iterator[tuple[Indices, Indices]]:
    for top in range(0, len(bucket), _BLOCK):
        rows = bucket[top : top + _BLOCK]
        for left in range(top, len(bucket), _BLOCK):
            columns = bucket[left : left + _BLOCK]
            distance = np.bitwise_count(unique[rows][:, None] ^ unique[columns][None, :])
            a, b = np.nonzero(distance <= bits)
            distinct = rows[a] < columns[b]
            yield rows[a[distinct]], columns[b[distinct]]


def components(count: int, pairs: tuple[Indices, Indices]) -> Indices:
    """Number every item by the smallest item that it is connected to.

    Args:
        count: items, 0 to count - 1.
        pairs: first and second of each edge, (P,) each.

    Returns:
        (count,).

    >>> components(5, (np.array([3, 1]), np.array([1, 4]))).tolist()
    [0, 1, 2, 1, 1]
    """
    first, second = pairs
    root = np.arange(count)
    while True:
        # Hang the larger root of each edge below the smaller one, then let all point to their root.
        low = np.minimum(root[first], root[second])
        merged = root.copy()
        np.minimum.at(merged, root[first], low)
        np.minimum.at(merged, root[second], low)
        while not np.array_equal(merged, merged[merged]):
            merged = merged[merged]
        if np.array_equal(merged, root):
            return root
        root = merged


def same_value(values: Sequence[str | None]) -> tuple[Indices, Indices]:
    """Pairs that connect items of equal value; a missing value connects nothing.

    >>> [side.tolist() for side in same_value(["a", None, "a", None, "b"])]
    [[0, 0, 4], [0, 2, 4]]
    """
    first: dict[str, int] = {}
    known = [(at, value) for at, value in enumerate(values) if isinstance(value, str) and value]
    pairs = [(first.setdefault(value, at), at) for at, value in known]
    table = np.array(pairs, np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]
