"""The temperature during training (figure 5 of the paper)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mumic.figures.style import Drawing, Theme


def draw_temperature(curves: Mapping[str, Sequence[float]], clamp: float | None = None) -> Drawing:
    """A line of ``logit_scale`` per training, step by step.

    Args:
        curves: by the training's name, ``logit_scale`` after each step.
        clamp: the upper bound, drawn as a dotted line where the curves come near it.
    """
    highest = max((max(values) for values in curves.values() if values), default=0.0)

    def plot(figure: Figure, theme: Theme) -> None:
        axes = figure.subplots()
        for at, (name, values) in enumerate(curves.items()):
            colour = theme.hues[at % len(theme.hues)]
            style = "-" if at < len(theme.hues) else "--"
            axes.plot(range(1, len(values) + 1), values, style, color=colour, label=name)
        if clamp is not None and highest > clamp - 0.5:
            axes.axhline(clamp, color=theme.soft, linestyle=":", linewidth=1)
            axes.annotate(
                f"clamp {clamp:.2f}", (1, clamp), color=theme.soft, fontsize=8, va="bottom"
            )
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("optimiser step")
        axes.set_ylabel("logit_scale = ln(1 / temperature)")
        axes.set_title("The temperature during training")
        if len(curves) > 1:
            axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))

    return Drawing(plot, width=8, height=4)
