"""Exact search over float16 embeddings in shards.

Threads multiply blocks of rows with all queries in float32. A score that may still be among the
best enters a pool, and the pool's k-th best score, less the largest rounding error, is the floor
for the blocks after. What is left in the pools at the end is scored again in float64, row by row
in a fixed order. So neither blocks, shards nor threads change a result.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from annotate.search.halves import Floats, Halves, Rows, gather, halves_apart, widen

BLOCK = 2048  # rows of one matrix product: 4 MB in float32 at 512 columns
BLOCK_SCORES = 1 << 22  # most scores of one matrix product
RESCORED = 1024  # rows that are scored again at a time
ROUNDING = 2.0**-24  # of one float32 operation
SMALLEST_HALF = 2.0**-14  # smaller ones are subnormal

Scores = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Shards = Sequence[Halves]


@dataclass(frozen=True)
class Wanted:
    """What is looked for.

    Attributes:
        queries: float32 (q, dim), rows of unit length.
        k: how many rows for each query or group; fewer where there are not as many.
        keep: bool (n,), rows that may be found; all by default. The fewer they are, the less is
            multiplied, but not in proportion, see :meth:`_Scan._plan`.
    """

    queries: Floats
    k: int
    keep: Mask | None = None


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


def search_groups(
    shards: Shards,
    names: npt.NDArray[np.object_],
    wanted: Wanted,
    groups: npt.NDArray[np.int64],
) -> GroupHits:
    """The best rows for each group of queries, by the best score over the group's queries, exactly.

    All groups are served by one pass over the rows. While it runs, BLAS uses one thread in each of
    our own, of which there are as many as BLAS had; so call this from one thread at a time.

    Args:
        shards: float16 (rows, dim) each, finite, rows of unit length.
        names: object (n,), one for each row of all shards; they order equal scores.
        wanted: queries, how many rows for each group, and which.
        groups: int64 (q,), the group of each query, numbers from 0; each has a query.
    """
    keep = np.ones(len(names), bool) if wanted.keep is None else wanted.keep
    k = min(wanted.k, int(np.count_nonzero(keep)))
    members = [np.flatnonzero(groups == group) for group in range(int(groups.max(initial=-1)) + 1)]
    shape = (len(members), k)
    if not members or not k:
        return GroupHits(np.empty(shape), np.empty(shape, np.int64), np.empty(shape, np.int64))
    blas = ThreadpoolController().select(user_api="blas")
    threads = max((library["num_threads"] for library in blas.info()), default=1)
    with blas.limit(limits=1), ThreadPoolExecutor(threads) as executor:
        scan = _Scan(shards, keep, wanted.queries, members, k)
        for worker in [executor.submit(scan.work) for _ in range(threads)]:
            worker.result()
        pools = scan.found()

        def finish(own: Rows, rows: Rows) -> tuple[Scores, Rows, Rows]:
            scores, best = _rescore(shards, rows, wanted.queries[own])
            order = _order(scores, names[rows])[:k]
            return scores[order], rows[order], own[best[order]]

        found = list(executor.map(finish, members, pools))
    scores, rows, queries = (np.stack(parts) for parts in zip(*found, strict=True))
    return GroupHits(scores, rows, queries)


class _Scan:
    """One pass over the rows, by any number of threads."""

    def __init__(
        self, shards: Shards, keep: Mask, queries: Floats, members: Sequence[Rows], k: int
    ) -> None:
        self.shards, self.keep = shards, keep
        # The largest groups first and the j-th queries of all groups together: the best score of
        # each group is then a maximum over few large layers.
        self.by_size = np.argsort([-len(own) for own in members], kind="stable")
        sizes = np.array([len(members[group]) for group in self.by_size])
        self.layers = [int((sizes > j).sum()) for j in range(sizes[0])]
        order = [members[group][j] for j, n in enumerate(self.layers) for group in self.by_size[:n]]
        self.queries = np.ascontiguousarray(queries[order][:, halves_apart(queries.shape[1])])
        self.block = max(1, min(BLOCK, BLOCK_SCORES // len(queries)))
        slack = _slack(queries)
        self.pools = _Pools(np.array([slack[own].max() for own in members])[self.by_size], k)
        self.todo = deque(self._plan())

    def _plan(self) -> list[tuple[Halves | None, Rows]]:
        """Blocks as (rows of a shard, their numbers), or (None, numbers) of rows to be gathered.

        A block of which at least half is kept is multiplied whole, since gathering copies rows one
        by one: what is not kept costs as much there. Of other blocks only kept rows are read.
        """
        dense: list[tuple[Halves | None, Rows]] = []
        sparse = [np.empty(0, np.int64)]
        first = 0
        for shard in self.shards:
            for start in range(0, len(shard), self.block):
                rows = np.arange(first + start, first + min(start + self.block, len(shard)))
                kept = rows[self.keep[rows]]
                if 2 * len(kept) >= len(rows):
                    dense.append((shard[start : start + self.block], rows))
                elif len(kept):
                    sparse.append(kept)
            first += len(shard)
        alone = np.concatenate(sparse)
        return dense + [
            (None, alone[start : start + self.block]) for start in range(0, len(alone), self.block)
        ]

    def work(self) -> None:
        """Take blocks until there are none left."""
        floats = np.empty((self.block, self.queries.shape[1]), np.float32)
        products = np.empty(len(self.queries) * self.block, np.float32)
        while True:
            try:
                halves, rows = self.todo.popleft()
            except IndexError:
                return
            block = gather(self.shards, rows) if halves is None else halves
            n = len(rows)
            widen(block, floats[:n], apart=True)
            scores = products[: len(self.queries) * n].reshape(-1, n)
            np.matmul(self.queries, floats[:n].T, out=scores)
            self._offer(self._best(scores), rows)

    def found(self) -> list[Rows]:
        """Rows that may be among the k best of each group."""
        pools = self.pools.rows()
        return [pools[place] for place in np.argsort(self.by_size)]

    def _best(self, scores: Floats) -> Floats:
        """The best score of each group, in place: (queries, n) to (groups, n)."""
        groups, at = self.layers[0], self.layers[0]
        for size in self.layers[1:]:
            np.maximum(scores[:size], scores[at : at + size], out=scores[:size])
            at += size
        return scores[:groups]

    def _offer(self, scores: Floats, rows: Rows) -> None:
        passing = np.flatnonzero(scores >= self.pools.floor[:, None])
        group, column = np.divmod(passing, len(rows))
        kept = self.keep[rows[column]]
        passing, group, column = passing[kept], group[kept], column[kept]
        if len(passing):
            self.pools.add(group.astype(np.int32), rows[column], scores.reshape(-1)[passing])


class _Pools:
    """Rows that may be among the k best of each group, collected block by block."""

    def __init__(self, slack: Scores, k: int) -> None:
        self.floor = np.full(len(slack), -np.inf, np.float32)  # what a score has to reach
        self._slack, self._k = slack, k
        self._parts: list[tuple[npt.NDArray[np.int32], Rows, Floats]] = []
        self._size, self._limit = 0, 0
        self._lock = threading.Lock()

    def add(self, group: npt.NDArray[np.int32], rows: Rows, scores: Floats) -> None:
        """Take up scored rows. When there are twice as many as after the last time, clear out."""
        with self._lock:
            self._parts.append((group, rows, scores))
            self._size += len(rows)
            if self._size > self._limit:
                self._clear()
                self._limit = 2 * self._size

    def _clear(self) -> None:
        group, rows, scores = (np.concatenate(part) for part in zip(*self._parts, strict=True))
        order = np.argsort(group, kind="stable")
        group, rows, scores = group[order], rows[order], scores[order]
        bounds = np.searchsorted(group, np.arange(len(self.floor) + 1))
        floor = self.floor.copy()
        for number in np.flatnonzero(np.diff(bounds) > self._k):
            own = scores[bounds[number] : bounds[number + 1]]
            kth = np.partition(own, len(own) - self._k)[len(own) - self._k]
            floor[number] = kth - self._slack[number]
        staying = scores >= floor[group]
        self._parts = [(group[staying], rows[staying], scores[staying])]
        self._size = len(self._parts[0][0])
        self.floor = floor

    def rows(self) -> list[Rows]:
        """The rows of each group."""
        self._clear()
        group, rows, _ = self._parts[0]
        return np.split(rows, np.searchsorted(group, np.arange(1, len(self.floor))))


def _slack(queries: Floats) -> Scores:
    """How far below the k-th best a float32 score may be, and its row still be among the k best.

    Two scores may be off, each by no more than ``dim`` roundings of the product of the lengths, in
    whatever order the products are added (Higham, Accuracy and Stability of Numerical Algorithms,
    section 3.1). A processor that was told to flush subnormals loses the smallest halves, too.
    """
    dim = queries.shape[1]
    flushes = float((np.full(1, 1e-40, np.float32) * np.float32(1))[0]) == 0
    one = 1.02 * (dim + 2) * ROUNDING + (SMALLEST_HALF * np.sqrt(dim) if flushes else 0)
    slack: Scores = 2 * one * np.linalg.norm(queries.astype(np.float64), axis=1)
    return slack


def _rescore(shards: Shards, rows: Rows, queries: Floats) -> tuple[Scores, Rows]:
    """Each row's best score over some queries in float64, and the first query that gives it."""
    scores, best = np.empty(len(rows)), np.zeros(len(rows), np.int64)
    floats = np.empty((min(RESCORED, len(rows)), queries.shape[1]), np.float32)
    for start in range(0, len(rows), RESCORED):
        part = slice(start, start + RESCORED)
        halves = gather(shards, rows[part])
        widen(halves, floats[: len(halves)])
        vectors = floats[: len(halves)].astype(np.float64)
        # A sum per row, not a matrix product: its order must not depend on the other rows.
        every = np.stack([(vectors * query).sum(axis=1) for query in queries.astype(np.float64)])
        best[part], scores[part] = every.argmax(axis=0), every.max(axis=0)
    return scores, best


def _order(scores: Scores, names: npt.NDArray[np.object_]) -> Rows:
    """From the best score down, equal ones in the order of their names."""
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    equal = np.zeros(len(order), bool)
    equal[1:] = ordered[1:] == ordered[:-1]
    equal[:-1] |= equal[1:]
    tied = order[equal]
    order[equal] = tied[np.lexsort((names[tied].astype(str), -scores[tied]))]
    return order
