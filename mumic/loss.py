"""The tempered-sigmoid binary cross-entropy of MuMIC (Wang et al., AAAI 2023, equation 1).

With ``tau = exp(-logit_scale)`` and ``z = cos / tau``, a cell with label ``y`` costs

    -[p y log sigma(z) + (1 - y) log(1 - sigma(z))]

and the loss is the mean over the observed cells. Its gradient with respect to a cosine is
``((1 - y + p y) sigma(z) - p y) / tau`` divided by the number of observed cells; at ``p = 1`` and
before the mean that is equation 3.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def tempered_bce_sum(
    logits: Tensor, labels: Tensor, mask: Tensor, positive_weight: float | Tensor
) -> tuple[Tensor, Tensor]:
    """Sum of the cells' costs, and how many cells were observed.

    The two are apart so that several micro-batches or processes can be summed before the division.

    Args:
        logits: cosine times exp(logit_scale), (images, classes); bf16 and fp16 are raised to fp32.
        labels: 1, 0, or a rate between them, (images, classes); anything where the mask is False.
        mask: bool (images, classes), False where the label is unknown.
        positive_weight: p of equation 1, a number or one per class.

    Returns:
        The sum (scalar, fp32 or fp64) and the count of observed cells (scalar, same type).
    """
    z = logits if logits.dtype == torch.float64 else logits.float()
    # Unknown cells are replaced before any arithmetic: a NaN label must not reach the gradient.
    y = torch.where(mask, labels.to(z.dtype), torch.zeros_like(z))
    cost = -positive_weight * y * F.logsigmoid(z) - (1 - y) * F.logsigmoid(-z)
    observed = torch.where(mask, cost, torch.zeros_like(cost))
    return observed.sum(), mask.sum().to(z.dtype)


def tempered_bce(
    logits: Tensor, labels: Tensor, mask: Tensor, positive_weight: float | Tensor = 1.0
) -> Tensor:
    """Equation 1: the mean cost of the observed cells; zero, with zero gradients, without any.

    Args:
        logits: see :func:`tempered_bce_sum`.
        labels: see there.
        mask: see there.
        positive_weight: p of equation 1.
    """
    total, count = tempered_bce_sum(logits, labels, mask, positive_weight)
    return total / count.clamp(min=1)
