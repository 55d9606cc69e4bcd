"""95 % intervals by resampling whole groups of images (properties, near-duplicates).

Images of one hotel resemble each other; an interval that resampled images one by one would be too
narrow. A resample is a multiplicity per image, so every ranking is sorted once: average precision
with integer weights on that order equals the one of the repeated rows, ties included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from mumic.metrics import Cells, Floats, Mask, tie_ends

Weights = npt.NDArray[np.int32]

_CELLS_AT_ONCE = (
    20_000_000  # bounds the memory of one block of resamples: 4 bytes each, a few copies
)


@dataclass(frozen=True)
class Interval:
    """A value with the 2.5 % and 97.5 % quantiles of its resamples."""

    value: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether a difference with this interval counts."""
        return self.low > 0 or self.high < 0

    def to_json(self) -> dict[str, float | None]:
        """As JSON; null where there is no value."""
        return {name: None if value != value else value for name, value in asdict(self).items()}


def resample_groups(groups: Sequence[str], resamples: int, seed: int) -> Weights:
    """Draw groups with replacement.

    Args:
        groups: the group of each image.
        resamples: how many draws.
        seed: equal seeds give equal draws, which makes intervals comparable.

    Returns:
        int32 (resamples, images): how often each image is in each resample.
    """
    names, group_of = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples)
    weights: Weights = drawn.astype(np.int32)[:, group_of]
    return weights


def weighted_average_precision(
    scores: Floats, labels: npt.NDArray[np.int8], rows: npt.NDArray[np.intp], weights: Weights
) -> npt.NDArray[np.float64]:
    """Average precision of one ranking under each resample.

    Args:
        scores: (n,).
        labels: (n,), 1 or 0.
        rows: (n,), the image that each entry belongs to.
        weights: (resamples, images).

    Returns:
        (resamples,); NaN where a resample holds no positive.
    """
    order = np.argsort(-scores, kind="stable")
    positive = np.flatnonzero(labels[order] == 1)
    if not positive.size:
        return np.full(len(weights), np.nan)
    # Only thresholds that take in a positive add to the step sum, so that the weights are summed
    # over whole stretches of the ranking: up to the end of each tie that holds a positive.
    ends = tie_ends(scores[order])
    ties, first = np.unique(np.searchsorted(ends, positive), return_index=True)
    stops = ends[ties]
    starts = np.append(0, stops[:-1] + 1)
    ranked = rows[order][: stops[-1] + 1]
    block = max(1, _CELLS_AT_ONCE // len(ranked))
    parts = []
    for start in range(0, len(weights), block):
        drawn = weights[start : start + block]
        gained = np.add.reduceat(drawn[:, ranked[positive]], first, axis=1)
        parts.append(_step_sums(gained, np.add.reduceat(drawn[:, ranked], starts, axis=1)))
    return np.concatenate(parts)


def _step_sums(gained: Weights, taken: Weights) -> npt.NDArray[np.float64]:
    """Average precision per resample, from the positives and the entries of each stretch."""
    found = np.cumsum(gained, axis=1, dtype=np.int64)
    precision = found / np.maximum(np.cumsum(taken, axis=1, dtype=np.int64), 1)
    total = found[:, -1]
    return np.where(total > 0, (gained * precision).sum(axis=1) / np.maximum(total, 1), np.nan)


def macro_map_samples(
    scores: Floats, cells: Cells, included: Mask, weights: Weights
) -> npt.NDArray[np.float64]:
    """Macro mAP under each resample, over the included classes that it holds a positive of."""
    columns = np.flatnonzero(included)
    if not columns.size:
        return np.full(len(weights), np.nan)
    total = np.zeros(len(weights))
    counted = np.zeros(len(weights))
    for column in columns:
        rows = np.flatnonzero(cells.mask[:, column])
        values = weighted_average_precision(
            scores[rows, column], cells.labels[rows, column], rows, weights
        )
        total += np.nan_to_num(values)
        counted += ~np.isnan(values)
    return np.where(counted > 0, total / np.maximum(counted, 1), np.nan)


def gap_samples(scores: Floats, cells: Cells, weights: Weights) -> npt.NDArray[np.float64]:
    """GAP under each resample, (resamples,)."""
    rows = np.nonzero(cells.mask)[0]
    return weighted_average_precision(scores[cells.mask], cells.labels[cells.mask], rows, weights)


def interval(value: float, samples: npt.NDArray[np.float64]) -> Interval:
    """The 95 % percentile interval of a value; NaN bounds where no resample has a value."""
    known = samples[~np.isnan(samples)]
    if not known.size:
        return Interval(value, float("nan"), float("nan"))
    low, high = np.quantile(known, [0.025, 0.975])
    return Interval(value, float(low), float(high))


def paired_interval(
    first: tuple[float, npt.NDArray[np.float64]], second: tuple[float, npt.NDArray[np.float64]]
) -> Interval:
    """Interval of first minus second, both measured under the same resamples.

    Args:
        first: the value and its resamples.
        second: likewise, of the other method, with the same weights in the same order.
    """
    return interval(first[0] - second[0], first[1] - second[1])
