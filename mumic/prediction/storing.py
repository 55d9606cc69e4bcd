"""Which predictions are worth storing: per class, a threshold that keeps nearly all positives.

Over millions of images nearly every probability is a sure no. A storage threshold per class drops
those at a recall of one's choice; it is found on validation, and test says what it really keeps.
It is never above the class's prediction threshold, so no yes is lost.

The rule is that of split conformal prediction, by class (Vovk, "Conditional validity of inductive
conformal predictors", ACML 2012): of n positives, the k-th lowest score, k = (1 - recall) (n + 1)
rounded down, is passed by a new positive with a probability of at least the recall, however scores
are distributed. With fewer than 1 / (1 - recall) - 1 positives there is no such score.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from annotate.errors import InputError
from annotate.files import write_json
from annotate.workspace import Workspace
from mumic.data import load_dataset
from mumic.metrics.decisions import Decisions, decide
from mumic.metrics.ranking import Cells, Floats, Ranking, per_class
from mumic.metrics.thresholds import Thresholds
from mumic.run import STORAGE, Run
from mumic.series.arms import arm_method

FEW = "too few positives in validation: [predict] min_probability, or the lowest of them"
NO_LIMIT = -1e6  # no logit is lower, and JSON has no infinity


def storage_thresholds(
    scores: Floats, cells: Cells, recall: float, prediction: Thresholds, default: float
) -> Thresholds:
    """Per class, a threshold that a share of its positives on new images is expected to pass.

    Args:
        scores: logits (images, classes) of the validation split.
        cells: its truth; unknown labels are left out.
        recall: the share, above 0 and at most 1.
        prediction: thresholds that those found here are not above.
        default: a class with too few positives has this logit, or the lowest of its positives.
    """
    kept = f"recall {recall:g} on validation"

    def lowest(ranking: Ranking) -> tuple[float, str]:
        positives = ranking.found
        place = math.floor((1 - recall) * (positives.size + 1) + 1e-9)
        if 0 < place <= positives.size:
            return float(positives[place - 1]), kept
        return min([default, *positives[:1].tolist()]), FEW

    logits, chosen = zip(*per_class(lowest, scores, cells.labels, cells.mask), strict=True)
    return Thresholds(np.minimum(np.array(logits, np.float64), prediction.logits), chosen)


def choose_storage(
    workspace: Workspace,
    run: Run,
    recall: float,
    device: str = "auto",
    on_progress: Callable[[int], object] | None = None,
) -> dict[str, Any]:
    """Find a run's storage thresholds on validation and write them into its folder.

    Args:
        workspace: with the dataset.
        run: a finished run; images that it has not scored yet are scored.
        recall: the share of positives to be stored.
        device: a torch device or ``auto``.
        on_progress: told how many more images were decoded or embedded.

    Returns:
        ``recall``, ``demo_model``, ``classes`` (each with its two thresholds and what they do on
        validation) and ``splits`` (of validation and test: ``recall`` and ``stored``, shares over
        all classes).

    Raises:
        InputError: the recall is no such share, or validation has no image with a known label.
    """
    if not 0 < recall <= 1:
        raise InputError(f"--recall {recall:g}: must be above 0 and at most 1")
    settings, prediction = workspace.settings, run.thresholds()
    has_test = load_dataset(workspace).split("test").cells.mask.any()
    scored = {}
    for split in ("validation", "test") if has_test else ("validation",):
        method, truth = arm_method(workspace, run, run.id, split, device, on_progress)
        scored[split] = method.logits, truth.cells
    chosen = storage_thresholds(
        *scored["validation"],
        recall,
        prediction,
        min_logit(settings.predict.min_probability),
    )
    ids = run.class_ids
    write_json(run.path / STORAGE, {"recall": recall} | chosen.to_json(ids))
    return {
        "run": run.id,
        "recall": recall,
        "demo_model": bool(run.record.get("demo_model")),
        "classes": _rows(run, scored["validation"], prediction, chosen),
        "splits": {split: _pooled(*each, chosen) for split, each in scored.items()},
        "path": str(run.path / STORAGE),
    }


def min_logit(probability: float) -> float:
    """The logit of ``[predict] min_probability``.

    Raises:
        InputError: it is no probability below 1.
    """
    if not 0 <= probability < 1:
        raise InputError(
            f"[predict] min_probability = {probability}: must be at least 0 and below 1"
        )
    return math.log(probability / (1 - probability)) if probability else NO_LIMIT


def _rows(
    run: Run, scored: tuple[Floats, Cells], prediction: Thresholds, storage: Thresholds
) -> list[dict[str, Any]]:
    logits, cells = scored
    yes = decide(logits, prediction.logits, cells.labels, cells.mask)[0]
    kept = decide(logits, storage.logits, cells.labels, cells.mask)[0]
    known = cells.mask.sum(axis=0)
    return [
        {
            "class_id": entry.id,
            "name": entry.name,
            "positives": int(yes.truth[at]),
            "threshold": float(prediction.probabilities[at]),
            "precision": _share(yes.hits[at], yes.said[at]),
            "recall": _share(yes.hits[at], yes.truth[at]),
            "storage_threshold": float(storage.probabilities[at]),
            "stored_recall": _share(kept.hits[at], kept.truth[at]),
            "stored": _share(kept.said[at], known[at]),
            "chosen": storage.chosen[at],
        }
        for at, entry in enumerate(run.classes)
    ]


def _pooled(logits: Floats, cells: Cells, storage: Thresholds) -> dict[str, float | None]:
    found: Decisions = decide(logits, storage.logits, cells.labels, cells.mask)[0]
    return {
        "recall": _share(found.hits.sum(), found.truth.sum()),
        "stored": _share(found.said.sum(), cells.mask.sum()),
    }


def _share(part: Any, whole: Any) -> float | None:
    return float(part / whole) if whole else None
