"""Losses over the observed cells, on logits ``z = cos / tau`` with ``tau = exp(-logit_scale)``.

MuMIC's is the tempered-sigmoid binary cross-entropy (Wang et al., AAAI 2023, equation 1). A cell
with label ``y`` costs

    -[p y log sigma(z) + (1 - y) log(1 - sigma(z))]

and the loss is the mean over the observed cells. Its gradient with respect to a cosine is
``((1 - y + p y) sigma(z) - p y) / tau`` divided by the number of observed cells; at ``p = 1`` and
before the mean that is equation 3.

Beside it stand, to compare with, the focal loss (Lin et al., ICCV 2017, equation 5) and the
asymmetric loss, ASL (Ridnik et al., ICCV 2021, equation 7). Every label may be a rate between 0 and
1: the cost is then linear between that of a no and that of a yes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from annotate.settings import TrainSettings

Cost = Callable[[Tensor, Tensor], Tensor]

TEMPERED_BCE = "tempered-bce"
BCE = "bce"
FOCAL = "focal"
ASL = "asl"
LOSSES = (TEMPERED_BCE, BCE, FOCAL, ASL)


def cost_of(settings: TrainSettings, positive_weight: Tensor) -> Cost:
    """The cost per cell of the loss that the settings name.

    ``bce`` is ``tempered-bce`` of logits whose temperature stays 1, which is the model's matter.

    Args:
        settings: loss and its parameters.
        positive_weight: p of equation 1, (classes,).
    """
    bce = partial(bce_cost, positive_weight=positive_weight)
    costs: dict[str, Cost] = {
        TEMPERED_BCE: bce,
        BCE: bce,
        FOCAL: partial(focal_cost, gamma=settings.focal_gamma, alpha=settings.focal_alpha),
        ASL: partial(
            asl_cost,
            gamma_negative=settings.asl_gamma_negative,
            gamma_positive=settings.asl_gamma_positive,
            clip=settings.asl_clip,
        ),
    }
    return costs[settings.loss]


def bce_cost(z: Tensor, y: Tensor, positive_weight: float | Tensor = 1.0) -> Tensor:
    """Equation 1 per cell; ``positive_weight`` is p, a number or one per class."""
    return -positive_weight * y * F.logsigmoid(z) - (1 - y) * F.logsigmoid(-z)


def focal_cost(z: Tensor, y: Tensor, gamma: float = 2.0, alpha: float = 0.25) -> Tensor:
    """Focal loss per cell: ``-alpha_t (1 - p_t)^gamma log p_t``, p_t the true label's chance."""
    yes = alpha * torch.sigmoid(-z) ** gamma * F.logsigmoid(z)
    no = (1 - alpha) * torch.sigmoid(z) ** gamma * F.logsigmoid(-z)
    return -y * yes - (1 - y) * no


def asl_cost(
    z: Tensor,
    y: Tensor,
    gamma_negative: float = 4.0,
    gamma_positive: float = 0.0,
    clip: float = 0.05,
) -> Tensor:
    """ASL per cell: ``-(1 - p)^g+ log p`` for a yes, ``-q^g- log(1 - q)`` for a no.

    ``q = max(p - clip, 0)``, so that easy negatives cost nothing. ASL's paper sums over the cells.
    """
    yes = torch.sigmoid(-z) ** gamma_positive * F.logsigmoid(z)
    if clip:
        kept = (torch.sigmoid(-z) + clip).clamp(max=1)  # 1 - q; at least clip, so its log is finite
        no = (1 - kept) ** gamma_negative * torch.log(kept)
    else:
        no = torch.sigmoid(z) ** gamma_negative * F.logsigmoid(-z)
    return -y * yes - (1 - y) * no


def observed_sum(cost: Cost, logits: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
    """Sum of the observed cells' costs, of a batch or a part of one.

    Args:
        cost: of a cell.
        logits: (images, classes); bf16 and fp16 are raised to fp32.
        labels: 1, 0, or a rate between them, (images, classes); anything where the mask is False.
        mask: bool (images, classes), False where the label is unknown.

    Returns:
        A scalar, fp32 or fp64.
    """
    z = logits if logits.dtype == torch.float64 else logits.float()
    # Unknown cells are replaced before any arithmetic: a NaN label must not reach the gradient.
    y = torch.where(mask, labels.to(z.dtype), torch.zeros_like(z))
    costs = cost(z, y)
    return torch.where(mask, costs, torch.zeros_like(costs)).sum()


def observed_mean(cost: Cost, logits: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
    """Mean cost of the observed cells; zero, with zero gradients, where there is none.

    Args:
        cost: of a cell.
        logits: see :func:`observed_sum`.
        labels: see there.
        mask: see there.
    """
    return observed_sum(cost, logits, labels, mask) / mask.sum().clamp(min=1)


def tempered_bce(
    logits: Tensor, labels: Tensor, mask: Tensor, positive_weight: float | Tensor = 1.0
) -> Tensor:
    """Equation 1: the mean over the observed cells, see :func:`observed_mean`."""
    return observed_mean(partial(bce_cost, positive_weight=positive_weight), logits, labels, mask)
