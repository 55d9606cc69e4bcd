"""The training loop (Wang et al., AAAI 2023, section 3).

A training can be killed at any moment. Started again, it goes on from the last checkpoint and ends
with the same weights: on a processor bit for bit, on the same machine with as many threads.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from annotate.errors import MumicError
from annotate.files import number_or_none, remove_stale
from mumic.metrics.measures import gap
from mumic.run import write_weights
from mumic.training.batches import batch_rows, make_batch
from mumic.training.board import Board
from mumic.training.checkpoint import FILE, Progress, load_checkpoint, save_checkpoint
from mumic.training.history import History
from mumic.training.interrupt import Interrupt, StoppedError
from mumic.training.optimiser import learning_rate
from mumic.training.pace import Pace
from mumic.training.state import StepReport, Training
from mumic.training.validation import validation_logits

LAST = "last"


class NotANumberError(MumicError):
    """A loss, weights or logits are no numbers: the training's settings are at fault."""


def run_training(training: Training) -> Progress:
    """Train to the end, or to the early stop, from the last checkpoint if there is one.

    Returns:
        Where it ended. The best epoch's weights are in the run's folder.

    Raises:
        StoppedError: it was interrupted, and saved.
        NotANumberError: the loss, weights or logits are no numbers.
        MumicError: the memory or the disk is full.
    """
    if training.processes.first:
        remove_stale(training.folder)
        remove_stale(training.folder / LAST)
    progress = _resumed(training)
    history = History.load(training.folder / "history.csv", progress.step)
    wanted = training.settings.tensorboard and training.processes.first
    board = Board(training.folder if wanted else None, progress.step, training.on_note)
    try:
        with Interrupt() as interrupt:
            return _steps(training, progress, history, board, interrupt)
    finally:
        board.close()


def _resumed(training: Training) -> Progress:
    """From the last checkpoint, which every process reads, or from the beginning."""
    progress = load_checkpoint(
        training.folder / LAST, training.model.towers, training.optimiser, training.ema.averages
    )
    progress = progress or Progress()
    of_first = training.processes.from_first(progress.step)
    seen = (training.folder / "run.json").is_file()  # the first process has written it
    if training.processes.any(not seen or progress.step != of_first):
        raise MumicError(
            f"the processes found different files in {training.folder}. All machines must see the "
            "same run folder: put the workspace on a shared disk."
        )
    return progress


def _steps(
    training: Training, progress: Progress, history: History, board: Board, interrupt: Interrupt
) -> Progress:
    total, settings, pace = training.total_steps, training.settings, Pace()
    begun = progress.step
    _tell_epoch(training, progress, history)  # a kill may have come between checkpoint and telling
    while progress.step < total and not _stopped_early(training, progress):
        # The first step takes longer than any: towers are compiled, work is recorded.
        timed = progress.step > begun
        progress = _one_step(training, progress, history, board, timed=timed)
        at_end = progress.step % training.steps_per_epoch == 0
        if at_end:
            progress = _end_epoch(training, progress, history, board)
        asked = training.processes.any(interrupt.asked)
        due = progress.step % settings.checkpoint_every == 0 and training.processes.from_first(
            pace.due()  # the first process writes, and all check their weights when it does
        )
        if at_end or asked or due:
            with pace:
                _save(training, progress, history)
            # Before the epoch is told: what judges it may end the training, and hide the request.
            if progress.step < total or training.in_series:
                _stop_if_asked(training, progress, interrupt)
        _tell_epoch(training, progress, history)
    if training.in_series:
        _stop_if_asked(training, progress, interrupt)
    return progress


def _tell_epoch(training: Training, progress: Progress, history: History) -> None:
    """Tell the GAP of the epoch that has just ended, if one has, and whether it was the last."""
    epoch, further = divmod(progress.step, training.steps_per_epoch)
    if training.on_epoch is not None and epoch and not further and history.rows:
        last = progress.step >= training.total_steps or _stopped_early(training, progress)
        training.on_epoch(epoch, history.last_gap, last)


def _stop_if_asked(training: Training, progress: Progress, interrupt: Interrupt) -> None:
    """End a training that is saved. One in a series is not finished first: the next would begin.

    Raises:
        StoppedError: a stop was asked for.
    """
    if not training.processes.any(interrupt.asked):
        return
    same = f"Go on with `mumic train --run {training.folder.name}` and the same settings."
    raise StoppedError(
        f"stopped after step {progress.step} of {training.total_steps}, saved. "
        + ("Run the same command again, and it goes on." if training.in_series else same)
    )


