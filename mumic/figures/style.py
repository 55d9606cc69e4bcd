"""The two themes, and how a plot becomes bytes."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from annotate.files import atomic

DPI = 144
# Told apart by people with any colour vision (Okabe and Ito, 2008), without their black and yellow.
HUES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#8C6D31", "#7F7F7F")


@dataclass(frozen=True)
class Theme:
    """Colours of a page: background, text, faint lines, and those of methods in their order."""

    paper: str
    ink: str
    soft: str
    line: str
    hues: tuple[str, ...]


LIGHT = Theme("#ffffff", "#1c2430", "#5c6878", "#dde3ea", HUES)
DARK = Theme(
    "#141a21",
    "#e8edf3",
    "#9fb0c2",
    "#303b48",
    ("#56B4E9", "#E69F00", "#35C79A", "#E39BC7", "#F0784A", "#8AB6FF", "#C9A662", "#A5A5A5"),
)

Plot = Callable[[Figure, Theme], Any]


@dataclass(frozen=True)
class Drawing:
    """A plot: what it draws on a figure in a theme, and its size in inches."""

    plot: Plot
    width: float = 8.0
    height: float = 4.0

    def png(self, theme: Theme = LIGHT) -> bytes:
        """The figure as PNG."""
        with matplotlib.rc_context(_settings(theme)):
            figure = Figure(figsize=(self.width, self.height), layout="constrained")
            FigureCanvasAgg(figure)
            self.plot(figure, theme)
            buffer = io.BytesIO()
            # Without the version in its metadata, so that equal figures are equal bytes.
            figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
        return buffer.getvalue()

    def save(self, target: Path) -> Path:
        """Write it for light pages, atomically."""
        data = self.png()
        with atomic(target) as file:
            file.write(data)
        return target


def _settings(theme: Theme) -> Any:
    return {
        "figure.facecolor": theme.paper,
        "savefig.facecolor": theme.paper,
        "axes.facecolor": theme.paper,
        "axes.edgecolor": theme.line,
        "axes.labelcolor": theme.soft,
        "axes.titlecolor": theme.ink,
        "axes.titlesize": 11,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.labelsize": 9.5,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "grid.color": theme.line,
        "grid.linewidth": 0.6,
        "text.color": theme.ink,
        "text.parse_math": False,  # a dollar sign in a class's name is a dollar sign
        "xtick.color": theme.soft,
        "ytick.color": theme.soft,
        "xtick.labelsize": 8.5,
        "ytick.labelsize": 8.5,
        "legend.frameon": False,
        "legend.fontsize": 9,
        "legend.labelcolor": theme.ink,
        "lines.linewidth": 1.7,
        "font.family": ["DejaVu Sans"],
    }
