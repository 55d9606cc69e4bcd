"""Methods measured on one split, with intervals (Wang et al., AAAI 2023, 4.2-4.3).

Thresholds come from validation, and every difference is taken under the same resamples of whole
groups of images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from annotate.errors import InputError
from annotate.settings import EvaluateSettings
from annotate.taxonomy.model import TaxonomyClass
from mumic.data import Dataset
from mumic.metrics.calibration import Unit
from mumic.metrics.intervals import Interval, Resamples, interval, paired_interval, resample_groups
from mumic.metrics.measures import Metrics, average_precisions, included_classes, summarise
from mumic.metrics.ranking import Cells, Floats
from mumic.metrics.resampled import Sampled, all_samples
from mumic.metrics.thresholds import Thresholds


@dataclass(frozen=True)
class Method:
    """A method's scores on the split, float (images, classes), and its thresholds.

    ``logits`` are float32 logits, or what else ``unit`` says; ``thresholds`` None: no validation
    split to tune them on.
    """

    name: str
    logits: Floats
    thresholds: Thresholds | None
    unit: Unit = "logit"

    @property
    def cuts(self) -> npt.NDArray[np.float64] | None:
        """Thresholds in the unit of the scores."""
        return None if self.thresholds is None else self.thresholds.logits


@dataclass(frozen=True)
class Truth:
    """What methods are measured against.

    Attributes:
        classes: in the order of the columns.
        cells: the labels.
        groups: (images,), the property or group of near copies of each image.
        frequency: (classes,), positives of the training split.
    """

    classes: tuple[TaxonomyClass, ...]
    cells: Cells
    groups: Sequence[str]
    frequency: npt.NDArray[np.int64]

    def resamples(self, settings: EvaluateSettings, seed: int) -> Resamples:
        """Draws of groups, the same for every method and every call.

        There are none where fewer than two groups have a known label.

        Raises:
            InputError: no image has a known label.
        """
        labelled = np.asarray(self.cells.mask.any(axis=1))
        if not labelled.any():
            raise InputError("no image here has a known label; nothing can be measured.")
        return resample_groups(self.groups, settings.bootstrap, seed).if_several(labelled)


@dataclass(frozen=True)
class Measured:
    """A method's metrics, the same under each resample, and its average precision per class."""

    name: str
    metrics: Metrics
    sampled: Sampled
    precisions: npt.NDArray[np.float64]

    @property
    def intervals(self) -> dict[str, Interval]:
        """The 95 % interval of each headline measure, by its name in :class:`Metrics`."""
        return {
            name: interval(getattr(self.metrics, name), samples)
            for name, samples in self.sampled.values.items()
        }

    def to_json(self) -> dict[str, Any]:
        """The metrics with the 95 % intervals of the headline measures."""
        found = intervals_json(self.intervals, self.metrics.k)
        return self.metrics.to_json() | {"intervals": found}


def split_groups(dataset: Dataset) -> list[str]:
    """The group of each image; an image without one is its own."""
    images = dataset.images
    return [
        group if isinstance(group, str) and group else image_id  # missing: None, or NaN
        for group, image_id in zip(images["group_id"], images["image_id"], strict=True)
    ]


def metrics_of(method: Method, cells: Cells, settings: EvaluateSettings) -> Metrics:
    """A method's metrics, without intervals; of the settings, ``min_positives`` and ``k``."""
    return summarise(
        method.logits,
        cells,
        method.cuts,
        min_positives=settings.min_positives,
        k=settings.k,
        unit=method.unit,
    )


def measure(
    method: Method, truth: Truth, resamples: Resamples, settings: EvaluateSettings
) -> Measured:
    """All measures of one method.

    Args:
        method: its scores.
        truth: the labels of the split.
        resamples: the same for all methods.
        settings: ``min_positives`` and ``k``.
    """
    cells = truth.cells
    metrics = metrics_of(method, cells, settings)
    sampled = all_samples(
        method.logits,
        cells,
        resamples,
        included=included_classes(cells, settings.min_positives),
        thresholds=method.cuts,
        k=settings.k,
        unit=method.unit,
    )
    precisions = average_precisions(method.logits, cells.labels, cells.mask)
    return Measured(method.name, metrics, sampled, precisions)


def differences(first: Measured, second: Measured) -> dict[str, Interval]:
    """First minus second in every headline measure of both, with paired 95 % intervals."""
    return {
        name: paired_interval(
            (getattr(first.metrics, name), samples),
            (getattr(second.metrics, name), second.sampled.values[name]),
        )
        for name, samples in first.sampled.values.items()
        if name in second.sampled.values
    }


def intervals_json(found: dict[str, Interval], k: int) -> dict[str, Any]:
    """Intervals as JSON, with K in the names as in the metrics."""
    return {name.replace("at_k", f"at_{k}"): each.to_json() for name, each in found.items()}


def difference_json(found: dict[str, Interval], k: int) -> dict[str, Any]:
    """Differences as JSON; ``counts`` says whether the interval excludes zero."""
    return {
        name.replace("at_k", f"at_{k}"): each.to_json() | {"counts": each.excludes_zero}
        for name, each in found.items()
    }
