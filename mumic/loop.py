"""The training loop (Wang et al., AAAI 2023, section 3).

A training can be killed at any moment. Started again, it goes on from the last checkpoint and ends
with the same weights, bit for bit, on the same machine with as many threads.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from annotate import tables
from annotate.clip.encoder import encode_images
from annotate.errors import MumicError
from annotate.settings import TrainSettings
from mumic.cache import Rows
from mumic.checkpoint import Progress, load_checkpoint, save_checkpoint
from mumic.data import Dataset
from mumic.history import History
from mumic.interrupt import Interrupt, StoppedError
from mumic.loss import tempered_bce
from mumic.metrics import gap
from mumic.model import MumicModel, logits_of
from mumic.optimiser import learning_rate
from mumic.run import write_weights

LAST = "last"


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


@dataclass(frozen=True)
class Training:
    """Everything that the loop needs, ready to run."""

    folder: Path
    model: MumicModel
    optimiser: torch.optim.AdamW
    train: Dataset
    validation: Dataset
    pixels: Rows
    settings: TrainSettings
    seed: int
    on_step: Callable[[StepReport], object] | None = None
    on_note: Callable[[str], object] | None = None
    on_epoch: Callable[[int, float], object] | None = None

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps an epoch; the last batch may be smaller."""
        return math.ceil(len(self.train) / self.settings.batch_size)

    @property
    def total_steps(self) -> int:
        """Optimiser steps of the whole training."""
        return self.steps_per_epoch * self.settings.epochs


def run_training(training: Training) -> Progress:
    """Train to the end, or to the early stop, from the last checkpoint if there is one.

    Returns:
        Where it ended. The best epoch's weights are in the run's folder.

    Raises:
        MumicError: it was interrupted (and saved), the loss is not a number, the memory is full.
    """
    tables.remove_stale(training.folder)
    tables.remove_stale(training.folder / LAST)
    progress = load_checkpoint(training.folder / LAST, training.model.towers, training.optimiser)
    progress = progress or Progress()
    history = History.load(training.folder / "history.csv", progress.step)
    with Interrupt() as interrupt:
        while progress.step < training.total_steps and not _stopped_early(training, progress):
            progress = _one_step(training, progress, history)
            at_end = progress.step % training.steps_per_epoch == 0
            if at_end:
                progress = _end_epoch(training, progress, history)
            if at_end or interrupt.asked or progress.step % training.settings.checkpoint_every == 0:
                _save(training, progress, history)
            if interrupt.asked and progress.step < training.total_steps:
                raise StoppedError(
                    f"stopped after step {progress.step} of {training.total_steps}, saved. "
                    f"Go on with `mumic train --run {training.folder.name}` and the same settings."
                )
    return progress


def _save(training: Training, progress: Progress, history: History) -> None:
    """Keep what is good: weights that are no numbers never replace a checkpoint."""
    if not all(bool(torch.isfinite(entry).all()) for entry in training.model.towers.parameters()):
        raise _not_a_number("the weights are not numbers", progress.step)
    history.save()
    save_checkpoint(training.folder / LAST, training.model.towers, training.optimiser, progress)


def _not_a_number(what: str, step: int) -> MumicError:
    return MumicError(
        f"{what} at step {step}; the checkpoint before it is kept. Lower --lr, or set "
        'precision = "fp32" under [model].'
    )


def _stopped_early(training: Training, progress: Progress) -> bool:
    patience = training.settings.early_stop
    return 0 < patience <= progress.epochs_without_gain


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


