"""What an evaluation found, as JSON: methods, differences, classes, slices, calibration."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from annotate.files import number_or_none
from annotate.settings import EvaluateSettings
from mumic.evaluation.design import Design, weighted_measures
from mumic.evaluation.measure import (
    Measured,
    Method,
    Truth,
    difference_json,
    differences,
    intervals_json,
    measure,
)
from mumic.evaluation.slices import Slice, class_slices
from mumic.metrics.calibration import Reliability, equal_count_edges, reliability
from mumic.metrics.decisions import decide
from mumic.metrics.intervals import Interval, Resamples, interval
from mumic.metrics.measures import gap, included_classes, macro_map, positives, weighted_map
from mumic.metrics.ranking import rank
from mumic.metrics.resampled import macro_samples, reliability_samples


def findings(
    truth: Truth,
    methods: Sequence[Method],
    settings: EvaluateSettings,
    seed: int,
    design: Design | None = None,
) -> dict[str, Any]:
    """All measures of some methods on one split.

    Args:
        truth: the labels.
        methods: the first is the one that the others are compared with.
        settings: see there.
        seed: of the resamples.
        design: how the images were drawn from the catalogue; None: not known.

    Raises:
        InputError: no image has a known label.
    """
    resamples = truth.resamples(settings, seed)
    measured = [measure(method, truth, resamples, settings) for method in methods]
    own = measured[0]
    return {
        "groups": len(resamples.draws),
        "settings": asdict(settings),
        "methods": {entry.name: entry.to_json() for entry in measured},
        "differences": {
            entry.name: difference_json(differences(own, entry), settings.k)
            for entry in measured[1:]
        },
        "per_class": class_rows(truth, methods, measured, settings),
        "slices": [
            slice_row(part, truth, methods, measured, settings)
            for part in class_slices(truth.classes, truth.frequency, settings)
        ],
        "calibration": {
            method.name: calibration(method, truth, resamples)
            for method in methods
            if method.unit != "score"
        },
        "catalogue": None
        if design is None
        else design.facts | {"methods": _catalogue(design, truth, methods, resamples, settings)},
    }


def class_rows(
    truth: Truth,
    methods: Sequence[Method],
    measured: Sequence[Measured],
    settings: EvaluateSettings,
) -> list[dict[str, Any]]:
    """Average precision of every method for every class, with the counts that it rests on.

    Threshold, F1 and interval are those of the first method.
    """
    cells, own = truth.cells, methods[0]
    counts = positives(cells.labels, cells.mask)
    included = included_classes(cells, settings.min_positives)
    cuts = own.cuts
    f1 = None if cuts is None else decide(own.logits, cuts, cells.labels, cells.mask)[0].f1
    return [
        {
            "class_id": entry.id,
            "name": entry.name,
            "category": entry.category,
            "images": int(cells.mask[:, at].sum()),
            "positives": int(counts[at]),
            "train_positives": int(truth.frequency[at]),
            "in_means": bool(included[at]),
            "threshold": _threshold(own, at),
            "f1": None if f1 is None else float(f1[at]),
            "average_precision": {
                each.name: number_or_none(each.precisions[at]) for each in measured
            },
            "interval": interval(
                float(measured[0].precisions[at]), measured[0].sampled.precisions[at]
            ).to_json(),
        }
        for at, entry in enumerate(truth.classes)
    ]


def _threshold(method: Method, at: int) -> float | None:
    """A probability where the scores are such; None also where every image is a yes."""
    if method.thresholds is None:
        return None
    logit = method.unit == "logit"
    values = method.thresholds.probabilities if logit else method.thresholds.logits
    return float(values[at]) if math.isfinite(values[at]) else None


def slice_row(
    part: Slice,
    truth: Truth,
    methods: Sequence[Method],
    measured: Sequence[Measured],
    settings: EvaluateSettings,
) -> dict[str, Any]:
    """Macro mAP (with its interval), weighted mAP and GAP of every method on some classes."""
    cells, columns = truth.cells, part.columns
    labels, mask = cells.labels[:, columns], cells.mask[:, columns]
    included = included_classes(cells, settings.min_positives)[columns]
    counts = positives(labels, mask)
    rows = {}
    for method, found in zip(methods, measured, strict=True):
        precisions = found.precisions[columns]
        value = macro_map(precisions, included)
        samples = macro_samples(found.sampled.precisions[columns][included])
        rows[method.name] = {
            "macro_map": number_or_none(value),
            "weighted_map": number_or_none(weighted_map(precisions, counts, included)),
            "gap": number_or_none(gap(method.logits[:, columns], labels, mask)),
            "intervals": {"macro_map": interval(value, samples).to_json()},
        }
    return {
        "kind": part.kind,
        "name": part.name,
        "classes": len(columns),
        "classes_left_out": int((~included).sum()),
        "positives": int(counts.sum()),
        "methods": rows,
    }


def calibration(method: Method, truth: Truth, resamples: Resamples) -> dict[str, Any]:
    """Reliability curves over all known cells, and the ECE of the one with bins of equal width."""

    def rows(curve: Reliability) -> list[dict[str, Any]]:
        return curve.to_json(
            reliability_samples(method.logits, truth.cells, curve.edges, resamples, method.unit)
        )

    mask = truth.cells.mask
    ranking = rank(method.logits[mask], truth.cells.labels[mask])
    wide = reliability(ranking, unit=method.unit)
    full = reliability(ranking, equal_count_edges(ranking, unit=method.unit), method.unit)
    return {
        "ece": number_or_none(wide.expected_error),
        "reliability": rows(wide),
        "reliability_equal_count": rows(full),
    }


def _catalogue(
    design: Design,
    truth: Truth,
    methods: Sequence[Method],
    resamples: Resamples,
    settings: EvaluateSettings,
) -> dict[str, Any]:
    if design.weights is None:
        return {}
    found = {
        method.name: weighted_measures(method, truth, design.weights, resamples, settings)
        for method in methods
    }
    return {name: _values(intervals, settings.k) for name, intervals in found.items()}


def _values(found: dict[str, Interval], k: int) -> dict[str, Any]:
    named = intervals_json(found, k)
    return {name: each["value"] for name, each in named.items()} | {"intervals": named}
