"""What a report's figures show: which classes, which cells, which images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mumic.figures.style import LIGHT, Drawing
from mumic.ranking import Cells
from mumic.report.figures import draw_logits, draw_maps, draw_precision_recall, logit_range


def _figure(drawing: Drawing) -> Any:
    figure = Figure(figsize=(drawing.width, drawing.height), layout="constrained")
    FigureCanvasAgg(figure)
    drawing.plot(figure, LIGHT)
    return figure


@pytest.mark.parametrize(
    ("count", "ranks"),
    [(4, [1, 2, 3, 4]), (10, [1, 3, 5, 6, 8, 10]), (120, [1, 25, 49, 72, 96, 120])],
)
def test_curves_are_of_classes_from_best_to_worst(count: int, ranks: list[int]) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(20, count + 1)).astype(np.float32)
    labels = (rng.random(logits.shape) < 0.5).astype(np.int8)
    cells = Cells(labels, np.ones(labels.shape, bool))
    # The class in front is outside the means; the others are named by their rank.
    names = ["outside", *(f"rank {at + 1}" for at in range(count))]
    precisions = [float("nan"), *np.linspace(0.9, 0.1, count)]
    figure = _figure(draw_precision_recall({"MuMIC": logits}, cells, names, precisions))
    shown = [text.get_text().rsplit(" ", 1)[0] for text in figure.axes[1].get_legend().get_texts()]
    assert shown == [f"rank {rank}" for rank in ranks]


