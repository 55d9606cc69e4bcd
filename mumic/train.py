"""From a workspace's dataset to a run (Wang et al., AAAI 2023, sections 3 and 4.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from annotate import tables
from annotate.clip.encoder import Clip, load_clip
from annotate.errors import InputError
from annotate.locks import exclusive
from annotate.settings import TrainSettings
from annotate.workspace import Workspace
from mumic.checkpoint import Progress
from mumic.data import Dataset, load_dataset
from mumic.loop import StepReport, Training, run_training, validation_logits
from mumic.metrics import positives
from mumic.model import MumicModel, use_bf16, with_bias
from mumic.noise import with_label_noise
from mumic.optimiser import IMPLEMENTATION, learning_rate, make_optimiser, parameter_groups
from mumic.pixels import pixel_rows
from mumic.prompts import label_texts
from mumic.run import (
    Run,
    check_demo_model,
    choose_device,
    choose_folder,
    is_finished,
    open_run,
    read_weights,
    settings_hash,
    utc_now,
    write_start,
    write_text_rows,
)
from mumic.thresholds import tune

# Settings that change how a training runs, not what comes out of it.
_NOT_DECIDING = ("threads", "checkpoint_every")


@dataclass(frozen=True)
class TrainOptions:
    """What a call adds to the settings.

    ``run`` names the run; ``prefix`` names it so and by digits of its settings, and a finished
    one is taken as it is, so that a series can be repeated. ``random_init`` starts from random
    weights; ``allow_demo_model`` lets the small CLIP learn from real photos; ``device`` is a torch
    device or ``auto``.
    """

    run: str | None = None
    random_init: bool = False
    allow_demo_model: bool = False
    device: str = "auto"
    prefix: str | None = None


@dataclass(frozen=True)
class Reports:
    """Where progress goes: images decoded, optimiser steps, epochs with their GAP, messages.

    What ``on_epoch`` raises ends the training, whose last checkpoint is kept.
    """

    on_decoded: Callable[[int], object] | None = None
    on_step: Callable[[StepReport], object] | None = None
    on_note: Callable[[str], object] | None = None
    on_epoch: Callable[[int, float], object] | None = None

    def note(self, message: str) -> None:
        """Pass on a message."""
        if self.on_note is not None:
            self.on_note(message)


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
        MumicError: see :func:`mumic.loop.run_training`.
    """
    options, reports = options or TrainOptions(), reports or Reports()
    settings = workspace.settings.train
    check_settings(settings)
    dataset = load_dataset(workspace)
    dataset = with_label_noise(dataset, settings.label_noise, workspace.settings.project.seed)
    check_dataset(dataset, reports)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    clip = load_clip(
        workspace.settings.model,
        workspace.root,
        random_init=options.random_init,
        device=choose_device(options.device),
        seed=workspace.settings.project.seed,
    )
    clip = replace(clip, resize=settings.resize)
    check_demo_model(workspace, clip, allow=options.allow_demo_model)
    record = _record(workspace, options, dataset, clip)
    name = options.run
    if options.prefix is not None:
        name = f"{options.prefix}-{record['settings_hash'][:8]}"
        if is_finished(workspace.runs / name):
            return open_run(workspace, name)
    folder = choose_folder(workspace, name, record["settings_hash"])
    busy = f"run {folder.name} is being trained by another process. Wait for it, or stop it."
    with exclusive(folder / ".lock", busy=busy):
        return _train_in(folder, workspace, dataset, clip, record, reports)


def check_settings(settings: TrainSettings) -> None:
    """Refuse settings under which no training makes sense.

    Raises:
        InputError: every problem, named at once.
    """
    rules = {
        "loss must be tempered-bce": settings.loss == "tempered-bce",
        "epochs must be 1 or more": settings.epochs >= 1,
        "batch_size must be 1 or more": settings.batch_size >= 1,
        "lr must be above 0": settings.lr > 0,
        "weight_decay must be 0 or more": settings.weight_decay >= 0,
        "warmup_steps must be 0 or more": settings.warmup_steps >= 0,
        "positive_weight must be above 0": settings.positive_weight > 0,
        "logit_scale must not be above max_logit_scale": settings.logit_scale
        <= settings.max_logit_scale,
        "resize must be squash or crop": settings.resize in ("squash", "crop"),
        "checkpoint_every must be 1 or more": settings.checkpoint_every >= 1,
        "early_stop must be 0 or more": settings.early_stop >= 0,
        "threads must be 0 or more": settings.threads >= 0,
    }
    broken = [f"[train] {rule}" for rule, kept in rules.items() if not kept]
    if broken:
        raise InputError("\n".join(broken))
    learning_rate(0, 1, settings)  # knows the schedules


def check_dataset(dataset: Dataset, reports: Reports) -> None:
    """Refuse a dataset without training images; warn of what training will lack."""
    train_split = dataset.split("train")
    if not len(train_split) or not train_split.cells.mask.any():
        raise InputError(
            f"the dataset has {len(train_split)} training images and no known label among them. "
            f"Collect more answers, then run `{tables.DATASET.made_by}`."
        )
    counts = positives(train_split.cells.labels, train_split.cells.mask)
    lacking = [
        entry.name for entry, count in zip(dataset.classes, counts, strict=True) if not count
    ]
    if lacking:
        reports.note(
            f"warning: no positive in train for {len(lacking)} classes ({', '.join(lacking[:8])}"
            f"{', ...' if len(lacking) > 8 else ''}); they only learn what they are not."
        )
    validation = dataset.split("validation").cells
    if not ((validation.labels == 1) & validation.mask).any():
        reports.note("warning: no positive in validation; the last epoch's weights will be kept.")


