"""What ``mumic evaluate`` prints of the catalogue and of groups of classes."""

from __future__ import annotations

from typing import Any

from annotate.cli.console import table
from annotate.cli.numbers import number_text
from mumic.cli.numbers import interval_text

MEANS = {"macro_map": "macro mAP", "gap": "GAP"}
KINDS = {"category": "category", "frequency": "frequency in training"}


def catalogue_lines(found: dict[str, Any]) -> list[str]:
    """The first method, each image counted as often as those of the catalogue it stands for.

    Args:
        found: as in ``metrics.json``; there is no line where nothing was mined.
    """
    catalogue = found["catalogue"]
    if catalogue is None:
        return []
    if "reason" in catalogue:
        return [f"Not weighted to the catalogue: {catalogue['reason']}."]
    name, mined = next(iter(found["methods"].items()))
    weighted = catalogue["methods"][name]["intervals"]
    means = "; ".join(
        f"{title} {interval_text(weighted[key])}, as mined {number_text(mined[key])}"
        for key, title in MEANS.items()
    )
    return [
        f"{name}, weighted to the catalogue ({catalogue['images']:,} images stand for "
        f"{catalogue['population_images']:,}): {means}"
    ]


def slice_lines(found: dict[str, Any]) -> list[str]:
    """The first method by category and by how frequent classes are in training."""
    name = next(iter(found["methods"]))
    lines = []
    for kind, head in KINDS.items():
        rows = [
            [row["name"] or "-", row["classes"], row["positives"], *_means(row["methods"][name])]
            for row in found["slices"]
            if row["kind"] == kind
        ]
        lines += ["", *table([head, "classes", "positives", f"{name}: macro mAP", "GAP"], rows)]
    return lines


def _means(row: dict[str, Any]) -> list[str]:
    return [interval_text(row["intervals"]["macro_map"]), number_text(row["gap"])]
