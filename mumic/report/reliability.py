"""Reliability diagrams: what probabilities said and what came true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mumic.figures.style import Drawing, Theme

EDGE = 1e-5  # smaller values stand here on a logarithmic scale
# Of a bin in which nothing came true; whole, though it stands on the edge.
NEVER: dict[str, Any] = {"marker": "v", "markersize": 6, "fillstyle": "none", "clip_on": False}

Row = Mapping[str, Any]


def draw_calibration(found: Mapping[str, Mapping[str, Any]]) -> Drawing:
    """Two panels, bins of equal width and of equal count, by method.

    A bin in which nothing came true has no place on the second one's logarithmic scale, and it is
    where a model can be surest of what is not: it is an open triangle on the floor.

    Args:
        found: by method, as :func:`mumic.evaluation.findings.calibration` gives it; the first has
            intervals.
    """

    def plot(figure: Figure, theme: Theme) -> None:
        wide, full = figure.subplots(1, 2)
        same_width = {name: curves["reliability"] for name, curves in found.items()}
        _panel(wide, same_width, theme, (0.0, 0.0))
        wide.set(title="Bins of equal width")
        same_count = {name: curves["reliability_equal_count"] for name, curves in found.items()}
        every = [row for rows in same_count.values() for row in rows]
        _panel(full, same_count, theme, (_low(every, "said"), _low(every, "came_true")))
        full.set(title="Bins of equal count")
        handles, labels = full.get_legend_handles_labels()
        if any(line.get_marker() == NEVER["marker"] for line in full.lines):
            handles.append(Line2D([], [], color=theme.soft, linestyle="", **NEVER))
            labels.append("nothing came true in the bin")
        figure.legend(handles, labels, loc="outside lower left", ncols=3)

    return Drawing(plot, width=10, height=4.8)


def _panel(
    axes: Axes, found: Mapping[str, Sequence[Row]], theme: Theme, corner: tuple[float, float]
) -> None:
    """Curves by method; logarithmic where the lower left corner is above 0, else linear."""
    axes.plot([1e-6, 1], [1e-6, 1], ":", color=theme.soft, linewidth=1)
    for at, (name, rows) in enumerate(found.items()):
        colour, above = theme.hues[at % len(theme.hues)], 9 - at
        points, never = _placed(rows, corner)
        axes.plot(*_ends(points), "o-", color=colour, markersize=4, label=name, zorder=above)
        if never:
            axes.plot(*_ends(never), color=colour, linestyle="", zorder=above, **NEVER)
        if at == 0:
            axes.vlines(*_bars(points), color=colour, linewidth=1)
    scale = "log" if corner[1] else "linear"
    axes.set(xscale=scale, yscale=scale, xlim=(corner[0], 1.03), ylim=(corner[1], 1.03))
    axes.set(xlabel="probability, mean of the bin", ylabel="share that came true")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")  # a logarithmic one's own needs math text
        axis.set_minor_formatter("")


def _low(rows: Sequence[Row], name: str) -> float:
    """Low end of a logarithmic axis: below all that has a place on it, but not below its edge."""
    values = [row[name] for row in rows if row[name] > 0]
    return float(max(min(values, default=EDGE) / 1.5, EDGE))


def _placed(rows: Sequence[Row], corner: tuple[float, float]) -> tuple[list[Row], list[Row]]:
    """The bins as they are drawn, and those in which nothing came true, on the floor.

    On linear scales, which begin at 0, all are as they are.
    """
    left, floor = corner
    drawn = [
        {**row, "said": max(row["said"], left), "came_true": max(row["came_true"], floor)}
        for row in rows
    ]
    never = [floor > 0 and row["came_true"] == 0 for row in rows]
    return (
        [row for row, none in zip(drawn, never, strict=True) if not none],
        [row for row, none in zip(drawn, never, strict=True) if none],
    )


def _ends(rows: Sequence[Row]) -> tuple[list[float], list[float]]:
    """Where the bins stand: said, and came true."""
    return [row["said"] for row in rows], [row["came_true"] for row in rows]


def _bars(rows: Sequence[Row]) -> tuple[list[float], list[float], list[float]]:
    """Places, lower and upper ends of the bins that have an interval."""
    known = [row for row in rows if row["low"] is not None]
    said, low, high = ([row[name] for row in known] for name in ("said", "low", "high"))
    return said, [max(end, 1e-9) for end in low], high
