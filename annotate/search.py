"""Exact search over float16 embeddings in shards.

Search multiplies blocks of rows in float32, and scores what may be among the best again in float64,
row by row in a fixed order. So neither blocks, shards nor threads change a result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BLOCK = 16_384  # rows of one matrix product
SLACK = 1e-5  # more than the rounding of a float32 product of two unit vectors

Scores = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Shards = Sequence[npt.NDArray[np.float16]]


@dataclass(frozen=True)
class Wanted:
    """What is looked for.

    Attributes:
        queries: float32 (q, dim), rows of unit length.
        k: how many rows for each query; fewer where there are not as many.
        keep: bool (n,), rows to look at; all by default.
    """

    queries: npt.NDArray[np.float32]
    k: int
    keep: npt.NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class GroupHits:
    """The best rows of each group of queries.

    Attributes:
        scores: float64 (groups, k), cosine to the row's best query, best first.
        rows: int64 (groups, k).
        queries: int64 (groups, k), number of that query; the first of equal ones.
    """

    scores: Scores
    rows: Rows
    queries: Rows


def search(
    shards: Shards, content_hashes: npt.NDArray[np.object_], wanted: Wanted
) -> tuple[Scores, Rows]:
    """The best rows for each query, exactly.

    Args:
        shards: float16 (rows, dim) each, rows of unit length.
        content_hashes: object (n,), one for each row of all shards; they order equal scores.
        wanted: queries, how many rows, and which.

    Returns:
        Cosines float64 (q, k), best first, and row numbers int64 (q, k).
    """
    keep = np.ones(len(content_hashes), bool) if wanted.keep is None else wanted.keep
    k = min(wanted.k, int(keep.sum()))
    best = [_Best(k) for _ in wanted.queries]
    first = 0
    for shard in shards if k else []:
        for start in range(0, len(shard), BLOCK):
            rows = np.flatnonzero(keep[first + start : first + min(start + BLOCK, len(shard))])
            scores = shard[start + rows].astype(np.float32) @ wanted.queries.T
            for query, column in zip(best, scores.T, strict=True):
                query.add(first + start + rows, column)
        first += len(shard)
    found = [
        _rescore(shards, content_hashes, query, pool, k)
        for query, pool in zip(wanted.queries, best, strict=True)
    ]
    shape = (len(wanted.queries), k)
    return (
        np.array([scores for scores, _ in found], np.float64).reshape(shape),
        np.array([rows for _, rows in found], np.int64).reshape(shape),
    )


def search_groups(
    shards: Shards,
    content_hashes: npt.NDArray[np.object_],
    wanted: Wanted,
    groups: npt.NDArray[np.int64],
) -> GroupHits:
    """The best rows for each group of queries, by the best score over the group's queries, exactly.

    Args:
        shards: float16 (rows, dim) each, rows of unit length.
        content_hashes: object (n,), one for each row of all shards; they order equal scores.
        wanted: queries, how many rows for each group, and which.
        groups: int64 (q,), the group of each query, numbers from 0; each has a query.
    """
    scores, rows = search(shards, content_hashes, wanted)
    k = rows.shape[1]
    found = []
    for group in range(int(groups.max(initial=-1)) + 1):
        own = np.flatnonzero(groups == group)
        # A group's k best rows are among the k best of the query that they score highest with.
        at, value, query = rows[own].ravel(), scores[own].ravel(), np.repeat(own, k)
        first = np.lexsort((query, -value, at))
        first = first[np.flatnonzero(np.diff(at[first], prepend=-1))]
        order = first[np.lexsort((content_hashes[at[first]].astype(str), -value[first]))][:k]
        found.append((value[order], at[order], query[order]))
    shape = (len(found), k)
    return GroupHits(
        np.array([entry[0] for entry in found], np.float64).reshape(shape),
        np.array([entry[1] for entry in found], np.int64).reshape(shape),
        np.array([entry[2] for entry in found], np.int64).reshape(shape),
    )


def gather(shards: Shards, rows: Rows) -> npt.NDArray[np.float16]:
    """Embeddings of some rows, float16 (len(rows), dim)."""
    starts = np.cumsum([0, *map(len, shards)])
    places = np.searchsorted(starts, rows, side="right") - 1
    return np.stack([shards[s][r - starts[s]] for s, r in zip(places, rows, strict=True)])


def _rescore(
    shards: Shards,
    content_hashes: npt.NDArray[np.object_],
    query: npt.NDArray[np.float32],
    best: _Best,
    k: int,
) -> tuple[Scores, Rows]:
    if not k:
        return np.empty(0), np.empty(0, np.int64)
    rows = best.rows
    # A sum per row, not a matrix product: its order must not depend on the other rows.
    scores = (gather(shards, rows).astype(np.float64) * query.astype(np.float64)).sum(axis=1)
    order = np.lexsort((content_hashes[rows].astype(str), -scores))[:k]
    return scores[order], rows[order]


class _Best:
    """Rows that may be among the k best of one query, collected block by block."""

    def __init__(self, k: int) -> None:
        self.k = k
        self.rows = np.empty(0, np.int64)
        self._scores = np.empty(0, np.float32)
        self._floor = -np.inf

    def add(self, rows: Rows, scores: npt.NDArray[np.float32]) -> None:
        passing = scores >= self._floor
        self.rows = np.concatenate([self.rows, rows[passing]])
        self._scores = np.concatenate([self._scores, scores[passing]])
        if len(self.rows) > self.k:
            self._floor = float(np.partition(self._scores, -self.k)[-self.k]) - SLACK
            staying = self._scores >= self._floor
            self.rows, self._scores = self.rows[staying], self._scores[staying]
