"""Measures of yes and no: F1 of decisions at thresholds, counted in one pass over the cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mumic.metrics.blocks import ROWS, over_blocks
from mumic.metrics.ranking import Floats, Labels, Mask

Counts = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Decisions:
    """Cells decided right (``hits``), decided yes (``said``) and positive (``truth``), (n,) each.

    One entry per class, or per image.
    """

    hits: Counts
    said: Counts
    truth: Counts

    @property
    def f1(self) -> Counts:
        """F1 of each entry; 1 where there is neither a positive nor a yes, as nothing is wrong."""
        return f1_of(self.hits, self.said, self.truth)

    @property
    def together(self) -> float:
        """F1 of all entries' cells together (micro)."""
        return float(f1_of(self.hits.sum(), self.said.sum(), self.truth.sum()))


def f1_of(hits: Any, said: Any, truth: Any) -> Counts:
    """F1 from counts of any one shape; 1 where there is neither a positive nor a yes."""
    both = np.asarray(said + truth, dtype=np.float64)
    return np.where(both == 0, 1.0, 2 * hits / np.maximum(both, 1e-300))


def decide(
    scores: Floats, thresholds: Floats, labels: Labels, mask: Mask
) -> tuple[Decisions, Decisions]:
    """Decisions per class and per image; a score at its threshold is a yes.

    Args:
        scores: (images, classes).
        thresholds: (classes,) in the scores' unit.
        labels: 1 or 0.
        mask: False where the label is unknown; such cells are not counted.
    """

    def some(part: slice) -> tuple[Counts, Counts]:
        known = mask[part]
        said = (scores[part] >= thresholds) & known
        truth = (labels[part] == 1) & known
        # Sums as products with ones: exact below 2^24, and much faster than numpy's of booleans.
        cells = [each.astype(np.float32) for each in (said & truth, said, truth)]
        down, across = np.ones(len(said), np.float32), np.ones(said.shape[1], np.float32)
        return (
            np.stack([down @ each for each in cells]).astype(np.float64),
            np.stack([each @ across for each in cells]).astype(np.float64),
        )

    found = over_blocks(some, len(scores), ROWS)
    classes = sum((down for down, _ in found), np.zeros((3, scores.shape[1])))
    images = np.concatenate([np.zeros((3, 0)), *(across for _, across in found)], axis=1)
    return Decisions(*classes), Decisions(*images)
