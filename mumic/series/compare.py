"""Arms of a series in numbers: means over seeds, differences between two arms, class by class.

A difference is averaged over the seeds, each pair of runs being measured under the same resamples
of whole groups (properties, near copies): its interval says how far other test images could move
it. How far other seeds could is what ``ahead_in_seeds`` is for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from annotate.files import number_or_none
from annotate.settings import EvaluateSettings
from mumic.evaluation.measure import Method, Truth, metrics_of
from mumic.metrics.intervals import Interval, Resamples, interval
from mumic.metrics.measures import Metrics, average_precisions, included_classes, positives
from mumic.metrics.ranking import Cells
from mumic.metrics.resampled import class_samples, gap_samples, macro_samples

Samples = npt.NDArray[np.float64]

MEANS = ("macro_map", "weighted_map", "gap", "gap_at_k", "f1_micro", "f1_macro")


@dataclass(frozen=True)
class Seen:
    """One run of one arm, measured.

    ``precisions`` (classes,) and ``class_samples`` (classes, resamples) are average precisions;
    ``gap_samples`` (resamples,).
    """

    arm: str
    seed: int
    metrics: Metrics
    precisions: Samples
    class_samples: Samples
    gap_samples: Samples


def see(
    method: Method, seed: int, truth: Truth, resamples: Resamples, settings: EvaluateSettings
) -> Seen:
    """Measure a method with the resamples of every class."""
    cells = truth.cells
    return Seen(
        arm=method.name,
        seed=seed,
        metrics=metrics_of(method, cells, settings),
        precisions=average_precisions(method.logits, cells.labels, cells.mask),
        class_samples=class_samples(method.logits, cells, resamples)[0],
        gap_samples=gap_samples(method.logits, cells, resamples),
    )


def arm_rows(seen: Sequence[Seen]) -> list[dict[str, Any]]:
    """Each arm with its measures, averaged over its seeds, and their spread (max - min)."""
    rows = []
    for arm in dict.fromkeys(entry.arm for entry in seen):
        of_arm = [entry.metrics for entry in seen if entry.arm == arm]
        values = {name: [getattr(found, name) for found in of_arm] for name in MEANS}
        rows.append(
            {"arm": arm, "seeds": len(of_arm)}
            | {name: number_or_none(np.mean(found)) for name, found in values.items()}
            | {"spread": {name: number_or_none(np.ptp(found)) for name, found in values.items()}}
        )
    return rows


def arm_difference(
    seen: Sequence[Seen], first: str, second: str, cells: Cells, settings: EvaluateSettings
) -> dict[str, Any]:
    """First minus second in macro mAP and GAP, averaged over the seeds that both have.

    Returns:
        Per measure: value, low, high, ``counts`` (the interval excludes zero), and
        ``ahead_in_seeds``, in how many of ``seeds`` the first is ahead.
    """
    included = included_classes(cells, settings.min_positives)
    pairs = _pairs(seen, first, second)
    found: dict[str, Any] = {}
    for name in ("macro_map", "gap"):
        values = [getattr(a.metrics, name) - getattr(b.metrics, name) for a, b in pairs]
        samples = [_samples(a, name, included) - _samples(b, name, included) for a, b in pairs]
        mean = interval(float(np.mean(values)), np.mean(samples, axis=0))
        found[name] = mean.to_json() | {
            "counts": mean.excludes_zero,
            "seeds": len(pairs),
            "ahead_in_seeds": int(np.sum(np.array(values) > 0)),
        }
    return found


def _pairs(seen: Sequence[Seen], first: str, second: str) -> list[tuple[Seen, Seen]]:
    of_second = {entry.seed: entry for entry in seen if entry.arm == second}
    return [
        (entry, of_second[entry.seed])
        for entry in seen
        if entry.arm == first and entry.seed in of_second
    ]


def _samples(seen: Seen, name: str, included: npt.NDArray[np.bool_]) -> Samples:
    """Resamples of macro mAP or of GAP."""
    return seen.gap_samples if name == "gap" else macro_samples(seen.class_samples[included])


def class_rows(
    seen: Sequence[Seen], first: str, second: str, truth: Truth, settings: EvaluateSettings
) -> list[dict[str, Any]]:
    """First minus second in average precision, per class.

    Returns:
        class_id, name, positives, value, low, high and ``counts``: the interval excludes zero, and
        the class can be compared, see :func:`comparable_classes`.
    """
    counts = positives(truth.cells.labels, truth.cells.mask)
    comparable = comparable_classes(truth, settings)
    return [
        {"class_id": entry.id, "name": entry.name, "positives": int(count)}
        | found.to_json()
        | {"counts": bool(found.excludes_zero and able)}
        for entry, count, able, found in zip(
            truth.classes, counts, comparable, class_differences(seen, first, second), strict=True
        )
    ]


def comparable_classes(truth: Truth, settings: EvaluateSettings) -> npt.NDArray[np.bool_]:
    """Classes with positives enough, of more than one group, for an interval to mean something.

    Args:
        truth: of the split.
        settings: a class needs ``threshold_min_positives``, and ``min_positives`` where it is more.

    Returns:
        bool (classes,).
    """
    counts = positives(truth.cells.labels, truth.cells.mask)
    groups, shown = np.array(truth.groups), (truth.cells.labels == 1) & truth.cells.mask
    several = [np.unique(groups[column]).size > 1 for column in shown.T]
    enough = max(settings.min_positives, settings.threshold_min_positives)
    return np.asarray((counts >= enough) & np.array(several, bool))


def class_differences(seen: Sequence[Seen], first: str, second: str) -> list[Interval]:
    """First minus second in average precision, per class, averaged over the seeds."""
    pairs = _pairs(seen, first, second)
    values = np.mean([a.precisions - b.precisions for a, b in pairs], axis=0)
    samples = np.mean([a.class_samples - b.class_samples for a, b in pairs], axis=0)
    return [interval(float(value), drawn) for value, drawn in zip(values, samples, strict=True)]
