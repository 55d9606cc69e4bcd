"""Figure 2 is of the run: its loss, its bias, its temperature; and the page says which."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mumic.figures.style import LIGHT
from mumic.report.loss_figure import RunLoss, draw_loss
from mumic.run import Run

TAU = 0.02
BIAS = -8.0


def _loss(bias: float = BIAS, scale: float = -float(np.log(TAU)), **train: Any) -> RunLoss:
    record = {"logit_scale": scale, "logit_bias": bias, "settings": {"train": train}}
    return RunLoss.of(Run(Path("run"), record, (), ()))


def _costs(loss: RunLoss) -> dict[str, Any]:
    """Costs by temperature and label, over 401 cosines."""
    drawing = draw_loss(loss)
    figure = Figure(layout="constrained")
    FigureCanvasAgg(figure)
    drawing.plot(figure, LIGHT)
    return {str(line.get_label()): line.get_ydata() for line in figure.axes[0].lines}


def test_the_bias_moves_the_curves() -> None:
    z = np.linspace(-1, 1, 401) / TAU + BIAS
    drawn = _costs(_loss(loss="tempered-bce", positive_weight=10.0))
    np.testing.assert_allclose(drawn["0.02, positive"], 10 * np.logaddexp(0, -z), rtol=1e-9)
    np.testing.assert_allclose(drawn["0.02, negative"], np.logaddexp(0, z), rtol=1e-9)
    # Without it, an image and a text that have nothing in common cost the same either way.
    plain = _costs(_loss(0.0, loss="tempered-bce", positive_weight=1.0))
    assert plain["0.02, positive"][200] == plain["0.02, negative"][200] == pytest.approx(np.log(2))


def test_a_run_under_another_loss_has_its_own_curves() -> None:
    z = np.linspace(-1, 1, 401) / TAU + BIAS
    p = 1 / (1 + np.exp(-z))
    focal = _costs(_loss(loss="focal", focal_gamma=1.0, focal_alpha=0.5))
    np.testing.assert_allclose(focal["0.02, negative"], 0.5 * p * np.logaddexp(0, z), rtol=1e-9)
    asl = _costs(_loss(loss="asl", asl_clip=0.1))
    q = np.maximum(p - 0.1, 0)
    expected = -(q**4) * np.log1p(-q)
    np.testing.assert_allclose(asl["0.02, negative"], expected, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize(
    ("train", "words"),
    [
        ({"loss": "tempered-bce", "positive_weight": 4}, "(equation 1), a positive weighing 4: at"),
        ({"loss": "focal"}, "the focal loss: at the run's temperature, 0.02, and for comparison"),
        ({"loss": "asl"}, "the asymmetric loss: at"),
        (
            {"positive_weight": "auto"},
            "weighing 1 here (the run's classes have weights of the",
        ),
        ({"of_a_later_version": 1}, "a positive weighing 10: at"),
    ],
)
def test_what_is_drawn_is_said(train: dict[str, Any], words: str) -> None:
    assert words in _loss(**train).text
    assert _loss(**train).text.endswith("all with the run's bias of -8.")
    assert "bias" not in _loss(0.0, **train).text


def test_equal_weights_of_all_classes_are_one_number() -> None:
    settings = {"train": {"positive_weight": "auto"}}
    record = {"logit_scale": 0.0, "logit_bias": 0.0, "settings": settings}
    for weights, said in (({"a": 3.0, "b": 3.0}, 3.0), ({"a": 3.0, "b": 2.0}, None)):
        run = Run(Path("run"), record | {"positive_weights": weights}, (), ())
        assert RunLoss.of(run).positive_weight == said


def test_a_temperature_that_is_drawn_anyway_is_drawn_once() -> None:
    fixed = _loss(0.0, scale=0.0, loss="bce")
    assert list(_costs(fixed)) == [
        f"{tau}, {label}" for tau in ("0.1", "1") for label in ("positive", "negative")
    ]
    assert "at the run's temperature, 1, and for comparison at 0.1." in fixed.text
