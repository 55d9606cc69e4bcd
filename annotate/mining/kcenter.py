"""Greedy k-center: images that leave none far from all that were chosen.

Each step takes the image that is farthest from its nearest centre (Gonzalez, "Clustering to
minimize the maximum intercluster distance", 1985), which leaves a covering radius of at most twice
the best possible one; Sener and Savarese, "Active learning for convolutional neural networks: a
core-set approach" (ICLR 2018), start it from what is labelled already.

Components are rounded to a grid so coarse that every product of two rows, and every partial sum of
it, is a whole number that float32 holds exactly. So neither threads, blocks nor the processor's
order of summation change a choice, at the price of about 0.0001 in a cosine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

BLOCK = 4096  # rows of one matrix product
HOT = 2048  # rows that a step looks at
EXACT = 4096  # squared, the largest whole number up to which float32 holds all

Vectors = npt.NDArray[np.float16] | npt.NDArray[np.float32]
Grid = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Limits:
    """What may not be chosen.

    Attributes:
        near_cosine: rows this close to a centre are passed over; more than 1: none are.
        groups: int (rows,), such as the property of each; negative: of no group.
        per_group: rows of a group, at most; 0: all.
    """

    near_cosine: float = 2.0
    groups: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    per_group: int = 0


@dataclass(frozen=True)
class Centres:
    """Chosen rows.

    Attributes:
        rows: int64 (m,), positions in the order of choice.
        distances: float64 (m,), 1 - cosine to the nearest centre before the row became one itself;
            NaN where it was the first centre of all.
    """

    rows: npt.NDArray[np.int64]
    distances: npt.NDArray[np.float64]


def k_center(
    vectors: Vectors,
    n: int,
    centres: Vectors | None = None,
    *,
    first: int | None = None,
    limits: Limits | None = None,
    on_progress: Callable[[int], object] | None = None,
) -> Centres:
    """Choose rows far from each other and from given centres. Ties: the smallest position.

    Args:
        vectors: (rows, dim), rows of unit length; 4 bytes a component are needed in memory.
        n: how many to choose; fewer where there are not as many, or the limits forbid more.
        centres: (m, dim), where to start from.
        first: the row to begin with where there are no centres; by default the one nearest to the
            mean, the most ordinary of all.
        limits: what may not be chosen.
        on_progress: told how many more rows are chosen.
    """
    search = _Search(to_grid(vectors), limits or Limits())
    if centres is not None and len(centres):
        for start in range(0, len(centres), BLOCK):
            search.approach(to_grid(centres[start : start + BLOCK]))
    elif len(vectors) and n > 0:
        search.take(_most_ordinary(search.rows) if first is None else first)
        search.approach(search.rows[search.chosen])
    told, n = 0, min(n, len(vectors))
    while len(search.chosen) < n and search.choose_some(n):
        if on_progress is not None:
            on_progress(len(search.chosen) - told)
        told = len(search.chosen)
    cosines = np.array(search.found, np.float64) / grid_step(max(1, vectors.shape[1])) ** 2
    distances = np.where(np.isinf(cosines), np.nan, np.maximum(1 - cosines, 0.0))
    return Centres(np.array(search.chosen, np.int64), distances)


class _Search:
    """The state of the greedy search.

    Steps look at the :data:`HOT` farthest rows only, which fit the processor's cache, for as long
    as one of them is farther than any other row was: distances never grow. Then all new centres
    are compared with all rows at once, which takes a fraction of the time of one after the other.
    """

    def __init__(self, rows: Grid, limits: Limits) -> None:
        self.rows = rows
        self.chosen: list[int] = []
        self.found: list[float] = []  # product with the nearest centre, for each chosen row
        self._nearest = np.full(len(rows), -np.inf, np.float32)  # inf: not to be chosen
        self._limits = limits
        self._given: dict[int, int] = {}
        step = grid_step(max(1, rows.shape[1]))
        self._too_near = min(limits.near_cosine * step**2, np.inf)

    def approach(self, centres: Grid) -> None:
        """Compare all rows with some more centres."""
        for start in range(0, len(self.rows), BLOCK):
            part = self._nearest[start : start + BLOCK]
            products = self.rows[start : start + BLOCK] @ centres.T
            np.maximum(part, products.max(axis=1), out=part)

    def take(self, row: int) -> None:
        """Choose a row, and close its group once that has given enough."""
        self.chosen.append(row)
        self.found.append(float(self._nearest[row]))
        self._nearest[row] = np.inf
        limits = self._limits
        if limits.per_group and (group := int(limits.groups[row])) >= 0:
            self._given[group] = self._given.get(group, 0) + 1
            if self._given[group] >= limits.per_group:
                self._nearest[limits.groups == group] = np.inf

    def choose_some(self, n: int) -> bool:
        """Choose rows, up to ``n`` in all; False when none is left that may be chosen."""
        before = len(self.chosen)
        hot, bound = self._hottest()
        rows, products = self.rows[hot], np.empty(len(hot), np.float32)
        while len(self.chosen) < n:
            nearest = self._nearest[hot]
            at = int(np.argmin(nearest))
            fresh = len(self.chosen) == before
            if nearest[at] >= self._too_near or not (fresh or nearest[at] < bound):
                break
            self.take(int(hot[at]))
            np.dot(rows, rows[at], out=products)
            self._nearest[hot] = np.maximum(self._nearest[hot], products)
        if len(self.chosen) == before:
            return False
        self.approach(self.rows[self.chosen[before:]])
        return True

    def _hottest(self) -> tuple[npt.NDArray[np.int64], float]:
        """The farthest rows in the order of their positions, and the largest other nearness."""
        if len(self.rows) <= HOT:
            return np.arange(len(self.rows)), np.inf
        order = np.argpartition(self._nearest, HOT)
        hot = np.union1d(order[:HOT], np.argmin(self._nearest))  # of equal rows, the first
        return hot, float(self._nearest[order[HOT]])


def grid_step(dim: int) -> float:
    """What a component of a unit row is multiplied by before it is rounded.

    Rounding lengthens a row by at most sqrt(dim) / 2, so none is longer than :data:`EXACT`, and by
    Cauchy and Schwarz no partial sum of a product of two is more than its square, 2**24.
    """
    return float(np.floor(EXACT * (1 - 2**-9) - np.sqrt(dim) / 2))  # fp16 rows: a little over 1


def to_grid(vectors: Vectors) -> Grid:
    """Rows of whole numbers, float32."""
    rows = np.empty(vectors.shape, np.float32)
    for start in range(0, len(vectors), BLOCK):
        block = vectors[start : start + BLOCK].astype(np.float32)
        np.rint(block * np.float32(grid_step(vectors.shape[1])), out=rows[start : start + BLOCK])
    return rows


def _most_ordinary(rows: Grid) -> int:
    """The row nearest to the mean; exact in float64, as all sums are whole numbers below 2**53."""
    total = rows.sum(axis=0, dtype=np.float64)
    products = [
        rows[start : start + BLOCK].astype(np.float64) @ total
        for start in range(0, len(rows), BLOCK)
    ]
    return int(np.argmax(np.concatenate(products)))
