"""The figures of a report; each function gives one drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from mumic.figures.style import Drawing, Theme
from mumic.metrics.ranking import Cells, Floats, Ranking, precision_recall, rank

MOST_POINTS = 2_000  # images on a map
SHOWN_CURVES = 6
SHAPES = "os^D"  # of points, a turn of all hues each
NO_CLASS = -1


def draw_logits(scored: Mapping[str, Floats], cells: Cells) -> Drawing:
    """Figure 3: how the logits of positives and negatives lie, by method."""
    truth = cells.labels[cells.mask] == 1

    def plot(figure: Figure, theme: Theme) -> None:
        panels = figure.subplots(1, len(scored), squeeze=False)[0]
        for axes, (name, logits) in zip(panels, scored.items(), strict=True):
            values = logits[cells.mask]
            bins = np.linspace(*logit_range(values, truth), 60)
            for at, (label, kept) in enumerate((("negative", ~truth), ("positive", truth))):
                if not kept.any():  # an empty side has no density
                    continue
                colour = theme.hues[(7, 0)[at]]
                axes.hist(values[kept], bins, density=True, alpha=0.6, color=colour, label=label)
            axes.set_title(name)
            axes.set_xlabel("logit")
            axes.set_yticks([])
        # Beside the panels: finding the best place among the bars can take seconds.
        panels[-1].legend(loc="center left", bbox_to_anchor=(1.01, 0.5))

    return Drawing(plot, width=9.5, height=3.3)


def logit_range(values: Floats, truth: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Low and high end of a histogram that cuts at most 0.1 % off either end of either side.

    0.1 % of all cells together may be many of the positives, which are few and lie at one end.

    Args:
        values: logits of known cells, (cells,).
        truth: whether a cell is positive, (cells,).
    """
    sides = [values[kept] for kept in (truth, ~truth) if kept.any()]
    # Not between two values, which would cut the outermost of a few.
    low = min(np.quantile(side, 0.001, method="lower") for side in sides)
    high = max(np.quantile(side, 0.999, method="higher") for side in sides)
    return float(low), float(high)


def draw_classes(rows: Sequence[Mapping[str, Any]], methods: Sequence[str]) -> Drawing:
    """Figure 4: average precision of every class, by method; classes in the order of the first."""
    own = methods[0]
    known = [row for row in rows if row["average_precision"][own] is not None and row["in_means"]]
    ordered = sorted(known, key=lambda row: row["average_precision"][own])

    def plot(figure: Figure, theme: Theme) -> None:
        axes = figure.subplots()
        for at, name in reversed(list(enumerate(methods))):
            values = [row["average_precision"].get(name) for row in ordered]
            size = 46 if at == 0 else 22
            colour = theme.hues[at % len(theme.hues)]
            values = [np.nan if value is None else value for value in values]
            axes.scatter(values, range(len(ordered)), size, color=colour, label=name, zorder=3)
        axes.set_yticks(
            range(len(ordered)), [f"{row['name']} ({row['positives']})" for row in ordered]
        )
        axes.set_ylim(-0.7, max(len(ordered), 1) - 0.3)
        axes.set_xlim(0, 1.01)
        axes.set_xlabel("average precision; in brackets: positives")
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(
            handles[::-1], labels[::-1], loc="outside upper left", ncols=2, borderaxespad=0
        )

    return Drawing(plot, width=8.5, height=1.8 + 0.22 * max(len(ordered), 3))


