"""Name or description as a class's text: which one trains better?

Section 5.1 and figure 6 of the paper. Two trainings with the same seed differ in the texts alone.
The choice is made on validation, class by class, and only where the interval carries it; test then
says whether it holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from annotate import tables
from annotate.errors import InputError
from annotate.files import write_json
from annotate.settings import EvaluateSettings
from annotate.taxonomy.model import TaxonomyClass
from annotate.taxonomy.prompts import description_prompt, name_prompt
from annotate.workspace import Workspace
from mumic.data import load_dataset
from mumic.evaluation.measure import Truth
from mumic.figures.differences import draw_gains
from mumic.metrics.intervals import Interval, interval
from mumic.prompts import label_texts
from mumic.series.ablations import Trained, check_measurable, measure_series, train_series
from mumic.series.arms import Arm, series_folder
from mumic.series.compare import (
    Seen,
    arm_difference,
    arm_rows,
    class_rows,
    comparable_classes,
)
from mumic.training.train import Reports, TrainOptions

NAME, DESCRIPTION = "name", "description"
ARMS = (Arm(DESCRIPTION, {"prompts": DESCRIPTION}), Arm(NAME, {"prompts": NAME}))
SERIES = "prompts"


def compare_prompts(
    workspace: Workspace,
    *,
    options: TrainOptions,
    reports_for: Callable[[str], Reports],
) -> dict[str, Any]:
    """Train twice, compare on validation, check on test; write ``summary.json`` and figure 6.

    Returns:
        ``validation`` and ``test``: arms, difference and ``per_class`` (description minus name);
        ``chosen``: class id and the better text where validation's interval carries it and the two
        texts differ; ``confirmed``: what test says of the chosen ones taken together, see
        :class:`Confirmation`.

    Raises:
        InputError: no class has a description of its own, or nothing can be measured on a split.
    """
    for split in ("validation", "test"):
        check_measurable(workspace, split)
    _check_texts(load_dataset(workspace).classes)
    seed = workspace.settings.project.seed
    trained = train_series(workspace, SERIES, ARMS, [seed], options, reports_for)
    found = {
        split: _measured(
            workspace, trained, split, options.device, reports_for(f"measuring on {split}")
        )
        for split in ("validation", "test")
    }
    by_validation, on_test = found["validation"].values, found["test"]
    classes = trained[0].run.classes
    chosen = choose(by_validation["per_class"], classes)
    settings = workspace.settings.evaluate
    folder = series_folder(workspace, SERIES)
    summary = {
        "dataset": trained[0].run.record["dataset"],
        "validation": by_validation,
        "test": on_test.values,
        "chosen": chosen,
        "prompts": {entry.id: entry.prompt for entry in classes},
        "confirmed": confirm(on_test.seen, on_test.truth, chosen, settings).to_json(),
        "figure": str(
            draw_gains(
                by_validation["per_class"], "Gain by description over name, on validation"
            ).save(folder / "description-gain.png")
        ),
        "demo_model": bool(trained[0].run.record.get("demo_model")),
    }
    write_json(folder / "summary.json", summary)
    return summary


def _check_texts(classes: Sequence[TaxonomyClass]) -> None:
    if label_texts(classes, NAME) == label_texts(classes, DESCRIPTION):
        raise InputError(
            "no class of the dataset has a description other than its name, so there is nothing to "
            "compare. Write descriptions into the taxonomy, then run "
            f"`{tables.DATASET.made_by}`."
        )


@dataclass(frozen=True)
class _Measured:
    """Both trainings on one split, the truth there, and what ``summary.json`` has of it."""

    seen: list[Seen]
    truth: Truth
    values: dict[str, Any]


def _measured(
    workspace: Workspace, trained: list[Trained], split: str, device: str, reports: Reports
) -> _Measured:
    seen, truth = measure_series(workspace, trained, split, device, reports.on_measured)
    settings = workspace.settings.evaluate
    values = {
        "images": len(truth.groups),
        "arms": arm_rows(seen),
        "difference": arm_difference(seen, DESCRIPTION, NAME, truth.cells, settings),
        "per_class": class_rows(seen, DESCRIPTION, NAME, truth, settings),
    }
    return _Measured(seen, truth, values)


def choose(rows: Sequence[Mapping[str, Any]], classes: Sequence[TaxonomyClass]) -> dict[str, str]:
    """Class id and the better text, where the interval carries it and the two texts differ.

    Args:
        rows: description minus name, see :func:`mumic.series.compare.class_rows`.
        classes: with their texts.
    """
    same = {entry.id for entry in classes if description_prompt(entry) == name_prompt(entry)}
    return {
        row["class_id"]: DESCRIPTION if row["value"] > 0 else NAME
        for row in rows
        if row["counts"] and row["class_id"] not in same
    }


@dataclass(frozen=True)
class Confirmation:
    """What test says of a choice.

    Attributes:
        ahead: the chosen texts minus the others; without a value where test can judge no class.
        classes: how many of the chosen classes it is about: those that test can judge.
        chosen: how many were chosen.
    """

    ahead: Interval
    classes: int
    chosen: int

    def to_json(self) -> dict[str, float | None]:
        """value, low and high, and the two counts."""
        return self.ahead.to_json() | {"classes": self.classes, "chosen": self.chosen}


def confirm(
    seen: Sequence[Seen], truth: Truth, chosen: Mapping[str, str], settings: EvaluateSettings
) -> Confirmation:
    """The chosen text minus the other one, in average precision, mean over the chosen classes.

    A class must have positives enough in test, as it needed them on validation to be chosen: the
    average precision of one positive image confirms nothing.

    Args:
        seen: both trainings on test.
        truth: of test.
        chosen: class id and its better text.
        settings: see :func:`mumic.series.compare.comparable_classes`.
    """
    description, name = (
        next(entry for entry in seen if entry.arm == arm) for arm in (DESCRIPTION, NAME)
    )
    wanted = {DESCRIPTION: 1, NAME: -1, None: 0}
    signs = np.array([wanted[chosen.get(entry.id)] for entry in truth.classes])
    signs = np.where(comparable_classes(truth, settings), signs, 0)
    values = _signed_mean(signs, (description.precisions - name.precisions)[:, None])
    samples = _signed_mean(signs, description.class_samples - name.class_samples)
    found = interval(float(values[0]), samples)
    return Confirmation(found, int(np.count_nonzero(signs)), len(chosen))


def _signed_mean(
    signs: npt.NDArray[np.int64], gains: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Mean over the classes that were chosen and have a value, (columns,); NaN without any."""
    known = ~np.isnan(gains) & (signs != 0)[:, None]
    total = np.where(known, gains * signs[:, None], 0.0).sum(axis=0)
    count = known.sum(axis=0)
    mean: npt.NDArray[np.float64] = np.divide(
        total, count, out=np.full(count.shape, np.nan), where=count > 0
    )
    return mean
