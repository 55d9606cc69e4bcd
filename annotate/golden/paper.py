"""What the paper says about its votes, checked on one's own."""

from __future__ import annotations

from typing import Any

from annotate.golden.score import ClassScore, GoldenScore, Point
from annotate.taxonomy.model import Taxonomy

THRESHOLD = 0.6
GOOD = 0.9  # "near 0.95": a class with both at least this high counts


def check_paper(score: GoldenScore, taxonomy: Taxonomy) -> dict[str, Any]:
    """MuMIC, section "Data annotation": two statements about labels at a vote threshold of 0.6.

    Precision and recall are both near 0.95 for most classes, and difficult classes have more
    recall than precision.

    Args:
        score: of golden labels; classes without a golden positive, or of which nothing was found,
            have no say.
        taxonomy: difficulty of the classes.

    Returns:
        ``threshold``, ``classes`` that have a say, ``good`` ones among them, the medians, whether
        that is ``most``, and the same for the ``difficult`` classes: ``more_recall`` of them, and
        whether that is ``most_difficult``. None where no class has a say.
    """
    points = [(entry, point) for entry in score.classes if (point := _at(entry)) is not None]
    precision = sorted(point.precision.value or 0.0 for _, point in points)
    recall = sorted(point.recall.value or 0.0 for _, point in points)
    good = sum(
        min(point.precision.value or 0.0, point.recall.value or 0.0) >= GOOD for _, point in points
    )
    hard = [point for entry, point in points if taxonomy.by_id[entry.class_id].difficulty == "hard"]
    more = sum((point.recall.value or 0.0) > (point.precision.value or 0.0) for point in hard)
    return {
        "threshold": THRESHOLD,
        "level": GOOD,
        "classes": len(points),
        "good": good,
        "median_precision": _median(precision),
        "median_recall": _median(recall),
        "most": good > len(points) / 2 if points else None,
        "difficult": len(hard),
        "more_recall": more,
        "most_difficult": more > len(hard) / 2 if hard else None,
    }


def _at(entry: ClassScore) -> Point | None:
    point = next(point for point in entry.curve if point.threshold == THRESHOLD)
    known = entry.positives and point.precision.value is not None
    return point if known else None


def _median(values: list[float]) -> float | None:
    if not values:
        return None
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2
