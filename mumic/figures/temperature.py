"""The temperature during training (figure 5 of the paper)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mumic.figures.style import HUES, Drawing, Theme

MOST = len(HUES)  # trainings: a hue each
NEAR = 0.5  # of a clamp that curves are said to come near


def draw_temperature(
    curves: Mapping[str, Sequence[float]], clamps: Collection[float] = (), order: str = "first"
) -> Drawing:
    """A line of ``logit_scale`` per training, step by step, of at most eight trainings.

    Args:
        curves: by the training's name, ``logit_scale`` after each step.
        clamps: the upper bounds of all trainings. The lowest and the highest are dotted lines where
            the curves come near them.
        order: what the curves that come first are, for the title: ``first`` or ``best``.
    """
    shown = dict(list(curves.items())[:MOST])
    highest = max((max(values) for values in shown.values() if values), default=0.0)
    few = f" ({order} {len(shown)} of {len(curves)})" if len(curves) > len(shown) else ""

    def plot(figure: Figure, theme: Theme) -> None:
        axes = figure.subplots()
        for at, (name, values) in enumerate(shown.items()):
            axes.plot(range(1, len(values) + 1), values, color=theme.hues[at], label=name)
        for clamp, name in clamp_names(clamps).items():
            if highest > clamp - NEAR:
                axes.axhline(clamp, color=theme.soft, linestyle=":", linewidth=1)
                axes.annotate(name, (1, clamp), color=theme.soft, fontsize=8, va="bottom")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("optimiser step")
        axes.set_ylabel("logit_scale = ln(1 / temperature)")
        axes.set_title(f"The temperature during training{few}")
        if len(shown) > 1:
            axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))

    return Drawing(plot, width=8, height=4)


def clamp_names(clamps: Collection[float]) -> dict[float, str]:
    """The lowest and the highest clamp with what their lines are called.

    >>> clamp_names([4.605, 4.605]), clamp_names([5.8, 4.605, 5.1])
    ({4.605: 'clamp 4.61'}, {4.605: 'lowest clamp 4.61', 5.8: 'highest clamp 5.80'})
    """
    if len(set(clamps)) < 2:
        return {clamp: f"clamp {clamp:.2f}" for clamp in clamps}
    low, high = min(clamps), max(clamps)
    return {low: f"lowest clamp {low:.2f}", high: f"highest clamp {high:.2f}"}
