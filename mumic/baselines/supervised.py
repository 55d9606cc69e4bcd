"""A classifier trained with ASL, as long as it gets better on validation.

The loss is the asymmetric one (Ridnik et al., "Asymmetric loss for multi-label classification",
ICCV 2021), summed over observed cells and divided by images. Adam with decoupled weight decay of
1e-4 is its paper's; the rate warms up over the first half epoch and then stays, since how many
epochs there will be is what is to be found out.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from annotate.errors import MumicError
from annotate.settings import BaselineSettings
from mumic.baselines.backbones import Classifier
from mumic.cache import Rows
from mumic.data import Dataset
from mumic.metrics.measures import gap
from mumic.training.batches import batch_rows
from mumic.training.loss import asl_cost, observed_sum

WEIGHT_DECAY = 1e-4
RATES = (1.0, 0.3, 3.0, 0.1)  # times the rate that suits the tower
GAMMAS = ((4.0, 0.05), (2.0, 0.05), (4.0, 0.0))  # gamma of negatives and clip; first the paper's


@dataclass(frozen=True)
class Trial:
    """One point of the search: learning rate, ASL's gamma of negatives, and its clip."""

    lr: float
    gamma_negative: float
    clip: float


@dataclass(frozen=True)
class Fitted:
    """A finished trial.

    Attributes:
        epochs: trained, ``best_epoch`` the one whose weights are kept: epochs to saturation.
        validation_gap: NaN where validation has no positive.
        seconds_per_epoch: median over the epochs, of training alone.
    """

    epochs: int
    best_epoch: int
    validation_gap: float
    seconds_per_epoch: float


@dataclass(frozen=True)
class Material:
    """Images with labels to fit and to stop on, and their pixels at the network's size."""

    train: Dataset
    validation: Dataset
    pixels: Rows
    seed: int


def trials(base_rate: float, count: int) -> list[Trial]:
    """The first points of the search: the paper's loss at every rate, then other gammas.

    >>> [entry.lr for entry in trials(1e-4, 2)]
    [0.0001, 3e-05]
    """
    grid = [Trial(base_rate * r, g, c) for (g, c), r in product(GAMMAS, RATES)]
    return grid[:count]


def asl_sum(logits: Tensor, labels: Tensor, mask: Tensor, trial: Trial) -> Tensor:
    """ASL summed over the observed cells; gamma of positives is the paper's 0."""
    cost = partial(asl_cost, gamma_negative=trial.gamma_negative, clip=trial.clip)
    return observed_sum(cost, logits, labels, mask)


def fit(
    network: Classifier,
    material: Material,
    trial: Trial,
    settings: BaselineSettings,
    on_epoch: Callable[[int, float], object],
) -> Fitted:
    """Train until validation GAP stops growing; the network ends with its best weights.

    Args:
        network: bytes to logits.
        material: see there.
        trial: rate and loss.
        settings: batch size, patience, the most epochs, and the head's rate.
        on_epoch: told the epoch and its validation GAP.

    Raises:
        MumicError: the loss, or a logit, is not a number.
    """
    groups = [
        {"params": some, "lr": rate, "full_lr": rate}
        for some, rate in network.rates(trial.lr, settings.head_lr)
    ]
    optimiser = torch.optim.AdamW(groups, weight_decay=WEIGHT_DECAY, fused=True)
    cells = material.validation.cells
    best: tuple[float, int, dict[str, Tensor]] | None = None
    seconds, epoch = [], 0
    while epoch < settings.max_epochs and (best is None or epoch - best[1] < settings.patience):
        started = time.perf_counter()
        _epoch(network, optimiser, material, trial, epoch, settings.batch_size)
        seconds.append(time.perf_counter() - started)
        epoch += 1
        scored = logits(network, material.pixels, material.validation)
        if not np.isfinite(scored).all():
            raise MumicError(f"logits are not numbers at a rate of {trial.lr:g}")
        value = gap(scored, cells.labels, cells.mask)
        if best is None or not value <= best[0]:
            best = (value, epoch, copy.deepcopy(network.state_dict()))
        on_epoch(epoch, value)
    if best is None:
        raise ValueError("max_epochs must be 1 or more")
    network.load_state_dict(best[2])
    return Fitted(epoch, best[1], best[0], float(np.median(seconds)))


def _epoch(
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    material: Material,
    trial: Trial,
    epoch: int,
    batch_size: int,
) -> None:
    count = len(material.train)
    steps = math.ceil(count / batch_size)
    warm_up = max(1, steps // 2)
    network.train()
    for step in range(epoch * steps, (epoch + 1) * steps):
        batch = material.train.take(batch_rows(material.seed, step, count, batch_size))
        pixels = torch.from_numpy(material.pixels.gather(list(batch.images["content_hash"])))
        device = next(network.parameters()).device
        labels, mask = (
            torch.from_numpy(each).to(device) for each in (batch.cells.labels, batch.cells.mask)
        )
        loss = asl_sum(network(pixels.to(device)), labels, mask, trial) / len(batch)
        if not torch.isfinite(loss):
            raise MumicError(f"the loss is {float(loss)} at a rate of {trial.lr:g}")
        for group in optimiser.param_groups:
            group["lr"] = group["full_lr"] * min(1.0, (step + 1) / warm_up)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()


def logits(
    network: nn.Module, pixels: Rows, dataset: Dataset, batch_size: int = 64
) -> npt.NDArray[np.float32]:
    """Logits of a dataset's images, float32 (images, classes)."""
    network.eval()
    device = next(network.parameters()).device
    hashes = list(dataset.images["content_hash"])
    rows = [np.zeros((0, len(dataset.classes)), np.float32)]
    with torch.inference_mode():
        for start in range(0, len(hashes), batch_size):
            some = torch.from_numpy(pixels.gather(hashes[start : start + batch_size]))
            rows.append(network(some.to(device)).cpu().numpy())
    return np.concatenate(rows)
