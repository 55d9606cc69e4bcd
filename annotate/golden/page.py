"""The page of golden scores: one HTML file, a plot per class inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from annotate.pages import write_page
from annotate.workspace import Workspace

TEMPLATE = "golden.html.j2"
WIDTH, HEIGHT = 240, 130  # of a plot, in units of its own
LEFT, RIGHT, TOP, BOTTOM = 26, 6, 6, 18


def write_score_page(workspace: Workspace, summary: Mapping[str, Any], target: Path) -> None:
    """Write the page of a summary (``score.json``).

    Args:
        workspace: whose own template wins over the packaged one.
        summary: from :func:`annotate.golden.summary.score_as_dict`, with ``paper`` and ``truth``.
        target: the HTML file.

    Raises:
        InputError: a template of one's own is broken.
    """
    classes = [
        {**entry, "plot": plot(entry["curve"]), "own": _own(entry["threshold"])}
        for entry in summary["classes"]
    ]
    values = {
        "summary": summary,
        "classes": classes,
        "macro": plot(summary["curve"]),
        "axes": axes(),
        "width": WIDTH,
        "height": HEIGHT,
    }
    write_page(workspace, TEMPLATE, values, target)


def axes() -> dict[str, list[tuple[float, str]]]:
    """Places and texts of the marks of both axes, and the plot's edges."""
    return {
        "x": [(_x(value), f"{value:g}") for value in (0.2, 0.4, 0.6, 0.8, 1.0)],
        "y": [(_y(value), f"{value:g}") for value in (0.0, 0.5, 1.0)],
    }


def plot(curve: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Lines and bands of precision and recall as SVG points; a gap in the line ends nothing."""
    drawn = {}
    for name in ("precision", "recall"):
        known = [point for point in curve if point[name] is not None]
        lower = [(point["threshold"], point[f"{name}_low"]) for point in known]
        upper = [(point["threshold"], point[f"{name}_high"]) for point in known]
        drawn[name] = {
            "line": _points([(point["threshold"], point[name]) for point in known]),
            "band": _points(upper + lower[::-1]),
        }
    return drawn


def _own(threshold: float | None) -> float | None:
    return None if threshold is None else _x(max(0.2, threshold))


def _points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{_x(x):.1f},{_y(y):.1f}" for x, y in places)


def _x(threshold: float) -> float:
    return LEFT + (threshold - 0.2) / 0.8 * (WIDTH - LEFT - RIGHT)


def _y(share: float) -> float:
    return TOP + (1 - share) * (HEIGHT - TOP - BOTTOM)
