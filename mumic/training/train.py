"""From a workspace's dataset to a run (Wang et al., AAAI 2023, sections 3 and 4.1)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from annotate.clip.loading import load_clip
from annotate.clip.memory import clear_word
from annotate.files import write_json
from annotate.locks import exclusive
from annotate.memory import keep_freed_memory
from annotate.settings import TrainSettings
from annotate.times import now_text
from annotate.workspace import Workspace
from mumic.checks import USED_BY, check_dataset, check_settings
from mumic.data import Dataset, load_dataset, soft_labels
from mumic.memory import advice_in_training
from mumic.metrics.thresholds import tune
from mumic.model.compiled import or_say_why
from mumic.model.lora import merge_lora
from mumic.model.mumic_model import MumicModel
from mumic.pixels import pixel_rows
from mumic.prompts import label_texts
from mumic.run import (
    Run,
    check_demo_model,
    choose_device,
    choose_folder,
    finished_alike,
    is_finished,
    open_run,
    read_run,
    read_weights,
    write_text_rows,
)
from mumic.training.checkpoint import FILE, Progress
from mumic.training.cuda_graph import StepGradients, recorded_size
from mumic.training.ema import Ema
from mumic.training.feed import Feed
from mumic.training.loop import LAST, run_training
from mumic.training.loss import cost_of
from mumic.training.noise import with_label_noise
from mumic.training.optimiser import make_optimiser, parameter_groups
from mumic.training.positive_weight import positive_weights
from mumic.training.processes import Processes, processes
from mumic.training.run_record import begin_or_resume, start_record
from mumic.training.start import start_model
from mumic.training.state import StepReport, Training
from mumic.training.validation import validation_logits


@dataclass(frozen=True)
class TrainOptions:
    """What a call adds to the settings.

    ``run`` names the run; ``prefix`` names it so and by digits of its settings, and a finished
    one is taken as it is, so that a series can be repeated. ``among`` is a folder of runs and of
    series of runs: a finished one there with the same settings is taken, too, whatever its name.
    ``random_init`` starts from random
    weights; ``allow_demo_model`` lets the small CLIP learn from real photos; ``device`` is a torch
    device or ``auto``.
    """

    run: str | None = None
    random_init: bool = False
    allow_demo_model: bool = False
    device: str = "auto"
    prefix: str | None = None
    among: Path | None = None


@dataclass(frozen=True)
class Reports:
    """Where progress goes: images decoded, optimiser steps, epochs with their GAP, messages.

    ``on_decoding`` is told once how many images there are to decode, ``on_decoded`` how many more
    are done. ``on_epoch`` is told whether the epoch was the last. What it raises ends the training,
    whose last checkpoint is kept; a training that goes on from the end of an epoch tells it once
    more. ``on_measured`` is not told by the training but by a series that measures what was
    trained: how many more images were decoded or embedded for that.
    """

    on_decoded: Callable[[int], object] | None = None
    on_step: Callable[[StepReport], object] | None = None
    on_note: Callable[[str], object] | None = None
    on_epoch: Callable[[int, float, bool], object] | None = None
    on_decoding: Callable[[int], object] | None = None
    on_measured: Callable[[int], object] | None = None

    def note(self, message: str) -> None:
        """Pass on a message."""
        if self.on_note is not None:
            self.on_note(message)


@dataclass(frozen=True)
class _Learner:
    """A model before its first step, the texts of its classes, and p of equation 1 for each."""

    model: MumicModel
    texts: list[str]
    positive_weights: npt.NDArray[np.float64]


def train(
    workspace: Workspace, options: TrainOptions | None = None, reports: Reports | None = None
) -> Run:
    """Train a run, or finish one that was begun with the same settings.

    Args:
        workspace: its dataset, and its settings under ``[train]``, ``[model]`` and ``[project]``.
        options: see there.
        reports: see there.

    Raises:
        InputError: a setting is out of range, the dataset has no training images, the named run
            exists with other settings, or is being trained by another process.
        MumicError: see :func:`mumic.training.loop.run_training`.
    """
    options, reports = options or TrainOptions(), reports or Reports()
    check_settings(workspace.settings.train)
    with processes(choose_device(options.device)) as joined:
        return _train(workspace, options, reports if joined.first else Reports(), joined)


def _train(workspace: Workspace, options: TrainOptions, reports: Reports, joined: Processes) -> Run:
    settings, seed = workspace.settings.train, workspace.settings.project.seed
    dataset = with_label_noise(load_dataset(workspace), settings.label_noise, seed)
    check_dataset(dataset, reports.note)
    weights = positive_weights(
        settings.positive_weight, dataset.class_ids, dataset.split("train").cells
    )
    if settings.threads:
        torch.set_num_threads(settings.threads)
    clip = load_clip(
        workspace.settings.model,
        workspace.root,
        random_init=options.random_init,
        device=joined.device,
        seed=seed,
    )
    if clip.device.type == "cpu":
        keep_freed_memory()
    clip = replace(clip, resize=settings.resize)
    check_demo_model(workspace, clip, allow=options.allow_demo_model)
    record = start_record(
        workspace, dataset, clip, random_init=options.random_init, count=joined.count
    )
    name = options.run
    if options.prefix is not None:
        name = f"{options.prefix}-{record['settings_hash'][:8]}"
        if joined.from_first(joined.first and is_finished(workspace.runs / name)):
            return open_run(workspace, name)
    if options.among is not None:
        alike = finished_alike(options.among, record["settings_hash"]) if joined.first else None
        alike = joined.from_first(alike)
        if alike is not None:
            reports.note(f"run {alike.name} has these settings already; it is taken as it is.")
            return read_run(alike)
    # The others do not look for it yet: over a network a file may stay unseen for a while after.
    chosen = choose_folder(workspace, name, record["settings_hash"]).name if joined.first else None
    folder = workspace.runs / joined.from_first(chosen)
    busy = f"run {folder.name} is being trained by another process. Wait for it, or stop it."
    advice = partial(advice_in_training, settings, joined.count, folder / LAST / FILE)
    with clear_word(advice), or_say_why():
        texts = label_texts(dataset.classes, settings.prompts)
        precision = workspace.settings.model.precision
        # Before there is a folder: the model may refuse the settings.
        learner = _Learner(start_model(clip, texts, settings, precision, seed), texts, weights)
        with exclusive(folder / ".lock", busy=busy) if joined.first else nullcontext():
            joined.wait()  # none begins before the first has the lock
            around = (reports, joined)
            return _train_in(folder, workspace, dataset, learner, record, options, around)


def _train_in(
    folder: Path,
    workspace: Workspace,
    dataset: Dataset,
    learner: _Learner,
    record: dict[str, Any],
    options: TrainOptions,
    around: tuple[Reports, Processes],
) -> Run:
    settings, (reports, joined) = workspace.settings.train, around
    model, weights = learner.model, learner.positive_weights
    train_split, used = dataset.split("train"), _used(dataset)
    recorded = recorded_size(settings, model, joined)
    record["environment"] |= {"recorded_steps": recorded > 0}
    record |= {
        "run_id": folder.name,
        "parameter_groups": parameter_groups(model.towers.named_parameters()),
    }
    if settings.loss in USED_BY["positive_weight"]:
        record["positive_weights"] = dict(zip(dataset.class_ids, weights.tolist(), strict=True))
    if joined.first:
        record = begin_or_resume(folder, workspace, dataset, learner.texts, record, reports.note)
    clip = model.clip
    with joined.first_alone():  # only its progress is shown
        pixels = pixel_rows(
            workspace,
            used,
            clip.image_size,
            reports.on_decoded,
            settings.resize,
            reports.on_decoding,
        )
    training = Training(
        folder=folder,
        model=model,
        optimiser=make_optimiser(model.towers, settings),
        train=train_split,
        validation=dataset.split("validation"),
        targets=targets_of(train_split, settings),
        feed=Feed(pixels, list(used["content_hash"]), clip.device),
        gradients=StepGradients(
            model,
            cost_of(settings, torch.from_numpy(weights).float().to(clip.device)),
            joined,
            settings.micro_batch,
            recorded,
            reports.on_note,
        ),
        ema=Ema(model.towers, settings.ema),
        settings=settings,
        seed=workspace.settings.project.seed,
        precision=workspace.settings.model.precision,
        processes=joined,
        in_series=options.prefix is not None,
        on_step=reports.on_step,
        on_note=reports.on_note,
        on_epoch=reports.on_epoch,
    )
    if settings.warmup_steps > training.total_steps:
        reports.note(
            f"warning: the training has {training.total_steps} steps and a warm-up of "
            f"{settings.warmup_steps}, so it never reaches lr."
        )
    progress = run_training(training)
    _finish(training, workspace, record, progress)
    return open_run(workspace, folder.name)


def targets_of(split: Dataset, settings: TrainSettings) -> npt.NDArray[np.float32]:
    """What the loss is to learn, float32 (images, classes): labels or voting rates, smoothed."""
    hard = split.cells.labels.astype(np.float32)
    targets = soft_labels(split) if settings.soft_labels else hard
    smoothing = np.float32(settings.label_smoothing)
    return (targets * (1 - smoothing) + smoothing / 2).astype(np.float32)


def _used(dataset: Dataset) -> Any:
    return dataset.images[dataset.images["split"].isin(["train", "validation"])]


def _finish(
    training: Training, workspace: Workspace, record: dict[str, Any], progress: Progress
) -> None:
    """Text embeddings and thresholds of the best weights; ``run.json`` last."""
    folder, model, joined = training.folder, training.model, training.processes
    joined.wait()  # the first has written the best weights
    merge_lora(model.towers)
    read_weights(folder, model.clip)
    logits = validation_logits(training)
    if joined.first:
        with torch.no_grad():
            write_text_rows(folder, model.text_rows().cpu().numpy())
        thresholds = tune(
            logits,
            training.validation.cells,
            min_positives=workspace.settings.evaluate.threshold_min_positives,
        )
        write_json(folder / "thresholds.json", thresholds.to_json(training.train.class_ids))
        # Also of a training that gave its recording up.
        recorded = {"recorded_steps": training.gradients.recorded_size > 0}
        found = {
            "environment": record["environment"] | recorded,
            "logit_scale": model.logit_scale,
            "logit_bias": model.logit_bias,
            "steps": progress.step,
            "seconds_per_epoch": progress.seconds / progress.timed * training.steps_per_epoch
            if progress.timed
            else None,
            "best_epoch": progress.best_epoch,
            "validation_gap": progress.best_gap,
            "images": {"train": len(training.train), "validation": len(training.validation)},
            "finished": now_text(),
        }
        write_json(folder / "run.json", record | found)
    joined.wait()
