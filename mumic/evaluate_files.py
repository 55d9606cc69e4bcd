"""``mumic evaluate --scores FILE --labels FILE``: anybody's scores, without a workspace."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from annotate.errors import InputError
from annotate.settings import EvaluateSettings
from annotate.taxonomy.model import TaxonomyClass
from mumic.calibration import Unit
from mumic.findings import findings
from mumic.measure import Method, Truth
from mumic.metrics import HALF, positives
from mumic.ranking import Cells
from mumic.score_files import LABELS, SCORES, Aligned, Grid, align, read_class_names, read_grid
from mumic.thresholds import Thresholds, tune

PLURAL = {"logit": "logits", "probability": "probabilities", "score": "scores that only rank"}
UNITS = ("auto", *PLURAL)


@dataclass(frozen=True)
class Files:
    """What to measure.

    Attributes:
        scores: one file, or two that are compared.
        labels: the truth.
        classes: names of the classes; needed for npy.
        validation_scores: for each file of scores one of the validation split, or none.
        validation_labels: its truth.
        unit: of the scores; ``auto``: by the column's name, else probabilities if all are in
            [0, 1], else logits.
    """

    scores: tuple[Path, ...]
    labels: Path
    classes: Path | None = None
    validation_scores: tuple[Path, ...] = ()
    validation_labels: Path | None = None
    unit: str = "auto"


def evaluate_files(files: Files, settings: EvaluateSettings, seed: int = 0) -> dict[str, Any]:
    """Measure scores against labels.

    Returns:
        As in ``metrics.json``, with ``notes``.

    Raises:
        MissingError: a file is not there.
        InputError: a file cannot be read, or does not fit the others.
    """
    _check(files)
    known = read_class_names(files.classes) if files.classes else []
    labels = read_grid(files.labels, LABELS)
    aligned = [_aligned(file, labels, known) for file in files.scores]
    first = aligned[0][1]
    methods, notes = [], list(dict.fromkeys(note for _, each in aligned for note in each.notes))
    for at, (grid, each) in enumerate(aligned):
        unit = _unit(files.unit, grid, each)
        notes.append(f"{grid.file.name}: taken as {PLURAL[unit]}.")
        thresholds = _thresholds(files, at, known, unit, settings)
        methods.append(Method(_name(files, at), each.scores, thresholds, unit))
    if files.validation_labels is None:
        notes.append("No validation scores, so no tuned thresholds: F1 is at one half only.")
    cells = Cells(first.labels, first.mask)
    described = {entry[0]: entry for entry in known}
    classes = tuple(
        TaxonomyClass(*described.get(class_id, (class_id, class_id, "")))
        for class_id in first.class_ids
    )
    notes.append("Frequency bands and the majority are by positives in these labels.")
    truth = Truth(classes, cells, first.groups, positives(cells.labels, cells.mask))
    return {"notes": notes} | findings(truth, methods, settings, seed)


def _check(files: Files) -> None:
    if files.unit not in UNITS:
        raise InputError(f"--unit {files.unit}: must be one of {', '.join(UNITS)}")
    validated = len(files.validation_scores), files.validation_labels is not None
    if validated not in ((0, False), (len(files.scores), True)):
        raise InputError(
            "thresholds need --validation-scores for every file of scores, in their order, and "
            "--validation-labels."
        )


def _aligned(file: Path, labels: Grid, known: list[tuple[str, str, str]]) -> tuple[Grid, Aligned]:
    scores = read_grid(file, SCORES)
    return scores, align(scores, labels, [entry[0] for entry in known] or None)


def _name(files: Files, at: int) -> str:
    """The file's name, or its path where two have one name."""
    names = [file.name for file in files.scores]
    return names[at] if len(set(names)) == len(names) else str(files.scores[at])


def _unit(asked: str, grid: Grid, aligned: Aligned) -> Unit:
    inside = bool(((aligned.scores >= 0) & (aligned.scores <= 1)).all())
    if asked == "probability" and not inside:
        raise InputError(f"{grid.file}: not all scores are in [0, 1]: these are no probabilities")
    named: dict[str | None, Unit] = {"logit": "logit", "probability": "probability"}
    if asked == "auto":
        return named.get(grid.kind, "probability" if inside else "logit")
    return named.get(asked, "score")


def _thresholds(
    files: Files,
    at: int,
    known: list[tuple[str, str, str]],
    unit: Unit,
    settings: EvaluateSettings,
) -> Thresholds | None:
    if files.validation_labels is None:
        return None
    labels = read_grid(files.validation_labels, LABELS)
    found = _aligned(files.validation_scores[at], labels, known)[1]
    own = read_grid(files.labels, LABELS).class_ids
    if own is not None and found.class_ids != own:
        places = {name: place for place, name in enumerate(found.class_ids)}
        if set(own) - set(places):
            raise InputError(f"{files.validation_labels}: lacks classes of {files.labels}")
        order = [places[name] for name in own]
        found = replace(
            found,
            scores=found.scores[:, order],
            labels=found.labels[:, order],
            mask=found.mask[:, order],
        )
    return tune(
        found.scores,
        Cells(found.labels, found.mask),
        min_positives=settings.threshold_min_positives,
        default=HALF.get(unit, float(np.median(found.scores))),
    )
