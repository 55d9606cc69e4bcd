"""``mumic evaluate --scores FILE --labels FILE``: anybody's scores, without a workspace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from annotate.errors import InputError
from annotate.settings import EvaluateSettings
from annotate.taxonomy.model import TaxonomyClass
from mumic.checks import check_evaluate
from mumic.evaluation.findings import findings
from mumic.evaluation.measure import Method, Truth
from mumic.evaluation.score_alignment import Aligned, align
from mumic.evaluation.score_files import LABELS, SCORES, Grid, read_class_names, read_grid
from mumic.metrics.calibration import Unit
from mumic.metrics.measures import HALF, positives
from mumic.metrics.ranking import Floats
from mumic.metrics.thresholds import Thresholds, tune

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
        unit: of the scores; ``auto``: by the column's name, else probabilities if all in the file
            are in [0, 1], else logits.
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
        InputError: a file cannot be read, or does not fit the others; a setting is out of range.
    """
    _check(files)
    check_evaluate(settings)
    known = read_class_names(files.classes) if files.classes else []
    names = [entry[0] for entry in known] or None
    scored = _scored(files.scores, files.unit)
    aligned = align(scored, read_grid(files.labels, LABELS), names)
    first = aligned[0]
    notes = list(dict.fromkeys(note for each in aligned for note in each.notes))
    notes += [f"{grid.file.name}: taken as {PLURAL[unit]}." for grid, unit in scored]
    thresholds, told = _thresholds(files, names, scored, first, settings)
    methods = [
        Method(_name(files, at), each.scores, cuts, unit)
        for at, ((_, unit), each, cuts) in enumerate(zip(scored, aligned, thresholds, strict=True))
    ]
    notes += told
    cells = first.cells
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


def _scored(files: Sequence[Path], unit: str) -> list[tuple[Grid, Unit]]:
    """Files of scores, and what each holds."""
    grids = [read_grid(file, SCORES) for file in files]
    return [(grid, _unit(unit, grid)) for grid in grids]


def _name(files: Files, at: int) -> str:
    """The file's name, or its path where two have one name."""
    names = [file.name for file in files.scores]
    return names[at] if len(set(names)) == len(names) else str(files.scores[at])


def _unit(asked: str, grid: Grid) -> Unit:
    """What a file's scores are, by all that stand in it."""
    known = grid.values[~np.isnan(grid.values)]
    inside = bool(((known >= 0) & (known <= 1)).all())
    found: Unit = "probability" if inside else "logit"
    kind = asked if asked != "auto" else grid.kind
    if kind == "probability" and not inside:
        raise InputError(f"{grid.file}: not all scores are in [0, 1]: these are no probabilities")
    named: dict[str | None, Unit] = {"logit": "logit", "probability": "probability"}
    return named.get(kind, found if asked == "auto" else "score")


def _thresholds(
    files: Files,
    names: Sequence[str] | None,
    scored: Sequence[tuple[Grid, Unit]],
    test: Aligned,
    settings: EvaluateSettings,
) -> tuple[list[Thresholds | None], list[str]]:
    """For each file of scores its thresholds, of the measured classes in their order.

    Returns:
        Also what the user should know of them.

    Raises:
        InputError: validation lacks one of them, or its scores are of another unit.
    """
    if files.validation_labels is None:
        return [None] * len(scored), [_untuned(scored)]
    validation = _scored(files.validation_scores, files.unit)
    for (grid, unit), (other, wanted) in zip(validation, scored, strict=True):
        if unit != wanted:
            raise InputError(
                f"{grid.file} looks like {PLURAL[unit]}, {other.file} like {PLURAL[wanted]}. "
                "Say which with --unit."
            )
    aligned = align(validation, read_grid(files.validation_labels, LABELS), names)
    class_ids = test.class_ids
    if set(class_ids) - set(aligned[0].class_ids):
        raise InputError(f"{files.validation_labels}: lacks classes of {files.labels}")
    found: list[Thresholds | None] = []
    fewest = settings.threshold_min_positives
    for each, (_, unit) in zip(aligned, scored, strict=True):
        own = each.of_classes(class_ids)
        middle = _middle(own.scores, unit)
        found.append(tune(own.scores, own.cells, min_positives=fewest, middle=middle))
    told = dict.fromkeys(f"Validation: {note}" for each in aligned for note in each.notes)
    return found, [*told, *_shared_notes(_shared(files, test, aligned[0]), len(test.image_ids))]


def _untuned(scored: Sequence[tuple[Grid, Unit]]) -> str:
    """What is missing without validation; a unit is asked for of all files, or of none."""
    halved = all(unit in HALF for _, unit in scored)
    left = "F1 is at one half only" if halved else "no F1, as scores that only rank have no half"
    return f"No validation scores, so no tuned thresholds: {left}."


def _middle(scores: Floats, unit: Unit) -> float:
    """One half, or the median of scores that only rank: those that are there."""
    if unit in HALF:
        return HALF[unit]
    there = scores[np.isfinite(scores)]
    return float(np.median(there)) if there.size else 0.0


def _shared_notes(shared: int, images: int) -> list[str]:
    if not shared:
        return []
    return [
        f"By their ids, {shared} of these {images} images are in validation too: F1 at thresholds "
        "that are tuned on them is too good. Give validation other images."
    ]


def _shared(files: Files, test: Aligned, validation: Aligned) -> int:
    """How many images two splits have in common; row numbers of an npy name none."""
    if test.named and validation.named:
        return len(set(test.image_ids) & set(validation.image_ids))
    other = files.validation_labels
    return len(test.image_ids) if other is not None and other.samefile(files.labels) else 0