def draw_precision_recall(
    scored: Mapping[str, Floats], cells: Cells, names: Sequence[str], precisions: Sequence[float]
) -> Drawing:
    """All cells pooled (whose area is GAP), by method; and classes by the first method.

    Args:
        scored: logits by method.
        cells: the truth.
        names: of the classes.
        precisions: of the first method, (classes,); NaN for a class that is not to be drawn.
    """
    first = next(iter(scored.values()))
    known = [at for at, value in enumerate(precisions) if value == value]
    ordered = sorted(known, key=lambda at: -precisions[at])
    shown = [ordered[place] for place in spread(len(ordered))]

    def plot(figure: Figure, theme: Theme) -> None:
        pooled, by_class = figure.subplots(1, 2)
        for at, (name, logits) in enumerate(scored.items()):
            ranking = rank(logits[cells.mask], cells.labels[cells.mask])
            pooled.step(*_steps(ranking), where="pre", color=theme.hues[at], label=name)
        pooled.set_title("All classes pooled")
        for at, column in enumerate(shown):
            ranking = rank(first[:, column], cells.labels[:, column], cells.mask[:, column])
            label = f"{names[column]} {precisions[column]:.2f}"
            by_class.step(*_steps(ranking), where="pre", color=theme.hues[at], label=label)
        by_class.set_title("Classes from best to worst")
        for axes in (pooled, by_class):
            axes.set(xlim=(0, 1.01), ylim=(0, 1.03), xlabel="recall", ylabel="precision")
        pooled.legend(loc="lower left")
        if shown:
            by_class.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))

    return Drawing(plot, width=10, height=4)


def spread(count: int) -> list[int]:
    """Places of at most six of ``count`` ordered things, evenly from the first to the last.

    >>> spread(3), spread(10), spread(120)
    ([0, 1, 2], [0, 2, 4, 5, 7, 9], [0, 24, 48, 71, 95, 119])
    """
    places = np.linspace(0, max(count - 1, 0), min(count, SHOWN_CURVES))
    return [round(place) for place in places.tolist()]


def _steps(ranking: Ranking) -> tuple[Floats, Floats]:
    """Recall and precision from recall 0 on, so that the area under the steps is the step sum.

    Without a positive there is no curve.
    """
    curve = precision_recall(ranking)
    if not curve.recall.size:
        return curve.recall, curve.precision
    return np.append(0.0, curve.recall), np.append(curve.precision[:1], curve.precision)


def draw_maps(maps: Mapping[str, npt.NDArray[np.float32]], categories: Sequence[str]) -> Drawing:
    """Figures 7 and 8: images as points, coloured by the category of their rarest class.

    Args:
        maps: points (images, 2) by the title of their panel.
        categories: of the images; empty for one without a class, which becomes a faint cross.
            Where there are more categories than hues, shapes tell them apart too.
    """
    names = sorted({name for name in categories if name})
    places = np.array([names.index(name) if name else NO_CLASS for name in categories])
    shown = dict(enumerate(names)) | ({NO_CLASS: "no class"} if NO_CLASS in places else {})

    def plot(figure: Figure, theme: Theme) -> None:
        panels = figure.subplots(1, len(maps), squeeze=False)[0]
        for axes, (title, points) in zip(panels, maps.items(), strict=True):
            for place, name in shown.items():
                look = _look(place, theme)
                axes.scatter(*points[places == place].T, label=name, alpha=0.8, **look)
            axes.set(xticks=[], yticks=[])
            axes.set_title(title)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower left", ncols=4, markerscale=2)

    return Drawing(plot, width=10, height=5.4)


def _look(place: int, theme: Theme) -> dict[str, Any]:
    """Size, shape and colour of the points of a category."""
    if place == NO_CLASS:
        return {"s": 8, "marker": "x", "color": theme.soft, "linewidths": 0.7}
    turn, hue = divmod(place, len(theme.hues))
    return {"s": 9, "marker": SHAPES[turn % len(SHAPES)], "color": theme.hues[hue]}


def tsne(rows: Floats, seed: int) -> npt.NDArray[np.float32]:
    """t-SNE of unit rows into the plane, (images, 2)."""
    from sklearn.manifold import TSNE

    perplexity = min(30.0, max(1.0, (len(rows) - 1) / 3))
    found: npt.NDArray[np.float32] = TSNE(
        2, perplexity=perplexity, init="pca", random_state=seed
    ).fit_transform(rows)
    return found
