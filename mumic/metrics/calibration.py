"""Whether probabilities mean what they say, and how far down an image's labels one must read.

The Brier score is proper: it is lowest for the true probabilities, so methods may be compared on
it. The expected calibration error is not (a constant base rate has none) and is biased upward; it
is a summary of the reliability curve and stands beside it, not in comparisons.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from mumic.metrics.blocks import CELLS, ROWS, over_blocks, true_in_rows, true_places
from mumic.metrics.intervals import Samples, interval
from mumic.metrics.ranking import Floats, Labels, Mask, Ranking
from mumic.metrics.thresholds import sigmoid

Values = npt.NDArray[np.float64]
Unit = Literal["logit", "probability", "score"]  # a score only ranks
BINS = 15  # Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML 2017


@dataclass(frozen=True)
class Reliability:
    """A reliability curve: per bin what was said and what came true, (bins,) each.

    Attributes:
        edges: (bins + 1,), probabilities.
        counts: known cells of the bin; empty bins are there.
        said: mean probability, NaN in an empty bin.
        came_true: share of positives, NaN in an empty bin.
    """

    edges: Values
    counts: npt.NDArray[np.int64]
    said: Values
    came_true: Values

    @property
    def expected_error(self) -> float:
        """ECE: the mean gap between said and true, weighted by the cells; NaN without any."""
        if not self.counts.sum():
            return float("nan")
        gaps = np.nan_to_num(np.abs(self.said - self.came_true))
        return float((gaps * self.counts).sum() / self.counts.sum())

    def to_json(self, samples: Samples) -> list[dict[str, Any]]:
        """A row per bin that holds a cell, with the 95 % interval of what came true.

        Where all resamples agree, as in a bin of one group or one where nothing came true, there
        is none: one of no width would look certain.

        Args:
            samples: (bins, resamples), see :func:`mumic.metrics.resampled.reliability_samples`.
        """
        return [
            {
                "from": float(self.edges[at]),
                "to": float(self.edges[at + 1]),
                "cells": int(self.counts[at]),
                "said": float(self.said[at]),
                "came_true": float(self.came_true[at]),
                **_bounds(float(self.came_true[at]), samples[at]),
            }
            for at in np.flatnonzero(self.counts)
        ]


def _bounds(share: float, samples: Samples) -> dict[str, float | None]:
    found = interval(share, samples)
    known = found.low < found.high  # nor is a NaN
    return {"low": found.low if known else None, "high": found.high if known else None}


def probabilities(scores: Floats, unit: Unit) -> Values:
    """Probabilities in float64.

    Raises:
        ValueError: they are scores that only rank.
    """
    if unit == "score":
        raise ValueError("scores that only rank are no probabilities")
    return sigmoid(scores) if unit == "logit" else np.array(scores, dtype=np.float64)


def reliability(ranking: Ranking, edges: Values | None = None, unit: Unit = "logit") -> Reliability:
    """The reliability curve of a ranking.

    Args:
        ranking: of one class or of all cells, see :func:`mumic.metrics.ranking.rank`.
        unit: of its scores.
        edges: (bins + 1,) from 0 to 1, bins open to the right but the last; default: 15 of equal
            width.
    """
    edges = np.linspace(0, 1, BINS + 1) if edges is None else edges
    counts, sums = _binned(ranking.scores, edges, unit)
    yes = _binned(ranking.found, edges, unit)[0]
    with np.errstate(invalid="ignore"):
        said, share = sums / counts, yes / counts
    return Reliability(edges, counts, said, share)


def _binned(ascending: Floats, edges: Values, unit: Unit) -> tuple[npt.NDArray[np.int64], Values]:
    """How many entries each bin holds, and the sum of their probabilities, (bins,) each."""

    def some(part: slice) -> tuple[npt.NDArray[np.int64], Values]:
        said = probabilities(ascending[part], unit)
        starts = np.append(np.searchsorted(said, edges[:-1], side="left"), said.size)
        return np.diff(starts), np.diff(np.append(0.0, np.cumsum(said))[starts])

    found = over_blocks(some, ascending.size, CELLS)
    bins = len(edges) - 1
    return (
        sum((count for count, _ in found), np.zeros(bins, np.int64)),
        sum((total for _, total in found), np.zeros(bins)),
    )


def equal_count_edges(ranking: Ranking, bins: int = BINS, unit: Unit = "logit") -> Values:
    """Edges of bins with about as many cells each; fewer where many scores are equal.

    Rare classes leave nearly all cells in the lowest bin of equal width. These show them.
    """
    if not ranking.scores.size:
        return np.array([0.0, 1.0])
    said = probabilities(ranking.scores, unit)
    inner = said[np.linspace(0, said.size - 1, bins + 1).astype(int)[1:-1]]
    return np.unique(np.concatenate([[0.0], inner, [1.0]]))


def squared_errors(
    scores: Floats, labels: Labels, mask: Mask, unit: Unit = "logit"
) -> tuple[Values, Values]:
    """Sums of (p - y)^2 over the known cells, per class and per image."""

    def some(part: slice) -> tuple[Values, Values]:
        error = probabilities(scores[part], unit)
        error -= labels[part] == 1
        error *= error
        if not mask[part].all():
            error *= mask[part]
        # Sums as products with ones, twice as fast as numpy's.
        return np.ones(len(error)) @ error, error @ np.ones(error.shape[1])

    rows = max(1, CELLS // max(scores.shape[1], 1))
    found = over_blocks(some, len(scores), rows)
    by_class = sum((down for down, _ in found), np.zeros(scores.shape[1]))
    return by_class, np.concatenate([np.zeros(0), *(across for _, across in found)])


def coverage(scores: Floats, labels: Labels, mask: Mask) -> Values:
    """How many classes of each image must be read, best first, until all its positives are seen.

    Classes with equal scores are read together, unknown ones are skipped (Tsoumakas, Katakis and
    Vlahavas, "Mining multi-label data", 2010).

    Returns:
        (images,), NaN for an image without a positive.
    """

    def some(part: slice) -> Values:
        known, here = mask[part], np.ascontiguousarray(scores[part])
        partly = not known.all()
        truth = labels[part] == 1
        places = true_places(truth & known if partly else truth)
        lowest = np.full(len(here), np.inf, here.dtype)
        rows = places // here.shape[1]
        np.minimum.at(lowest, rows, here.ravel()[places])
        positive = np.zeros(len(here), bool)
        positive[rows] = True
        read = here >= lowest[:, None]
        counts = true_in_rows(read & known if partly else read)
        return np.where(positive, counts, np.nan)

    return np.concatenate([np.zeros(0), *over_blocks(some, len(scores), ROWS)])