def _one_step(training: Training, progress: Progress, history: History) -> Progress:
    settings, model, step = training.settings, training.model, progress.step
    rows = batch_rows(training.seed, step, len(training.train), settings.batch_size)
    rate = learning_rate(step, training.total_steps, settings)
    try:
        loss = _update(training, rows, step, rate)
    except torch.OutOfMemoryError as error:
        raise MumicError(
            f"the accelerator's memory is full at step {step + 1}. Lower --batch-size; the last "
            "checkpoint is kept."
        ) from error
    if not math.isfinite(loss):
        raise _not_a_number(f"the loss is {loss}", step + 1)
    history.add_step(step + 1, step // training.steps_per_epoch + 1, loss, model.logit_scale, rate)
    _report(training, step, len(rows), loss)
    return replace(progress, step=step + 1)


def _report(training: Training, step: int, images: int, loss: float) -> None:
    if training.on_step is None:
        return
    size = len(training.train)
    epoch, place = divmod(step, training.steps_per_epoch)
    training.on_step(
        StepReport(
            step=step + 1,
            images=images,
            done_before=epoch * size + place * training.settings.batch_size,
            all_images=size * training.settings.epochs,
            loss=loss,
            logit_scale=training.model.logit_scale,
        )
    )


def _update(training: Training, rows: npt.NDArray[np.int64], step: int, rate: float) -> float:
    """One optimiser step; the loss before it. A loss that is not finite changes nothing."""
    model, optimiser, settings = training.model, training.optimiser, training.settings
    # Every draw of a step, such as patch dropout, follows from the seed and the step.
    torch.manual_seed(int(np.random.SeedSequence([training.seed, step]).generate_state(1)[0]))
    batch = training.train.take(rows)
    device = model.clip.device
    pixels = torch.from_numpy(training.pixels.gather(list(batch.images["content_hash"]))).to(device)
    if settings.flip:
        mirrored = torch.rand(len(pixels)) < 0.5
        pixels[mirrored] = pixels[mirrored].flip(-1)
    labels = torch.from_numpy(batch.cells.labels).to(device)
    mask = torch.from_numpy(batch.cells.mask).to(device)
    model.train()
    loss = tempered_bce(model(pixels), labels, mask, settings.positive_weight)
    value = float(loss.detach())
    if math.isfinite(value):
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.step()
        model.clamp_logit_scale(settings.max_logit_scale)
    return value


def _end_epoch(training: Training, progress: Progress, history: History) -> Progress:
    """Measure on validation; keep the weights if they are the best so far."""
    epoch = progress.step // training.steps_per_epoch
    value = validation_gap(training)
    history.add_epoch(value)
    # Without a validation split, or without a positive in it, the last epoch counts as the best.
    better = progress.best_gap is None or not value <= progress.best_gap
    if better:
        write_weights(training.folder, training.model.clip)
    if training.on_note is not None:
        training.on_note(f"epoch {epoch}: validation GAP {value:.4f}")
    if training.on_epoch is not None:
        training.on_epoch(epoch, value)
    return replace(
        progress,
        best_gap=_number(value) if better else progress.best_gap,
        best_epoch=epoch if better else progress.best_epoch,
        epochs_without_gain=0 if better else progress.epochs_without_gain + 1,
    )


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def validation_gap(training: Training) -> float:
    """GAP of the present weights on the validation split; NaN where it has no positives."""
    if not len(training.validation):
        return float("nan")
    cells = training.validation.cells
    return gap(validation_logits(training), cells.labels, cells.mask)


def validation_logits(training: Training) -> npt.NDArray[np.float32]:
    """Logits of the validation split, float32 (images, classes)."""
    model = training.model.eval()
    with torch.no_grad():
        texts = model.text_rows().cpu().numpy()
    precision = "auto" if model.bf16 else "fp32"
    hashes = list(training.validation.images["content_hash"])
    batch = training.settings.batch_size
    rows = [np.zeros((0, texts.shape[1]), np.float32)]
    for start in range(0, len(hashes), batch):
        pixels = training.pixels.gather(hashes[start : start + batch])
        rows.append(encode_images(model.clip, pixels, precision))
    return logits_of(np.concatenate(rows), texts, model.logit_scale, model.logit_bias)
