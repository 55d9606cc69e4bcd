"""Average precision gained or lost per class, with its interval (figure 6 of the paper)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from mumic.figures.style import Drawing, Theme

MOST = 60  # classes; of more, those with the largest differences are drawn


def draw_gains(rows: Sequence[Mapping[str, Any]], title: str) -> Drawing:
    """A bar per class, the largest gain on top; pale where the difference may be nothing.

    Args:
        rows: name, value, low, high and counts of each class, as
            :func:`mumic.series.compare.class_rows` gives them.
        title: of the figure.
    """
    known = [row for row in rows if row["value"] is not None and row["low"] is not None]
    largest = sorted(known, key=lambda row: -abs(row["value"]))[:MOST]
    shown = sorted(largest, key=lambda row: row["value"])
    more = f" ({len(shown)} of {len(known)} classes)" if len(known) > len(shown) else ""

    def plot(figure: Figure, theme: Theme) -> None:
        axes = figure.subplots()
        for place, row in enumerate(shown):
            colour = theme.hues[2] if row["value"] >= 0 else theme.hues[4]
            pale = 1 if row["counts"] else 0.4
            axes.barh(place, 100 * row["value"], color=colour, alpha=pale, height=0.7)
            axes.hlines(place, 100 * row["low"], 100 * row["high"], color=theme.soft, linewidth=0.9)
        axes.axvline(0, color=theme.soft, linewidth=0.9)
        axes.set_yticks(range(len(shown)), [row["name"] for row in shown])
        axes.set_ylim(-0.6, max(len(shown), 1) - 0.4)
        axes.grid(axis="y", visible=False)
        axes.set_xlabel("points of average precision, with 95 % intervals; pale: may be nothing")
        axes.set_title(title + more)

    return Drawing(plot, width=8, height=1.3 + 0.21 * max(len(shown), 3))
