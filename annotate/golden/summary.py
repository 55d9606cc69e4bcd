"""Scores as JSON."""

from __future__ import annotations

from typing import Any

from annotate.golden.rates import Rate
from annotate.golden.score import ClassScore, GoldenScore, MacroPoint, Point
from annotate.taxonomy.model import Taxonomy


def score_as_dict(score: GoldenScore, taxonomy: Taxonomy) -> dict[str, Any]:
    """A score as ``docs/formats.md`` describes ``score.json``."""
    return {
        "images": score.images,
        "scored_classes": score.scored_classes,
        "unknown": score.unknown,
        "outside_sample": score.outside,
        **{f"macro_{name}": value for name, value in _rates(score.own).items()},
        "curve": [_point(point) for point in score.curve],
        "classes": [_class(entry, taxonomy) for entry in score.classes],
    }


def _class(entry: ClassScore, taxonomy: Taxonomy) -> dict[str, Any]:
    own = _point(entry.own)
    return {
        "class_id": entry.class_id,
        "name": taxonomy.by_id[entry.class_id].name,
        "difficulty": taxonomy.by_id[entry.class_id].difficulty,
        "images": entry.images,
        "positives": entry.positives,
        "predicted": own.pop("found"),
        **own,
        "interval": entry.interval,
        "curve": [_point(point) for point in entry.curve],
    }


def _point(point: Point | MacroPoint) -> dict[str, Any]:
    counts = {"found": point.found, "hits": point.hits} if isinstance(point, Point) else {}
    return {"threshold": point.threshold, **counts, **_rates(point)}


def _rates(point: Point | MacroPoint) -> dict[str, float | None]:
    return {
        **_rate("precision", point.precision),
        **_rate("recall", point.recall),
        "f1": point.f1,
    }


def _rate(name: str, rate: Rate) -> dict[str, float | None]:
    return {name: rate.value, f"{name}_low": rate.low, f"{name}_high": rate.high}
