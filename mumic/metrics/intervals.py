"""95 % intervals by resampling whole groups of images (properties, near-duplicates).

Images of one hotel resemble each other; an interval that resampled images one by one would be too
narrow. A resample is how often each group was drawn (Efron, "Bootstrap methods: another look at the
jackknife", 1979, on clusters), so nothing is sorted again: see :mod:`mumic.metrics.resampled`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from annotate.files import number_or_none

Samples = npt.NDArray[np.float64]
_ROUNDING = 1e-6
ONE_GROUP = (
    "No 95 % intervals: all images with a known label are of one group (a property, or near "
    "copies), which says nothing of others. No difference counts."
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
        return {name: number_or_none(value) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Resamples:
    """Draws of groups with replacement, and which images a group has.

    Attributes:
        group_of: (images,), number of each image's group.
        draws: (groups, resamples), how often each group is in each resample.
        image_weights: (images,), how many images each one stands for; None: itself.
    """

    group_of: npt.NDArray[np.int64]
    draws: npt.NDArray[np.int32]
    image_weights: npt.NDArray[np.float64] | None = None

    @property
    def once(self) -> Resamples:
        """One resample that holds every group once: the value itself."""
        return Resamples(self.group_of, np.ones((len(self.draws), 1), np.int32), self.image_weights)

    def if_several(self, counted: npt.NDArray[np.bool_]) -> Resamples:
        """The same; without any resample where fewer than two groups count.

        A resample of one group equals every other: an interval of no width, which looks certain.

        Args:
            counted: (images,), those that have a say.
        """
        several = np.unique(self.group_of[counted]).size > 1
        return self if several else replace(self, draws=self.draws[:, :0])

    def totals(self, values: npt.NDArray[Any]) -> Samples:
        """Sums over the images of each resample.

        Args:
            values: (images,) or (images, columns).

        Returns:
            (resamples,) or (resamples, columns).
        """
        count = len(self.group_of)
        weights = np.ones(count) if self.image_weights is None else self.image_weights
        shape = (len(self.draws), count)
        by_group = csr_array((weights, (self.group_of, np.arange(count))), shape=shape) @ values
        sums: Samples = self.draws.T.astype(np.float64) @ by_group
        return sums


def resample_groups(groups: Sequence[str], resamples: int, seed: int) -> Resamples:
    """Draw groups with replacement.

    Args:
        groups: the group of each image.
        resamples: how many draws.
        seed: equal seeds give equal draws, which makes intervals comparable.
    """
    names, group_of = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples)
    return Resamples(group_of.astype(np.int64), np.ascontiguousarray(drawn.T, dtype=np.int32))


def interval(value: float, samples: Samples) -> Interval:
    """The 95 % percentile interval of a value; NaN bounds where no resample has a value."""
    known = samples[~np.isnan(samples)]
    if not known.size:
        return Interval(value, float("nan"), float("nan"))
    low, high = np.quantile(known, [0.025, 0.975])
    return Interval(value, float(low), float(high))


def paired_interval(first: tuple[float, Samples], second: tuple[float, Samples]) -> Interval:
    """Interval of first minus second, both measured under the same resamples.

    Args:
        first: the value and its resamples.
        second: likewise, of the other method, with the same draws in the same order.
    """
    return interval(first[0] - second[0], first[1] - second[1])


def interval_notes(methods: Mapping[str, Any]) -> list[str]:
    """A sentence where there are no intervals, or a measure lies outside its own; else none.

    Average precision of few positives is higher in resamples, which hold some of them twice.

    Args:
        methods: measures by method, each with ``intervals`` as JSON.
    """
    measured = [
        (f"{measure} of {name}", found)
        for name, row in methods.items()
        for measure, found in row.get("intervals", {}).items()
        if found["value"] is not None
    ]
    if measured and all(found["low"] is None for _, found in measured):
        return [ONE_GROUP]
    outside = [
        name
        for name, found in measured
        if found["low"] is not None
        and not found["low"] - _ROUNDING <= found["value"] <= found["high"] + _ROUNDING
    ]
    if not outside:
        return []
    return [
        f"Outside its own 95 % interval: {', '.join(outside)}. Classes have too few positives "
        "here: take neither as known."
    ]
