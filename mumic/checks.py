"""What a training or an evaluation refuses before it starts, and warns of."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from annotate import tables
from annotate.errors import InputError
from annotate.settings import BaselineSettings, EvaluateSettings, TrainSettings
from mumic.data import Dataset
from mumic.metrics.measures import positives
from mumic.model.mumic_model import FROZEN_TOWERS
from mumic.prompts import CHOICES
from mumic.training.loss import ASL, BCE, FOCAL, LOSSES, TEMPERED_BCE
from mumic.training.optimiser import SCHEDULES

LEAST = (
    *(("epochs", 1), ("batch_size", 1), ("checkpoint_every", 1)),
    *(("micro_batch", 0), ("weight_decay", 0), ("warmup_steps", 0), ("early_stop", 0)),
    *(("lora_rank", 0), ("threads", 0)),
)
ABOVE_ZERO = ("lr", "adam_epsilon", "lora_alpha")
FOCUSING = ("focal_gamma", "asl_gamma_negative", "asl_gamma_positive")

MORE_ANSWERS = (
    f"Collect more answers, then run `{tables.LABELS.made_by}` and `{tables.DATASET.made_by}`."
)

# Losses under which a setting changes anything; one that is not here does so under all.
USED_BY = {
    "logit_scale": tuple(loss for loss in LOSSES if loss != BCE),  # whose temperature stays 1
    "positive_weight": (TEMPERED_BCE, BCE),
    "focal_gamma": (FOCAL,),
    "focal_alpha": (FOCAL,),
    "asl_gamma_negative": (ASL,),
    "asl_gamma_positive": (ASL,),
    "asl_clip": (ASL,),
}


def check_settings(settings: TrainSettings) -> None:
    """Refuse settings under which no training makes sense.

    Raises:
        InputError: every problem, named at once.
    """
    rules = {
        f"loss must be one of {', '.join(LOSSES)}": settings.loss in LOSSES,
        "schedule must be constant or cosine": settings.schedule in SCHEDULES,
        f"freeze must be one of {', '.join(FROZEN_TOWERS)}": settings.freeze in FROZEN_TOWERS,
        f"prompts must be one of {', '.join(CHOICES)}": settings.prompts in CHOICES,
        "resize must be squash or crop": settings.resize in ("squash", "crop"),
        "logit_scale must not be above max_logit_scale": settings.logit_scale
        <= settings.max_logit_scale,
        "label_smoothing must be at least 0 and below 1": 0 <= settings.label_smoothing < 1,
        "label_noise must be at least 0 and below 0.5": 0 <= settings.label_noise < 0.5,
        "ema must be at least 0 and below 1": 0 <= settings.ema < 1,
        "focal_alpha must be above 0 and below 1": 0 < settings.focal_alpha < 1,
        "asl_clip must be at least 0 and below 1": 0 <= settings.asl_clip < 1,
        "soft_labels and label_noise do not go together: votes cannot be flipped": not (
            settings.soft_labels and settings.label_noise
        ),
        "lora_rank changes towers that are free, and freeze leaves none: set it to none, image or "
        "text": not (settings.lora_rank and settings.freeze in ("both", "both+")),
        "freeze = both with the loss bce and no bias: nothing is left to train": settings.freeze
        != "both"
        or settings.loss != BCE
        or settings.logit_bias != 0
        or settings.lora_rank != 0,
    }
    rules |= {
        f"{name} must be {least} or more": getattr(settings, name) >= least for name, least in LEAST
    }
    rules |= {f"{name} must be above 0": getattr(settings, name) > 0 for name in ABOVE_ZERO}
    # Between 0 and 1 the slope of q ** gamma at q = 0 is infinite.
    rules |= {
        f"{name} must be 0, or 1 or more": getattr(settings, name) == 0
        or getattr(settings, name) >= 1
        for name in FOCUSING
    }
    _refuse("train", rules | _finite(settings))


def check_evaluate(settings: EvaluateSettings) -> None:
    """Refuse settings under which nothing can be measured.

    Raises:
        InputError: every problem, named at once.
    """
    least = {name: 1 if name in ("bootstrap", "k") else 0 for name in vars(settings)}
    rules = {
        f"{name} must be {lowest} or more": getattr(settings, name) >= lowest
        for name, lowest in least.items()
    }
    rules["common_at_most must not be below rare_at_most"] = (
        settings.common_at_most >= settings.rare_at_most
    )
    _refuse("evaluate", rules)


def check_baseline(settings: BaselineSettings) -> None:
    """Refuse a search that has no points, or more than there are, or trains nothing.

    Raises:
        InputError: every problem, named at once.
    """
    rules = {"trials must be 1 to 12": 1 <= settings.trials <= 12}
    rules |= {
        f"{name} must be 1 or more": getattr(settings, name) >= 1
        for name in ("max_epochs", "patience", "batch_size")
    }
    rules |= {
        f"{name} must be above 0": getattr(settings, name) > 0
        for name in ("tower_lr", "head_lr", "backbone_lr")
    }
    _refuse("baseline", rules | _finite(settings))


def _finite(settings: Any) -> dict[str, bool]:
    """A rule for each number that is not whole: records are JSON, which has no infinity."""
    off = {"max_logit_scale": "; a large one, such as 100, switches the clamp off"}
    return {
        f"{name} must be a finite number{off.get(name, '')}": math.isfinite(value)
        for name, value in vars(settings).items()
        if isinstance(value, float)
    }


def _refuse(section: str, rules: Mapping[str, bool]) -> None:
    broken = [f"[{section}] {rule}" for rule, kept in rules.items() if not kept]
    if broken:
        raise InputError("\n".join(broken))


def check_dataset(dataset: Dataset, note: Callable[[str], None]) -> None:
    """Refuse a dataset without training images; warn of what training will lack."""
    train_split = dataset.split("train")
    if not len(train_split) or not train_split.cells.mask.any():
        raise InputError(
            f"the dataset has {len(train_split)} training images and no known label among them. "
            f"{MORE_ANSWERS}"
        )
    counts = positives(train_split.cells.labels, train_split.cells.mask)
    lacking = [
        entry.name for entry, count in zip(dataset.classes, counts, strict=True) if not count
    ]
    if lacking:
        note(
            f"warning: no positive in train for {len(lacking)} classes ({', '.join(lacking[:8])}"
            f"{', ...' if len(lacking) > 8 else ''}); they only learn what they are not."
        )
    validation = dataset.split("validation").cells
    if not ((validation.labels == 1) & validation.mask).any():
        note("warning: no positive in validation; the last epoch's weights will be kept.")
