"""Data of the paper's figure 2: what the temperature does to probability, cost and gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from mumic.training.loss import bce_cost

Floats = npt.NDArray[np.float64]

TEMPERATURES = (1.0, 0.2, 0.1, 0.026, 0.01)


@dataclass(frozen=True)
class LossCurve:
    """One temperature: arrays (n,) over ``cosines``.

    ``gradient_positive`` and ``gradient_negative`` are the cost's derivative with respect to the
    cosine, where the label is 1 and 0.
    """

    temperature: float
    cosines: Floats
    probability: Floats
    cost_positive: Floats
    cost_negative: Floats
    gradient_positive: Floats
    gradient_negative: Floats


def gradient(
    cosines: Floats, labels: Floats | float, temperature: float, positive_weight: float = 1.0
) -> Floats:
    """``(1/tau) ((1 - y + p y) sigma(cos / tau) - p y)`` (Wang et al., AAAI 2023, equation 3).

    At p = 1 it is the paper's. The loss being a mean, a cell's share is this over the number of
    observed cells.

    >>> gradient(np.array([0.0]), 1.0, 0.1).tolist()
    [-5.0]
    """
    y, p = np.asarray(labels), positive_weight
    sigma = torch.sigmoid(torch.from_numpy(np.asarray(cosines, float) / temperature)).numpy()
    found: Floats = ((1 - y + p * y) * sigma - p * y) / temperature
    return found


def loss_curves(
    temperatures: Sequence[float] = TEMPERATURES, positive_weight: float = 1.0, points: int = 401
) -> list[LossCurve]:
    """A curve per temperature over all cosines.

    Args:
        temperatures: tau, each above 0.
        positive_weight: p of equation 1.
        points: cosines from -1 to 1.
    """
    cosines = np.linspace(-1, 1, points)
    return [_curve(cosines, tau, positive_weight) for tau in temperatures]


def _curve(cosines: Floats, tau: float, positive_weight: float) -> LossCurve:
    z = torch.from_numpy(cosines / tau)
    yes, no = torch.ones_like(z), torch.zeros_like(z)
    return LossCurve(
        temperature=tau,
        cosines=cosines,
        probability=torch.sigmoid(z).numpy(),
        cost_positive=bce_cost(z, yes, positive_weight).numpy(),
        cost_negative=bce_cost(z, no, positive_weight).numpy(),
        gradient_positive=gradient(cosines, 1.0, tau, positive_weight),
        gradient_negative=gradient(cosines, 0.0, tau, positive_weight),
    )
