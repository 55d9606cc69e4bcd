"""The methods that an evaluation puts side by side, each scored on one split.

Baselines stand on the very tower that the run was trained from, frozen; their thresholds are tuned
on validation, as the run's were.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from annotate.clip.encoder import encode_texts
from annotate.clip.loading import Clip
from annotate.workspace import Workspace
from mumic.baselines.frozen import COSINE, LINEAR_PROBE, TWO_PROMPTS, linear_probe, two_prompts
from mumic.baselines.store import Baseline, known_baselines
from mumic.cache import Rows
from mumic.data import Dataset, class_columns
from mumic.evaluation.measure import Method
from mumic.metrics.thresholds import tune
from mumic.model.mumic_model import logit_scale_of, logits_of
from mumic.prompts import NEUTRAL_PROMPT, zero_shot_texts
from mumic.run import Run
from mumic.scores import Scores, frozen_rows, run_logits, write_scores
from mumic.start import load_start

Floats = npt.NDArray[np.float32]

MUMIC = "MuMIC"


@dataclass(frozen=True)
class Material:
    """What all methods are computed from: the workspace, the dataset's splits, and pixels."""

    workspace: Workspace
    train: Dataset
    validation: Dataset
    split: Dataset
    pixels: Rows
    device: str


def run_method(
    material: Material,
    run: Run,
    clip: Clip,
    name: str,
    split: str,
    on_progress: Callable[[int], object] | None = None,
) -> Method:
    """A run's own method; its scores are stored in its folder.

    Args:
        material: with pixels of the size and resize of the run.
        run: a finished run.
        clip: its model.
        name: of the method.
        split: that ``material`` is of.
        on_progress: told how many more images are embedded.
    """
    logits = run_logits(material.workspace, run, clip, material.pixels, material.split, on_progress)
    scores = Scores(logits, list(material.split.images["image_id"]))
    write_scores(run.path, split, scores, run.class_ids)
    return Method(name, logits, run.thresholds())


def baseline_methods(
    material: Material, run: Run, on_progress: Callable[[int], object] | None = None
) -> list[Method]:
    """Zero-shot CLIP by two prompts and by plain cosine, and a linear probe.

    The probe is the best of ``trials`` points under ``[baseline]``.
    """
    clip = load_start(material.workspace, run, material.device)
    fit, check, test = (
        frozen_rows(material.workspace, clip, material.pixels, dataset, on_progress, run.resize)
        for dataset in (material.train, material.validation, material.split)
    )
    scale = logit_scale_of(clip.model)
    names = encode_texts(clip, zero_shot_texts(run.classes))
    neutral = encode_texts(clip, [NEUTRAL_PROMPT])
    texts = encode_texts(clip, run.texts)
    trials = material.workspace.settings.baseline.trials
    probe = linear_probe(fit, material.train.cells, check, material.validation.cells, trials)
    scored = {
        TWO_PROMPTS: [two_prompts(rows, names, neutral, scale) for rows in (check, test)],
        COSINE: [logits_of(rows, texts, scale) for rows in (check, test)],
        LINEAR_PROBE: [probe.logits(rows) for rows in (check, test)],
    }
    return [
        _with_thresholds(material, name, on_validation, on_split)
        for name, (on_validation, on_split) in scored.items()
    ]


def fitting_baselines(
    workspace: Workspace, run: Run, dataset: Dataset, split: str
) -> list[Baseline]:
    """What ``mumic baseline`` has made on this dataset and the run's start, for this split."""
    return [
        entry
        for entry in known_baselines(workspace)
        if entry.unfit(run, dataset.fingerprint, split) is None
    ]


def baseline_times(workspace: Workspace, run: Run, dataset: Dataset, split: str) -> dict[str, str]:
    """When each fitting baseline was made, by its title: measures of an older one are stale."""
    fitting = fitting_baselines(workspace, run, dataset, split)
    return {entry.title: str(entry.record["finished"]) for entry in fitting}


def stored_methods(workspace: Workspace, run: Run, dataset: Dataset, split: str) -> list[Method]:
    """The fitting baselines on the images of a split, as they were scored.

    Args:
        workspace: with the baselines.
        run: that they are compared with.
        dataset: the images of the split.
        split: its name.
    """
    return [
        _stored(entry, dataset, split)
        for entry in fitting_baselines(workspace, run, dataset, split)
    ]


def _stored(entry: Baseline, dataset: Dataset, split: str) -> Method:
    scores = entry.scores(split)
    places = {image: at for at, image in enumerate(scores.image_ids)}
    rows = [places[image] for image in dataset.images["image_id"]]
    columns = class_columns(entry.class_ids, dataset.class_ids, entry.name)
    logits = scores.logits[rows][:, columns]
    return Method(entry.title, logits, entry.thresholds().take(columns))


def _with_thresholds(
    material: Material, name: str, on_validation: Floats, on_split: Floats
) -> Method:
    thresholds = tune(
        on_validation,
        material.validation.cells,
        min_positives=material.workspace.settings.evaluate.threshold_min_positives,
    )
    return Method(name, on_split, thresholds)
