"""Figure 2 of a run: what its loss, temperature and bias make of a cosine, and what is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from annotate.settings import TrainSettings
from mumic.figures.style import Drawing, Theme
from mumic.run import Run
from mumic.training.loss import ASL, BCE, FOCAL, TEMPERED_BCE, Cost, cost_of
from mumic.training.loss_curves import loss_curves

COMPARED = (1.0, 0.1)  # temperatures beside the run's own
NAMES = {
    TEMPERED_BCE: "binary cross-entropy (equation 1)",
    BCE: "binary cross-entropy (equation 1)",
    FOCAL: "the focal loss",
    ASL: "the asymmetric loss",
}


@dataclass(frozen=True)
class RunLoss:
    """How a run is taught by one cell.

    Attributes:
        settings: ``[train]`` of the run; its loss and the loss's parameters are used.
        positive_weight: p of equation 1; None: the classes have different ones.
        temperature: tau at the end of the training.
        bias: what is added to every logit.
    """

    settings: TrainSettings
    positive_weight: float | None
    temperature: float
    bias: float

    @classmethod
    def of(cls, run: Run) -> RunLoss:
        """The loss of a run, from its ``run.json``; settings that it lacks have their default."""
        stored: Mapping[str, Any] = run.record.get("settings", {}).get("train", {})
        known = {entry.name for entry in fields(TrainSettings)}
        settings = TrainSettings(**{name: stored[name] for name in stored if name in known})
        weights = set(run.record.get("positive_weights", {}).values())
        if not weights and not isinstance(settings.positive_weight, str):
            weights = {settings.positive_weight}
        weight = float(weights.pop()) if len(weights) == 1 else None
        return cls(settings, weight, float(np.exp(-run.logit_scale)), run.logit_bias)

    @property
    def cost(self) -> Cost:
        """Of a cell; with p = 1 where classes have different ones."""
        return cost_of(self.settings, torch.tensor(self.positive_weight or 1.0))

    @property
    def temperatures(self) -> tuple[float, ...]:
        """Those that are drawn, the run's own last."""
        return (*(tau for tau in COMPARED if tau != self.temperature), self.temperature)

    @property
    def text(self) -> str:
        """What is drawn, in a sentence or two."""
        others = " and ".join(f"{tau:g}" for tau in self.temperatures[:-1])
        told = (
            "Cost and gradient of one cell by the cosine of image and text, under the run's loss, "
            f"{NAMES[self.settings.loss]}{self._weight()}: at the run's temperature, "
            f"{self.temperature:.3g}, and for comparison at {others}"
        )
        return told + (f"; all with the run's bias of {self.bias:.3g}." if self.bias else ".")

    def _weight(self) -> str:
        """What a positive weighs, where the loss has that."""
        if self.settings.loss not in (TEMPERED_BCE, BCE):
            return ""
        if self.positive_weight is None:
            return ", a positive weighing 1 here (the run's classes have weights of their own)"
        return f", a positive weighing {self.positive_weight:g}"


def draw_loss(loss: RunLoss) -> Drawing:
    """Figure 2: cost and gradient of a positive and a negative, by cosine."""
    curves = loss_curves(loss.temperatures, loss.cost, bias=loss.bias)

    def plot(figure: Figure, theme: Theme) -> None:
        for axes, kind in zip(figure.subplots(1, 2), ("cost", "gradient"), strict=True):
            for at, curve in enumerate(curves):
                for label, style in (("positive", "-"), ("negative", "--")):
                    values = getattr(curve, f"{kind}_{label}")
                    name = f"{curve.temperature:.3g}, {label}"
                    axes.plot(curve.cosines, values, style, color=theme.hues[at], label=name)
            axes.set_yscale("symlog", linthresh=0.1 if kind == "cost" else 1)
            axes.yaxis.set_major_formatter("{x:g}")
            axes.set_title(kind.capitalize())
            axes.set_xlabel("cosine of image and text")
        axes.legend(title="temperature, label", loc="center left", bbox_to_anchor=(1.01, 0.5))

    return Drawing(plot, width=9.5, height=3.6)
