"""A training, ready to run: everything that its loop needs, and what it says after each step."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from annotate.settings import TrainSettings
from mumic.data import Dataset
from mumic.model.mumic_model import MumicModel
from mumic.training.cuda_graph import StepGradients
from mumic.training.ema import Ema
from mumic.training.feed import Feed
from mumic.training.processes import Processes


@dataclass(frozen=True)
class StepReport:
    """What a progress bar shows after an optimiser step.

    ``images`` is how many this step saw, ``done_before`` all steps before it, ``all_images`` all of
    the training.
    """

    step: int
    images: int
    done_before: int
    all_images: int
    loss: float
    logit_scale: float
    temperature: float


@dataclass(frozen=True)
class Training:
    """Everything that the loop needs, ready to run.

    ``targets`` float32 (images, classes) is what the training split's labels are for the loss;
    ``precision`` (auto, fp32 or bf16) is that of evaluations; ``in_series``: others follow it.
    """

    folder: Path
    model: MumicModel
    optimiser: torch.optim.AdamW
    train: Dataset
    validation: Dataset
    targets: npt.NDArray[np.float32]
    feed: Feed
    gradients: StepGradients
    ema: Ema
    settings: TrainSettings
    seed: int
    precision: str
    processes: Processes
    in_series: bool = False
    on_step: Callable[[StepReport], object] | None = None
    on_note: Callable[[str], object] | None = None
    on_epoch: Callable[[int, float, bool], object] | None = None

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps an epoch; the last batch may be smaller."""
        return math.ceil(len(self.train) / self.settings.batch_size)

    @property
    def total_steps(self) -> int:
        """Optimiser steps of the whole training."""
        return self.steps_per_epoch * self.settings.epochs
