"""The property features of a catalogue in a few figures each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from annotate.tables import CATALOG

MOST = 5


@dataclass(frozen=True)
class Feature:
    """One property feature over the images that are present.

    Attributes:
        name: the column.
        kind: number, date, truth value or text.
        values: how many different ones.
        missing: images without one.
        missing_share: the same as a share of all images, 0 to 1.
        smallest, middle, largest: of numbers; of dates the first and last. None for text.
        most_frequent: values with their counts, the most frequent first; equals by value.
    """

    name: str
    kind: str
    values: int
    missing: int
    missing_share: float
    smallest: float | str | None
    middle: float | None
    largest: float | str | None
    most_frequent: list[tuple[str, int]]


def describe_features(images: pd.DataFrame) -> list[Feature]:
    """Describe property, caption and each property feature.

    Args:
        images: rows of the catalogue.
    """
    features = sorted(set(images.columns) - set(CATALOG.columns))
    return [_describe(name, images[name]) for name in ["property_id", "text", *features]]


def _describe(name: str, column: pd.Series) -> Feature:
    there = column.dropna()
    kind = _kind(there)
    counts = there.astype(str).value_counts().head(200)
    common = sorted(((str(v), int(n)) for v, n in counts.items()), key=lambda e: (-e[1], e[0]))
    missing = len(column) - len(there)
    smallest, middle, largest = _range(there, kind)
    return Feature(
        name=name,
        kind=kind,
        values=int(there.nunique()),
        missing=missing,
        missing_share=missing / len(column) if len(column) else 0.0,
        smallest=smallest,
        middle=middle,
        largest=largest,
        most_frequent=common[:MOST],
    )


def _kind(there: pd.Series) -> str:
    kinds = pd.api.types
    if kinds.is_bool_dtype(there) or kinds.infer_dtype(there) == "boolean":  # objects, with gaps
        return "truth value"
    if kinds.is_numeric_dtype(there):
        return "number"
    return "date" if kinds.is_datetime64_any_dtype(there) else "text"


def _range(there: pd.Series, kind: str) -> tuple[Any, float | None, Any]:
    if there.empty:
        return None, None, None
    if kind == "number":
        return float(there.min()), float(there.median()), float(there.max())
    if kind == "date":
        return str(there.min()), None, str(there.max())
    return None, None, None


def rows_for_people(features: list[Feature]) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a readable table."""
    header = ["feature", "kind", "values", "missing", "min", "median", "max", "most frequent"]
    rows = [
        [
            feature.name,
            feature.kind,
            f"{feature.values:,}",
            f"{feature.missing_share:.1%}",
            _short(feature.smallest),
            _short(feature.middle),
            _short(feature.largest),
            ", ".join(f"{_cut(value)} ({count:,})" for value, count in feature.most_frequent[:3]),
        ]
        for feature in features
    ]
    return header, rows


def _short(value: float | str | None) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else f"{value:,.6g}"


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 24 else f"{line[:23]}…"
