"""A run's predictions over the catalogue, as mining and audits read them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from annotate.errors import DamagedError, InputError, MissingError
from annotate.files import read_json
from annotate.runs import finished_run
from annotate.tables import PREDICTIONS, read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from annotate.workspace import Workspace


@dataclass(frozen=True)
class RunPredictions:
    """What a run says of the images that it was given.

    Attributes:
        run_id: the run.
        rows: ``image_id``, ``class_id`` and ``logit``; a pair whose logit is below :meth:`least` is
            not there, and neither is one of an image that was not predicted.
        thresholds: prediction threshold of each of the run's classes, as a logit: probabilities
            near 0 and 1 have too few digits.
        min_logit: the storage threshold.
        min_logits: the storage threshold of each class, where classes have their own.
        taxonomy_hash: of the taxonomy that the run was trained with.
    """

    run_id: str
    rows: pd.DataFrame
    thresholds: dict[str, float]
    min_logit: float
    taxonomy_hash: str
    min_logits: dict[str, float] = field(default_factory=dict)

    def least(self, class_id: str) -> float:
        """The storage threshold of a class: smaller logits are not stored."""
        return self.min_logits.get(class_id, self.min_logit)

    def check_classes(self, class_ids: Sequence[str]) -> None:
        """Refuse classes that the run does not know.

        The taxonomy may have changed since: ids are stable, so those classes that the run and the
        taxonomy share still mean the same.

        Raises:
            InputError: some are not the run's.
        """
        unknown = [class_id for class_id in class_ids if class_id not in self.thresholds]
        if unknown and len(unknown) == len(class_ids) > 1:
            raise InputError(
                f"run {self.run_id} was trained with another taxonomy and knows none of these "
                f"classes. Train a run with this one: `mumic train`."
            )
        if unknown:
            raise InputError(
                f"run {self.run_id} was not trained for {', '.join(unknown)}. Leave "
                f"{'it' if len(unknown) == 1 else 'them'} out, or mine by similarity."
            )

    def cut_short(self, class_ids: Sequence[str]) -> list[str]:
        """Classes whose threshold lies at or below what is stored: images just below are missing.

        Args:
            class_ids: of the run; none: all of its classes.
        """
        wanted = class_ids or self.thresholds
        return [name for name in wanted if self.thresholds[name] <= self.least(name)]


def load_predictions(workspace: Workspace, run: str | None = None) -> RunPredictions:
    """Read what a run predicted over the catalogue.

    Args:
        workspace: with ``data/predictions/RUN.parquet``.
        run: the run's id; the newest by default.

    Raises:
        MissingError: no such run, it is unfinished, or ``mumic predict`` has not been run for it.
        DamagedError: a file is not what it should be.
        InputError: the run's name is a path.
    """
    folder = finished_run(workspace.runs, run)
    thresholds = read_thresholds(folder / "thresholds.json")
    file = workspace.predictions / f"{folder.name}.parquet"
    made_by = f"mumic predict --run {folder.name}"
    if not file.is_file():
        raise MissingError(
            f"no predictions of run {folder.name} at {file}. Predict the catalogue with "
            f"`{made_by}`."
        )
    facts = read_json(file.with_suffix(".json"), made_by)
    rows = read(PREDICTIONS, file, ["image_id", "class_id", "logit"])
    try:
        least = float(facts["min_probability"])
        taxonomy_hash = str(facts["taxonomy_hash"])
        min_logit = math.log(least / (1 - least)) if least else -math.inf
        by_class = {str(name): float(z) for name, z in facts.get("min_logits", {}).items()}
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
        raise DamagedError(
            f"{file.with_suffix('.json')}: no such summary as `mumic predict` writes ({error!r}). "
            f"Run `{made_by}`."
        ) from error
    return RunPredictions(folder.name, rows, thresholds, min_logit, taxonomy_hash, by_class)


def read_thresholds(file: Path) -> dict[str, float]:
    """Prediction thresholds of a run's ``thresholds.json``: the logit for each class id.

    Raises:
        MissingError: no such file.
        DamagedError: it does not hold thresholds.
    """
    found: Any = read_json(file, "mumic train")
    try:
        thresholds = {
            str(entry["class_id"]): float(entry["logit"]) for entry in found["thresholds"]
        }
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedError(f"{file}: not a run's thresholds. Train the run again.") from error
    if not thresholds or any(math.isnan(value) for value in thresholds.values()):
        raise DamagedError(f"{file}: a threshold is missing. Train the run again.")
    return thresholds
