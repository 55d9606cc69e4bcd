"""Data of the paper's figure 2: what the temperature does to probability, cost and gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from mumic.training.loss import Cost, bce_cost

Floats = npt.NDArray[np.float64]

TEMPERATURES = (1.0, 0.2, 0.1, 0.026, 0.01)


@dataclass(frozen=True)
class LossCurve:
    """One temperature: arrays (n,) over ``cosines``.

    ``gradient_positive`` and ``gradient_negative`` are the cost's derivative with respect to the
    cosine, where the label is 1 and 0. The loss being a mean, a cell's share is this over the
    number of observed cells.
    """

    temperature: float
    cosines: Floats
    probability: Floats
    cost_positive: Floats
    cost_negative: Floats
    gradient_positive: Floats
    gradient_negative: Floats


def loss_curves(
    temperatures: Sequence[float] = TEMPERATURES,
    cost: Cost = bce_cost,
    *,
    bias: float = 0.0,
    points: int = 401,
) -> list[LossCurve]:
    """A curve per temperature over all cosines; a logit is cosine / temperature + bias.

    Args:
        temperatures: tau, each above 0.
        cost: of a cell, see :func:`mumic.training.loss.cost_of`; default: equation 1 at p = 1.
        bias: of the logits.
        points: cosines from -1 to 1.
    """
    cosines = np.linspace(-1, 1, points)
    return [_curve(cosines, tau, cost, bias) for tau in temperatures]


def _curve(cosines: Floats, tau: float, cost: Cost, bias: float) -> LossCurve:
    logits = torch.from_numpy(cosines / tau + bias)
    positive, rise = _cost_and_gradient(logits, cost, 1.0)
    negative, fall = _cost_and_gradient(logits, cost, 0.0)
    return LossCurve(
        temperature=tau,
        cosines=cosines,
        probability=torch.sigmoid(logits).numpy(),
        cost_positive=positive,
        cost_negative=negative,
        gradient_positive=rise / tau,
        gradient_negative=fall / tau,
    )


def _cost_and_gradient(logits: torch.Tensor, cost: Cost, label: float) -> tuple[Floats, Floats]:
    """A cell's cost and its derivative with respect to the logit, (n,) each."""
    z = logits.clone().requires_grad_(True)
    costs = cost(z, torch.full_like(logits, label))
    (slopes,) = torch.autograd.grad(costs.sum(), z)
    return costs.detach().numpy(), slopes.numpy()
