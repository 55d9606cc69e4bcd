"""How alike the texts of classes are to a CLIP, in whole points that the grouping can add up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

POINTS = 50  # a standard deviation of the cosines; a quarter of what sharing a scenario is worth
MOST_POINTS = 150


@dataclass(frozen=True)
class Likeness:
    """Likeness of each pair of classes.

    Attributes:
        model: name of the model's index folder.
        class_ids: (n,).
        points: symmetric (n, n), -150 to 150, zero for pairs as alike as pairs are on average.
    """

    model: str
    class_ids: tuple[str, ...]
    points: tuple[tuple[int, ...], ...]

    @cached_property
    def _place(self) -> dict[str, int]:
        return {class_id: at for at, class_id in enumerate(self.class_ids)}

    def of(self, a: str, b: str) -> int:
        """Points of a pair; zero for a class that is not known."""
        if a not in self._place or b not in self._place:
            return 0
        return self.points[self._place[a]][self._place[b]]


def make_likeness(
    model: str, class_ids: Sequence[str], vectors: npt.NDArray[np.float32]
) -> Likeness:
    """Points from embeddings of the classes' texts.

    Cosines are taken relative to their mean over all pairs, since CLIP finds all texts alike, and
    rounded to thousandths first, so that the last bits of another machine seldom change a point.

    Args:
        model: name of the model's index folder.
        class_ids: (n,).
        vectors: float32 (n, dim), rows of unit length.
    """
    rows = vectors.astype(np.float64)
    cosines = np.round(rows @ rows.T, 3)
    pairs = cosines[np.triu_indices(len(rows), 1)]
    points = np.zeros(cosines.shape, np.int64)
    if len(pairs) and pairs.std() > 0:
        scaled = POINTS * (cosines - pairs.mean()) / pairs.std()
        points = np.clip(np.rint(scaled), -MOST_POINTS, MOST_POINTS).astype(np.int64)
    np.fill_diagonal(points, 0)
    return Likeness(model, tuple(class_ids), tuple(tuple(map(int, row)) for row in points))