def _check_weights(training: Training, step: int) -> None:
    """Weights that are no numbers never replace a checkpoint, or the best weights.

    Raises:
        NotANumberError: they are not.
    """
    towers = training.model.towers
    if not all(bool(torch.isfinite(entry).all()) for entry in towers.parameters()):
        raise _not_a_number(training, "the weights are not numbers", step)


def _save(training: Training, progress: Progress, history: History) -> None:
    _check_weights(training, progress.step)
    if training.processes.first:
        history.save()
        towers, averages = training.model.towers, training.ema.averages
        save_checkpoint(training.folder / LAST, towers, training.optimiser, progress, averages)


def _not_a_number(training: Training, what: str, step: int) -> NotANumberError:
    saved = (training.folder / LAST / FILE).is_file()
    kept = "the checkpoint before it is kept" if saved else "nothing had been saved yet"
    return NotANumberError(
        f"{what} at step {step}; {kept}. Lower lr under [train] (`mumic train` has --lr), or set "
        'precision = "fp32" under [model].'
    )


def _stopped_early(training: Training, progress: Progress) -> bool:
    patience = training.settings.early_stop
    return 0 < patience <= progress.epochs_without_gain


def _one_step(
    training: Training, progress: Progress, history: History, board: Board, *, timed: bool
) -> Progress:
    step, started = progress.step, time.perf_counter()
    rows = batch_rows(training.seed, step, len(training.train), training.settings.batch_size)
    rate = learning_rate(step, training.total_steps, training.settings)
    loss = _update(training, rows, step, rate)
    if not math.isfinite(loss):
        raise _not_a_number(training, f"the loss is {loss}", step + 1)
    scale = training.model.logit_scale
    history.add_step(step + 1, step // training.steps_per_epoch + 1, loss, scale, rate)
    seconds = time.perf_counter() - started
    board.add(
        step + 1,
        loss=loss,
        logit_scale=scale,
        temperature=training.model.temperature,
        learning_rate=rate,
        images_per_second=len(rows) / seconds,
    )
    _report(training, step, len(rows), loss)
    progress = replace(progress, step=step + 1)
    if not timed:
        return progress
    return replace(progress, timed=progress.timed + 1, seconds=progress.seconds + seconds)


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
            temperature=training.model.temperature,
        )
    )


def _update(training: Training, rows: npt.NDArray[np.int64], step: int, rate: float) -> float:
    """One optimiser step; the loss before it. A loss that is not finite changes nothing."""
    model, optimiser, settings = training.model, training.optimiser, training.settings
    optimiser.zero_grad(set_to_none=True)
    model.train()
    batch = make_batch(training, rows, step)
    loss = training.gradients(batch)
    if math.isfinite(loss):
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.step()
        model.clamp_logit_scale(settings.max_logit_scale)
        training.ema.update(step)
    return loss


def _end_epoch(training: Training, progress: Progress, history: History, board: Board) -> Progress:
    """Measure on validation; keep the weights if they are the best so far."""
    _check_weights(training, progress.step)
    epoch = progress.step // training.steps_per_epoch
    with training.ema.applied():
        # All must agree on whether it was better: by rounding, each could find another value.
        value = training.processes.from_first(_validation_gap(training, progress.step))
        # Without a validation split, or a positive in it, the last epoch counts as the best.
        better = progress.best_gap is None or not value <= progress.best_gap
        if better and training.processes.first:
            write_weights(training.folder, training.model.clip)
    history.add_epoch(value)
    if not math.isnan(value):
        board.add(progress.step, validation_gap=value)
    if training.on_note is not None:
        training.on_note(f"epoch {epoch}: validation GAP {value:.4f}")
    return replace(
        progress,
        best_gap=number_or_none(value) if better else progress.best_gap,
        best_epoch=epoch if better else progress.best_epoch,
        epochs_without_gain=0 if better else progress.epochs_without_gain + 1,
    )


def _validation_gap(training: Training, step: int) -> float:
    """GAP of the present weights on the validation split; NaN where it has no positives.

    Raises:
        NotANumberError: a logit is none. The GAP would be one all the same, and might be best.
    """
    if not len(training.validation):
        return math.nan
    logits, cells = validation_logits(training), training.validation.cells
    if not np.isfinite(logits).all():
        raise _not_a_number(training, "logits of validation are not numbers", step)
    return gap(logits, cells.labels, cells.mask)
