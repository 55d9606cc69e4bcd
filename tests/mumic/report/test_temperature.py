"""Figure 5: a few trainings of many, and the clamps that they come near."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mumic.figures.style import LIGHT, Drawing
from mumic.figures.temperature import draw_temperature
from mumic.tuning import results


def _figure(*given: Any) -> Any:
    drawing = draw_temperature(*given)
    figure = Figure(figsize=(drawing.width, drawing.height), layout="constrained")
    FigureCanvasAgg(figure)
    drawing.plot(figure, LIGHT)
    figure.draw_without_rendering()
    return figure


def _curves(count: int) -> dict[str, list[float]]:
    return {f"trial {at}, from {at / 10:.2f}": [at / 10, at / 10 + 0.1] for at in range(count)}


def test_of_thirty_trials_the_first_eight_are_drawn_and_all_is_inside() -> None:
    figure = _figure(_curves(30), (), "best")
    axes = figure.axes[0]
    assert axes.get_title(loc="left") + axes.get_title() == (
        "The temperature during training (best 8 of 30)"
    )
    legend = axes.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == list(_curves(8))
    assert len({line.get_color() for line in axes.lines}) == 8
    frame, box = figure.bbox, legend.get_window_extent()
    assert frame.x0 <= box.x0 < box.x1 <= frame.x1
    assert frame.y0 <= box.y0 < box.y1 <= frame.y1
    assert axes.bbox.width > frame.width / 2
    assert "of" not in _figure(_curves(8)).axes[0].get_title()


@pytest.mark.parametrize(
    ("clamps", "named"),
    [
        ([], []),
        ([4.605, 4.605], ["clamp 4.61"]),
        ([4.605, 5.2, 5.8], ["lowest clamp 4.61", "highest clamp 5.80"]),
        ([4.605, 9.0], ["lowest clamp 4.61"]),  # no curve comes near the other
    ],
)
def test_dotted_lines_are_named_by_what_they_are(clamps: list[float], named: list[str]) -> None:
    axes = _figure({"a": [4.6, 4.6], "b": [5.8, 5.7]}, clamps).axes[0]
    assert [text.get_text() for text in axes.texts] == named
    dotted = [line.get_ydata()[0] for line in axes.lines if line.get_linestyle() == ":"]
    assert [f"{value:.2f}" for value in dotted] == [name.split()[-1] for name in named]


def test_a_study_draws_its_best_trials_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def drawing(*given: Any) -> Drawing:
        seen.extend(given)
        return Drawing(lambda figure, theme: None)

    monkeypatch.setattr(results, "draw_temperature", drawing)
    trials = []
    for number, (value, clamp) in enumerate([(0.2, 4.6), (0.9, 5.8), (0.5, 4.6)]):
        trial = optuna.trial.create_trial(
            value=value,
            user_attrs={"changes": {"max_logit_scale": clamp}, "found": {"run": f"run-{number}"}},
        )
        trial.number = number
        trials.append(trial)
    results._draw(tmp_path, trials)
    curves, clamps, order = seen
    assert list(curves) == ["trial 1", "trial 2", "trial 0"]
    assert (sorted(clamps), order) == ([4.6, 5.8], "best")
