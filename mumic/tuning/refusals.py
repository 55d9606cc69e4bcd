"""What is refused of a search before a study begins, and of a trial before it is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from annotate.errors import InputError
from annotate.settings import TrainSettings
from mumic.checks import MORE_ANSWERS, USED_BY, check_settings
from mumic.data import Dataset
from mumic.training.loss import LOSSES
from mumic.training.positive_weight import positive_weights
from mumic.tuning.space import Dimension, changes_of


def check_search(settings: TrainSettings, space: Sequence[Dimension], dataset: Dataset) -> None:
    """Refuse a search that no study could end well: nothing has been drawn yet.

    Each value is tried with what is not searched as ``[train]`` has it, and with the defaults of
    what else is searched; a pair of values that do not go together is refused once it is drawn.

    Args:
        settings: of ``[train]``.
        space: what is searched.
        dataset: whose validation split judges.

    Raises:
        InputError: a value is out of range, a searched setting would change nothing, or validation
            has no positive to judge by.
    """
    own = {entry.name: getattr(settings, entry.name) for entry in space}
    check_trial(settings, changes_of(own, settings.max_logit_scale), dataset)
    defaults = {entry.name: getattr(TrainSettings(), entry.name) for entry in space}
    for entry in space:
        for value in entry.edges:
            changes = changes_of(defaults | {entry.name: value}, settings.max_logit_scale)
            try:
                check_trial(settings, changes, dataset)
            except InputError as error:
                raise InputError(f"--search {entry.name}: {error}") from error
    _check_effects(settings, space)
    cells = dataset.split("validation").cells
    if not ((cells.labels == 1) & cells.mask).any():
        raise InputError(f"no positive in validation, so no setting can be judged. {MORE_ANSWERS}")


def check_trial(settings: TrainSettings, changes: Mapping[str, Any], dataset: Dataset) -> None:
    """Refuse settings under which no training makes sense.

    Args:
        settings: of ``[train]``.
        changes: of a trial.
        dataset: trained on.

    Raises:
        InputError: every problem.
    """
    changed = replace(settings, **changes)
    check_settings(changed)
    positive_weights(changed.positive_weight, dataset.class_ids, dataset.split("train").cells)


def _check_effects(settings: TrainSettings, space: Sequence[Dimension]) -> None:
    searched = {entry.name: entry for entry in space}
    losses = searched["loss"].choices if "loss" in searched else (settings.loss,)
    for name in searched:
        using = USED_BY.get(name, LOSSES)
        if not set(using) & set(losses):
            raise InputError(
                f"--search {name}: it changes nothing under the loss {' or '.join(losses)}, so "
                f"trials would train the same model. Set loss under [train] to "
                f"{' or '.join(using)}, or search the loss, too."
            )
    if "lora_alpha" in searched and "lora_rank" not in searched and not settings.lora_rank:
        raise InputError(
            "--search lora_alpha: it changes nothing without LoRA. Set lora_rank under [train] "
            "above 0, or search it, too."
        )
