"""What a report's figures show: which classes, which cells, which images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mumic.figures.differences import draw_gains
from mumic.figures.style import LIGHT, Drawing
from mumic.metrics.ranking import Cells
from mumic.report.figures import (
    draw_classes,
    draw_logits,
    draw_maps,
    draw_precision_recall,
    logit_range,
)
from mumic.report.reliability import draw_calibration


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


def test_logits_of_few_positives_are_not_cut_off() -> None:
    """Ten positives among 1,000 cells: 0.1 % of all cells would be a tenth of them."""
    values = np.concatenate([np.linspace(-20, 0, 990), np.linspace(5, 14, 10)]).astype(np.float32)
    truth = np.arange(1_000) >= 990
    assert logit_range(values, truth) == (-20, 14)
    many = np.linspace(0, 1, 10_001)
    assert logit_range(many, np.zeros(many.size, bool)) == pytest.approx((0.001, 0.999))
    cells = Cells(truth.astype(np.int8)[:, None], np.ones((1_000, 1), bool))
    axes = _figure(draw_logits({"MuMIC": values[:, None]}, cells)).axes[0]
    last = axes.containers[1][-1]  # of the positives
    assert last.get_x() + last.get_width() == pytest.approx(14)
    assert last.get_height() > 0


def test_every_image_is_on_the_map_and_no_two_categories_look_alike() -> None:
    categories = [f"category {at:02d}" for at in range(11) for _ in range(2)] + ["", "", ""]
    points = np.random.default_rng(0).normal(size=(len(categories), 2)).astype(np.float32)
    figure = _figure(draw_maps({"Before": points, "After": points}, categories))
    for axes in figure.axes:
        drawn = {each.get_label(): each for each in axes.collections}
        assert set(drawn) == {*categories, "no class"} - {""}
        assert len(drawn["no class"].get_offsets()) == 3
        assert sum(len(each.get_offsets()) for each in drawn.values()) == len(categories)
        looks = {
            (each.get_edgecolor().tobytes(), each.get_paths()[0].vertices.tobytes())
            for each in drawn.values()
        }
        assert len(looks) == len(drawn)


def test_bars_stand_on_the_bins_that_have_an_interval() -> None:
    rows = [
        {"said": 0.1, "came_true": 0.2, "low": 0.05, "high": 0.4},
        {"said": 0.9, "came_true": 1.0, "low": None, "high": None},
    ]
    found = {"MuMIC": {"reliability": rows, "reliability_equal_count": rows[1:]}}
    wide, full = _figure(draw_calibration(found)).axes
    (bars,) = wide.collections
    assert np.array(bars.get_segments()) == pytest.approx(np.array([[[0.1, 0.05], [0.1, 0.4]]]))
    assert [len(each.get_segments()) for each in full.collections] in ([], [0])


def test_bins_in_which_nothing_came_true_are_on_the_floor_of_the_logarithmic_panel() -> None:
    said = [1e-7, 1e-3, 0.02, 0.4]
    came = [0.0, 0.0, 0.01, 0.5]
    rows = [
        {"said": a, "came_true": b, "low": None, "high": None}
        for a, b in zip(said, came, strict=True)
    ]
    found = {"MuMIC": {"reliability": rows, "reliability_equal_count": rows}}
    figure = _figure(draw_calibration(found))
    wide, full = figure.axes
    curve, marks = full.lines[1:]  # the first is the diagonal
    assert curve.get_xydata() == pytest.approx(np.array([[0.02, 0.01], [0.4, 0.5]]))
    left, floor = full.get_xlim()[0], full.get_ylim()[0]
    assert (left, floor) == pytest.approx((1e-5, 0.01 / 1.5))
    assert marks.get_xydata() == pytest.approx(np.array([[left, floor], [1e-3, floor]]))
    assert (marks.get_marker(), curve.get_marker()) == ("v", "o")
    assert wide.lines[1].get_xydata() == pytest.approx(np.array([said, came]).T)
    assert len(wide.lines) == 2
    (legend,) = figure.legends
    named = ["MuMIC", "nothing came true in the bin"]
    assert [text.get_text() for text in legend.get_texts()] == named
    few = {"MuMIC": {"reliability": rows, "reliability_equal_count": rows[2:]}}
    (legend,) = _figure(draw_calibration(few)).legends
    assert [text.get_text() for text in legend.get_texts()] == named[:1]


def _gain(name: str, value: float | None, low: float | None, counts: bool) -> dict[str, Any]:
    high = None if value is None or low is None else 2 * value - low
    return {"name": name, "value": value, "low": low, "high": high, "counts": counts}


def test_of_many_classes_the_largest_gains_are_drawn_and_pale_where_they_may_be_nothing() -> None:
    """61 gains and losses, of which the smallest by far is in the middle of the list."""
    values = {f"class {at:02d}": (-1) ** at * (0.01 + 0.01 * at) for at in range(61)}
    smallest = values["class 30"] = 0.001
    rows = [
        _gain(name, value, value - 0.005, at % 3 == 0)
        for at, (name, value) in enumerate(values.items())
    ]
    outside = [_gain("no value", None, None, True), _gain("one group", 0.9, None, True)]
    (axes,) = _figure(draw_gains([*outside, *rows], "Gains")).axes
    drawn = sorted(set(values.values()) - {smallest})
    bars = sorted(axes.patches, key=lambda bar: bar.get_y())
    assert [bar.get_width() for bar in bars] == pytest.approx([100 * value for value in drawn])
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert [values[name] for name in names] == drawn
    counting = {row["name"] for row in rows if row["counts"]}
    assert [bar.get_alpha() for bar in bars] == [1 if n in counting else 0.4 for n in names]
    lines = [each.get_segments()[0][:, 0] for each in axes.collections]
    wanted = [[100 * value - 0.5, 100 * value + 0.5] for value in drawn]
    assert np.array(lines) == pytest.approx(np.array(wanted))
    assert axes.get_title() == "Gains (60 of 61 classes)"


def test_classes_within_the_means_ascend_by_the_first_method() -> None:
    found: list[tuple[str, float | None, float | None, bool]]
    found = [("a", 0.7, 0.2, True), ("b", 0.3, None, True), ("c", 0.1, 0.9, False)]
    found += [("d", None, 0.5, True), ("e", 0.5, 0.6, True)]
    rows = [
        {
            "name": name,
            "positives": place,
            "average_precision": {"MuMIC": own, "other": other},
            "in_means": inside,
        }
        for place, (name, own, other, inside) in enumerate(found)
    ]
    (axes,) = _figure(draw_classes(rows, ["MuMIC", "other"])).axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["b (1)", "e (4)", "a (0)"]
    points = {
        each.get_label(): np.ma.filled(each.get_offsets(), np.nan) for each in axes.collections
    }
    assert points["MuMIC"] == pytest.approx(np.array([[0.3, 0], [0.5, 1], [0.7, 2]]))
    assert points["other"][1:] == pytest.approx(np.array([[0.6, 1], [0.2, 2]]))
    assert np.isnan(points["other"][0, 0])  # it has no value there, and no point
