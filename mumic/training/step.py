"""One optimiser step's gradient, from images in parts and label texts that are encoded once.

The loss is a sum over cells divided by the number of observed ones, so images can be taken in
micro-batches and by several processes. All of them meet the texts through their embeddings alone:
their gradients there are summed, and go back through the text tower once.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mumic.model.mumic_model import MumicModel
from mumic.training.loss import Cost, observed_sum
from mumic.training.processes import Processes


@dataclass(frozen=True)
class Batch:
    """A process's share of a batch: pixels uint8 (n, 3, size, size), labels and mask (n, classes).

    ``observed`` counts the observed cells of the whole batch, over all processes.
    """

    pixels: Tensor
    labels: Tensor
    mask: Tensor
    observed: int

    def __len__(self) -> int:
        return len(self.pixels)


def accumulate_gradients(
    model: MumicModel,
    batch: Batch,
    cost: Cost,
    processes: Processes | None = None,
    micro_batch: int = 0,
) -> float:
    """Add the gradient of a batch's mean cost to the parameters'.

    Args:
        model: in training mode; its gradients are zero or None.
        batch: this process's share.
        cost: of a cell.
        processes: that share the batch; each ends with the same gradients.
        micro_batch: images at a time; 0: all of the share.

    Returns:
        The mean cost over the observed cells of the whole batch.
    """
    mean = add_gradients(model, batch, max(batch.observed, 1), cost, processes, micro_batch)
    return float(mean)


def add_gradients(
    model: MumicModel,
    batch: Batch,
    divisor: int | Tensor,
    cost: Cost,
    processes: Processes | None = None,
    micro_batch: int = 0,
) -> Tensor:
    """As :func:`accumulate_gradients`, without waiting for a GPU: the mean cost as a scalar.

    Args:
        model: see there.
        batch: see there; ``divisor`` takes the place of its number of observed cells.
        divisor: of the sum of costs.
        cost: see there.
        processes: see there.
        micro_batch: see there.
    """
    processes = processes or Processes()
    share = model.text_rows(processes.share)
    # Cut off from the text tower; the gradient of all images is collected here.
    texts = _gathered(share, len(model.tokens), processes).requires_grad_(model.trains_text)
    size = micro_batch or max(len(batch), 1)
    mean = torch.zeros((), device=texts.device)
    for start in range(0, len(batch), size):
        part = slice(start, start + size)
        logits = model.logits(model.image_rows(batch.pixels[part]), texts)
        loss = observed_sum(cost, logits, batch.labels[part], batch.mask[part]) / divisor
        if loss.requires_grad:
            loss.backward()  # type: ignore[no-untyped-call]
        mean += loss.detach()
    if model.trains_text:
        arrived = texts.grad if texts.grad is not None else torch.zeros_like(texts)
        of_share = processes.sum(arrived)[processes.share]
        if share.requires_grad:  # not where there are more processes than texts
            share.backward(of_share)  # type: ignore[no-untyped-call]
    processes.sum_gradients(model.towers.parameters())
    return processes.sum(mean)


def _gathered(share: Tensor, classes: int, processes: Processes) -> Tensor:
    """All texts' rows, from every process's share."""
    rows = torch.zeros(classes, share.shape[1], device=share.device)
    rows[processes.share] = share.detach()
    return processes.sum(rows)
