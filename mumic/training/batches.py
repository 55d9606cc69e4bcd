"""Which images a step sees, and their pixels and labels on the training's device.

All of it follows from the seed and the step's number, so a training can go on after any of them.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch

from mumic.training.state import Training
from mumic.training.step import Batch


def batch_rows(seed: int, step: int, images: int, batch_size: int) -> npt.NDArray[np.int64]:
    """Which images a step sees: a function of the seed and the step alone.

    Args:
        seed: of the training.
        step: 0 is the first.
        images: size of the training split.
        batch_size: images a step.
    """
    epoch, place = divmod(step, math.ceil(images / batch_size))
    order = np.random.default_rng([seed, epoch]).permutation(images)
    return order[place * batch_size : (place + 1) * batch_size]


def make_batch(training: Training, rows: npt.NDArray[np.int64], step: int) -> Batch:
    """This process's share of a step's images, on the training's device."""
    processes, seed = training.processes, training.seed
    # Every draw of a step, such as patch dropout, follows from the seed and the step.
    torch.manual_seed(_step_seed(seed, step))
    mirrored = torch.rand(len(rows)) < 0.5 if training.settings.flip else None
    if processes.count > 1:
        torch.manual_seed(_step_seed(seed, step, processes.rank))
    own = rows[processes.share]
    hashes = training.train.images["content_hash"].to_numpy()
    pixels = training.feed.batch(list(hashes[own]))
    if mirrored is not None:
        flipped = mirrored[processes.share].to(pixels.device)
        pixels = torch.where(flipped.view(-1, 1, 1, 1), pixels.flip(-1), pixels)
    following = batch_rows(seed, step + 1, len(training.train), training.settings.batch_size)
    training.feed.prepare(list(hashes[following[processes.share]]))
    mask = training.train.cells.mask
    return Batch(
        pixels=pixels,
        labels=torch.from_numpy(training.targets[own]).to(pixels.device),
        mask=torch.from_numpy(mask[own]).to(pixels.device),
        observed=int(mask[rows].sum()),
    )


def _step_seed(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])
