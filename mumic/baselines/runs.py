"""``mumic baseline NAME``: what a run is compared with, on the same split and the same images.

Frozen ones stand on the model that a training would start from. Trained ones get the same number of
points of a search, each trained until validation GAP stops growing; the best on validation stays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from annotate.clip.encoder import encode_texts
from annotate.clip.loading import Clip, load_clip
from annotate.clip.memory import clear_word
from annotate.errors import InputError
from annotate.files import remove_stale, sha256
from annotate.locks import exclusive
from annotate.times import now_text
from annotate.workspace import Workspace
from mumic.baselines import supervised
from mumic.baselines.backbones import (
    Classifier,
    HeadOnTower,
    TimmBackbone,
    load_backbone,
    weights_file,
)
from mumic.baselines.frozen import (
    COSINE,
    LINEAR_PROBE,
    TWO_PROMPTS,
    linear_probe,
    single_label,
    two_prompts,
)
from mumic.baselines.search import Scored, search
from mumic.baselines.store import SCORED, Baseline, baselines_folder, write_baseline
from mumic.checks import MORE_ANSWERS, check_baseline
from mumic.data import Dataset, load_dataset
from mumic.machine import machine
from mumic.memory import advice_for_baselines
from mumic.metrics.thresholds import tune
from mumic.model.mumic_model import logit_scale_of, logits_of, use_bf16
from mumic.pixels import pixel_rows
from mumic.prompts import NEUTRAL_PROMPT, label_texts, zero_shot_texts
from mumic.run import check_demo_model, choose_device
from mumic.scores import Floats, frozen_rows
from mumic.text_time import time_texts

TITLES = {
    "two-prompts": TWO_PROMPTS,
    "cosine": COSINE,
    "softmax": "zero-shot CLIP, one softmax",
    "linear-probe": LINEAR_PROBE,
    "asl-head": "ASL, head on the same tower",
    "asl-timm": "ASL, {backbone}",
}
FROZEN = ("two-prompts", "cosine", "softmax", "linear-probe")


@dataclass(frozen=True)
class Reports:
    """Where progress goes: images decoded or embedded by a frozen tower, and messages."""

    on_images: Callable[[int], object] | None = None
    on_note: Callable[[str], object] = lambda message: None


@dataclass(frozen=True)
class BaselineOptions:
    """What a call adds to the settings under ``[baseline]`` and ``[model]``."""

    random_init: bool = False
    allow_demo_model: bool = False
    device: str = "auto"


def default_baselines(workspace: Workspace) -> tuple[str, ...]:
    """Those that train no tower; one softmax over the classes needs two of them."""
    several = len(load_dataset(workspace).classes) > 1
    return tuple(name for name in FROZEN if several or name != "softmax")


@clear_word(advice_for_baselines)
def run_baseline(
    workspace: Workspace, name: str, options: BaselineOptions, reports: Reports
) -> Baseline:
    """Find, score and store one baseline.

    Args:
        workspace: its dataset, and ``[baseline]``, ``[model]``, ``[train]`` and ``[evaluate]``.
        name: one of :data:`TITLES`.
        options: see there.
        reports: see there.

    Raises:
        InputError: there is no such baseline, or not for one class; a setting is out of range.
        MissingError: weights or images cannot be had.
    """
    if name not in TITLES:
        raise InputError(f"baseline {name!r}: must be one of {', '.join(TITLES)}")
    settings = workspace.settings.baseline
    check_baseline(settings)
    dataset = load_dataset(workspace)
    if name == "softmax" and len(dataset.classes) < 2:
        raise InputError("baseline softmax: the dataset has one class, and its share is always 1.")
    if not dataset.split("train").cells.mask.any():
        raise InputError(f"the dataset has no training image with a known label. {MORE_ANSWERS}")
    folder = baselines_folder(workspace) / name
    busy = f"baseline {name} is being made by another process. Wait for it, or stop it."
    with exclusive(folder / ".lock", busy=busy):
        remove_stale(folder)
        if name == "asl-timm":
            found, facts = _timm(workspace, dataset, folder, options, reports)
        else:
            found, facts = _of_clip(workspace, dataset, name, folder, options, reports)
        parts = {split: dataset.split(split) for split in SCORED}
        check = parts["validation"]
        thresholds = tune(
            found.logits["validation"],
            check.cells,
            min_positives=workspace.settings.evaluate.threshold_min_positives,
        )
        record = {
            "name": name,
            "title": TITLES[name].format(backbone=settings.backbone),
            "dataset": dataset.fingerprint,
            "classes": dataset.class_ids,
            "seed": workspace.settings.project.seed,
            "resize": workspace.settings.train.resize,
            "settings": asdict(settings),
            "machine": machine(),
            "finished": now_text(),
        }
        splits = {split: (part, found.logits[split]) for split, part in parts.items()}
        return write_baseline(folder, record | facts | found.facts, thresholds, splits)


def _of_clip(
    workspace: Workspace,
    dataset: Dataset,
    name: str,
    folder: Path,
    options: BaselineOptions,
    reports: Reports,
) -> tuple[Scored, dict[str, Any]]:
    settings = workspace.settings
    load = partial(
        load_clip,
        settings.model,
        workspace.root,
        random_init=options.random_init,
        device=choose_device(options.device),
        seed=settings.project.seed,
    )
    clip = load()
    check_demo_model(workspace, clip, allow=options.allow_demo_model)
    facts = {
        "start_model": {
            "name": clip.name,
            "weights_hash": clip.weights_hash,
            "model_hash": clip.model_hash,
            "random_init": options.random_init,
        },
        "demo_model": clip.is_demo,
    }
    if name in FROZEN:
        return _frozen(workspace, dataset, clip, name, reports), facts
    material = _material(workspace, dataset, clip.image_size, reports)
    bf16 = use_bf16(settings.model.precision, clip.device)
    facts["precision"] = "bf16 over fp32 weights" if bf16 else "fp32"
    facts["head_lr"] = settings.baseline.head_lr

    def make() -> Classifier:
        return HeadOnTower(load(), len(dataset.classes), settings.project.seed, bf16=bf16)

    rate = settings.baseline.tower_lr
    return search(workspace, dataset, folder, facts, material, (make, rate), reports.on_note), facts


def _frozen(
    workspace: Workspace, dataset: Dataset, clip: Clip, name: str, reports: Reports
) -> Scored:
    settings = workspace.settings
    resize = settings.train.resize
    told = reports.on_images
    pixels = pixel_rows(workspace, dataset.images, clip.image_size, told, resize)
    parts = [dataset.split(split) for split in SCORED]
    rows = [frozen_rows(workspace, clip, pixels, part, told, resize) for part in parts]
    facts: dict[str, Any]
    if name == "linear-probe":
        train = dataset.split("train")
        fit = frozen_rows(workspace, clip, pixels, train, told, resize)
        probe = linear_probe(fit, train.cells, rows[0], parts[0].cells, settings.baseline.trials)
        scored = [probe.logits(some) for some in rows]
        best = {"C": probe.inverse_penalty, "class_weight": probe.class_weight}
        facts = {"text_seconds": None, "trials": settings.baseline.trials, "best": best}
    else:
        own = label_texts(dataset.classes, settings.train.prompts)
        texts = own if name == "cosine" else zero_shot_texts(dataset.classes)
        scored = _zero_shot(clip, name, rows, texts)
        facts = {"text_seconds": time_texts(clip, texts)}
    return Scored(dict(zip(SCORED, scored, strict=True)), facts)


def _zero_shot(clip: Clip, name: str, rows: list[Floats], texts: list[str]) -> list[Floats]:
    """Logits of some splits' rows by the texts of the classes."""
    scale = logit_scale_of(clip.model)
    classes = encode_texts(clip, texts)
    if name == "two-prompts":
        neutral = encode_texts(clip, [NEUTRAL_PROMPT])
        return [two_prompts(some, classes, neutral, scale) for some in rows]
    logits = [logits_of(some, classes, scale) for some in rows]
    return [single_label(each) for each in logits] if name == "softmax" else logits


