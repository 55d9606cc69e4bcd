"""Rankings, and what is read off them: average precision, precision and recall, the best F1.

A ranking is two sorted arrays: all its scores, and the scores of its positives. That is enough for
every measure here, ties included, and sorting values is several times faster than sorting
positions. Shapes and masks are those of :mod:`mumic.metrics.measures`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from mumic.metrics.blocks import COLUMNS, ascending, over_blocks, turned

Floats = npt.NDArray[np.floating[Any]]
Labels = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]
R = TypeVar("R")


@dataclass(frozen=True)
class Cells:
    """Known labels of a split: ``labels`` int8 and ``mask`` bool, both (images, classes)."""

    labels: npt.NDArray[np.int8]
    mask: Mask


@dataclass(frozen=True)
class Ranking:
    """``scores`` (n,) of all entries, ``found`` (positives,) of the positives, both ascending."""

    scores: Floats
    found: Floats

    @property
    def taken(self) -> npt.NDArray[np.intp]:
        """Entries at or above the score of each positive, (positives,)."""
        return self.scores.size - np.searchsorted(self.scores, self.found, side="left")

    @property
    def right(self) -> npt.NDArray[np.intp]:
        """Positives among them, (positives,)."""
        return self.found.size - np.searchsorted(self.found, self.found, side="left")


@dataclass(frozen=True)
class PrecisionRecall:
    """A point for each distinct score of a positive, from the strictest threshold down.

    Points between them have the recall of the one before and less precision, and add nothing to
    the step sum, which is the area under the steps through these points.
    """

    thresholds: Floats
    precision: npt.NDArray[np.float64]
    recall: npt.NDArray[np.float64]


def rank(scores: Floats, labels: Labels, mask: Mask | None = None) -> Ranking:
    """The ranking of some entries.

    Args:
        scores: (n,).
        labels: (n,), 1 or 0.
        mask: (n,), False where the label is unknown; None: all are known.
    """
    if mask is not None and not mask.all():
        scores, labels = scores[mask], labels[mask]
    return Ranking(ascending(scores), np.sort(scores[labels == 1]))


def precision_at_positives(ranking: Ranking) -> float:
    """Average precision: the step sum, one positive at a time; NaN without one.

    Each positive adds the precision at the threshold that takes it in.
    """
    if not ranking.found.size:
        return float("nan")
    return float(np.mean(ranking.right / ranking.taken))


def average_precision(scores: Floats, labels: Labels, mask: Mask | None = None) -> float:
    """Step-sum average precision of one ranking.

    Args:
        scores: (n,).
        labels: (n,), 1 or 0.
        mask: (n,), False where the label is unknown; None: all are known.

    Returns:
        A value in (0, 1], NaN without a positive.

    >>> round(average_precision(np.array([0.9, 0.8, 0.8, 0.1]), np.array([1, 0, 1, 0])), 4)
    0.8333
    """
    return precision_at_positives(rank(scores, labels, mask))


def precision_recall(ranking: Ranking) -> PrecisionRecall:
    """Precision and recall as the threshold falls.

    >>> curve = precision_recall(rank(np.array([0.9, 0.8, 0.8, 0.1]), np.array([1, 0, 1, 0])))
    >>> curve.thresholds.tolist(), curve.recall.tolist()
    ([0.9, 0.8], [0.5, 1.0])
    """
    at = np.unique(ranking.found, return_index=True)[1][::-1]
    right = ranking.right[at]
    return PrecisionRecall(
        ranking.found[at], right / ranking.taken[at], right / max(ranking.found.size, 1)
    )


def best_f1_threshold(ranking: Ranking) -> float | None:
    """Half way between the last score taken in and the next one, where F1 is best.

    The last score itself, where no number lies between them: half way would be rounded to the next
    one and take it in.

    F1 can only be best at the score of a positive: what lies between adds mistakes.

    Returns:
        None without a positive; the highest of several equally good ones.
    """
    if not ranking.found.size:
        return None
    taken = ranking.taken[::-1]
    f1 = 2 * ranking.right[::-1] / (taken + ranking.found.size)
    count = int(taken[int(np.argmax(f1))])
    last = float(ranking.scores[-count])
    following = float(ranking.scores[-count - 1]) if count < ranking.scores.size else last
    middle = (last + following) / 2  # infinite where nothing follows that is a number
    return middle if following < middle <= last else last


def per_class(
    measure: Callable[[Ranking], R], scores: Floats, labels: Labels, mask: Mask
) -> list[R]:
    """A measure of each class's ranking, in the order of the columns."""

    def some(part: slice) -> list[R]:
        known = mask[:, part]
        masks = [None] * known.shape[1] if known.all() else turned(known)
        entries = zip(turned(scores[:, part]), turned(labels[:, part]), masks, strict=True)
        return [measure(rank(*entry)) for entry in entries]

    return [one for part in over_blocks(some, scores.shape[1], COLUMNS) for one in part]


def average_precisions(scores: Floats, labels: Labels, mask: Mask) -> npt.NDArray[np.float64]:
    """Average precision per class, (classes,); NaN for a class without positives."""
    return np.array(per_class(precision_at_positives, scores, labels, mask), dtype=np.float64)
