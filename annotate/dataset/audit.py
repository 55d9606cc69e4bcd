"""Likely wrong labels, by what a trained run says of images that it was not trained on.

Confident learning (Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in
Dataset Labels", JAIR 2021), each class against the rest, by cleanlab.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

ISSUE_COLUMNS = ("row", "class_id", "label", "probability", "quality")

Mask = npt.NDArray[np.bool_]
Probabilities = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Attributes:
        issues: ``row``, ``class_id``, ``label`` (0 or 1, as it stands), ``probability`` of the
            class, and ``quality`` (cleanlab's self-confidence: the probability of the label as it
            stands); the worst first.
        looked_at: for each class that was judged, how many known labels.
        left_out: ids of the classes without a known positive or without a known negative.
    """

    issues: pd.DataFrame
    looked_at: dict[str, int]
    left_out: tuple[str, ...]


def find_wrong_labels(
    labels: npt.NDArray[np.int8],
    known: Mask,
    probabilities: Probabilities,
    class_ids: Sequence[str],
) -> Audit:
    """Find labels that are probably wrong.

    Each class is judged on the images where its label is known. A class without a positive is left
    out: with nothing to learn from, every image would be named. So is one without a negative.

    Args:
        labels: (N, C), 0 or 1.
        known: (N, C).
        probabilities: (N, C), out of sample; NaN where the run says nothing, which counts as
            unknown.
        class_ids: (C,).
    """
    known = known & ~np.isnan(probabilities)
    parts, looked_at, left_out = [], {}, []
    for column, class_id in enumerate(class_ids):
        rows = np.flatnonzero(known[:, column])
        label = labels[rows, column] == 1
        if not label.any() or label.all():
            left_out.append(class_id)
            continue
        looked_at[class_id] = len(rows)
        probability = probabilities[rows, column]
        found = _issues_of_class(label, probability)
        parts.append(
            pd.DataFrame(
                {
                    "row": rows[found],
                    "class_id": class_id,
                    "label": label[found].astype(np.int8),
                    "probability": probability[found],
                    "quality": np.where(label, probability, 1 - probability)[found],
                }
            )
        )
    issues = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=ISSUE_COLUMNS)
    issues = issues.sort_values(["quality", "row", "class_id"], kind="stable", ignore_index=True)
    return Audit(issues, looked_at, tuple(left_out))


def _issues_of_class(label: Mask, probability: Probabilities) -> Mask:
    """Cleanlab's judgement of one class, as its multi-label filter makes it."""
    from cleanlab.multilabel_classification.filter import find_multilabel_issues_per_class

    found: Mask = find_multilabel_issues_per_class(
        labels=[[0] if positive else [] for positive in label],
        pred_probs=probability[:, None],
        n_jobs=1,
    )
    return found[:, 0]