def _timm(
    workspace: Workspace,
    dataset: Dataset,
    folder: Path,
    options: BaselineOptions,
    reports: Reports,
) -> tuple[Scored, dict[str, Any]]:
    settings = workspace.settings.baseline
    device = choose_device(options.device)

    def load() -> tuple[Any, int]:
        return load_backbone(
            settings.backbone,
            settings.weights,
            len(dataset.classes),
            root=workspace.root,
            random_init=options.random_init,
            seed=workspace.settings.project.seed,
        )

    size = load()[1]
    start = {
        "name": settings.backbone,
        "weights": settings.weights,
        "random_init": options.random_init,
    }
    if settings.weights:  # another file under the same name is another start
        start["weights_hash"] = sha256(weights_file(workspace.root, settings.weights))
    facts = {"start_model": start, "demo_model": False}
    material = _material(workspace, dataset, size, reports)
    make = (lambda: TimmBackbone(load()[0], device), settings.backbone_lr)
    return search(workspace, dataset, folder, facts, material, make, reports.on_note), facts


def _material(
    workspace: Workspace, dataset: Dataset, size: int, reports: Reports
) -> supervised.Material:
    return supervised.Material(
        dataset.split("train"),
        dataset.split("validation"),
        pixel_rows(
            workspace, dataset.images, size, reports.on_images, workspace.settings.train.resize
        ),
        workspace.settings.project.seed,
    )