def _record(
    workspace: Workspace, options: TrainOptions, dataset: Dataset, clip: Clip
) -> dict[str, Any]:
    """``run.json`` as it stands before the first step."""
    settings = workspace.settings
    start_model = {
        "name": settings.model.name,
        "pretrained": settings.model.pretrained,
        "weights_hash": clip.weights_hash,
        "random_init": options.random_init,
    }
    bf16 = use_bf16(settings.model.precision, clip.device)
    train_settings = asdict(settings.train)
    deciding = {key: value for key, value in train_settings.items() if key not in _NOT_DECIDING}
    digest = settings_hash(
        {
            "train": deciding,
            "precision": settings.model.precision,
            "seed": settings.project.seed,
            "start_model": {key: start_model[key] for key in ("weights_hash", "random_init")},
            "dataset": dataset.fingerprint,
            "texts": label_texts(dataset.classes, settings.train.prompts),
        }
    )
    return {
        "settings": {"train": train_settings, "model": asdict(settings.model)},
        "settings_hash": digest,
        "seed": settings.project.seed,
        "start_model": start_model,
        "demo_model": clip.is_demo,
        "dataset": dataset.fingerprint,
        "taxonomy_hash": dataset.taxonomy_hash,
        "environment": {
            "torch": torch.__version__,
            "device": str(clip.device),
            "threads": torch.get_num_threads(),
            "optimiser": f"AdamW, {IMPLEMENTATION}",
            "precision": "bf16 over fp32 weights" if bf16 else "fp32",
        },
        "started": utc_now(),
        "finished": None,
    }


def _train_in(
    folder: Path,
    workspace: Workspace,
    dataset: Dataset,
    clip: Clip,
    record: dict[str, Any],
    reports: Reports,
) -> Run:
    settings = workspace.settings.train
    texts = label_texts(dataset.classes, settings.prompts)
    bf16 = use_bf16(workspace.settings.model.precision, clip.device)
    has_bias = settings.logit_bias != 0
    if has_bias:
        clip = with_bias(clip, settings.logit_bias)
    model = MumicModel(clip, texts, freeze=settings.freeze, bf16=bf16, bias=has_bias)
    model.set_logit_scale(settings.logit_scale)
    record = record | {"run_id": folder.name}
    record["parameter_groups"] = parameter_groups(model.towers.named_parameters())
    record = _begin_or_resume(folder, workspace, dataset, texts, record, reports)
    training = Training(
        folder=folder,
        model=model,
        optimiser=make_optimiser(model.towers, settings),
        train=dataset.split("train"),
        validation=dataset.split("validation"),
        pixels=pixel_rows(
            workspace, _used(dataset), clip.image_size, reports.on_decoded, settings.resize
        ),
        settings=settings,
        seed=workspace.settings.project.seed,
        on_step=reports.on_step,
        on_note=reports.on_note,
        on_epoch=reports.on_epoch,
    )
    progress = run_training(training)
    _finish(training, workspace, record, progress)
    return open_run(workspace, folder.name)


def _used(dataset: Dataset) -> Any:
    return dataset.images[dataset.images["split"].isin(["train", "validation"])]


def _begin_or_resume(
    folder: Path,
    workspace: Workspace,
    dataset: Dataset,
    texts: list[str],
    record: dict[str, Any],
    reports: Reports,
) -> dict[str, Any]:
    """The run's record: of its first start, with a warning for what has changed since."""
    if not (folder / "run.json").is_file():
        write_start(folder, workspace, dataset, texts, record)
        return record
    begun: dict[str, Any] = tables.read_json(folder / "run.json", "mumic train")
    reports.note(f"going on with run {folder.name}")
    for key, now in record["environment"].items():
        before = begun.get("environment", {}).get(key)
        if before != now:
            reports.note(
                f"warning: this run was begun with {key} {before}, now it is {now}: the weights "
                "will not be the same bit for bit."
            )
    return begun


def _finish(
    training: Training, workspace: Workspace, record: dict[str, Any], progress: Progress
) -> None:
    """Text embeddings and thresholds of the best weights; ``run.json`` last."""
    folder, model = training.folder, training.model
    read_weights(folder, model.clip)
    with torch.no_grad():
        write_text_rows(folder, model.eval().text_rows().cpu().numpy())
    thresholds = tune(
        validation_logits(training),
        training.validation.cells,
        min_positives=workspace.settings.evaluate.threshold_min_positives,
    )
    tables.write_json(folder / "thresholds.json", thresholds.to_json(training.train.class_ids))
    tables.write_json(
        folder / "run.json",
        record
        | {
            "logit_scale": model.logit_scale,
            "logit_bias": model.logit_bias,
            "steps": progress.step,
            "best_epoch": progress.best_epoch,
            "validation_gap": progress.best_gap,
            "images": {"train": len(training.train), "validation": len(training.validation)},
            "finished": utc_now(),
        },
    )
