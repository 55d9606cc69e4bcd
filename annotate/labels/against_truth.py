"""Labels against the truth: precision and recall per class, and what one annotator reaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.labels.consolidate import consolidate
from annotate.labels.truth import Truth
from annotate.labels.votes import count_votes
from annotate.settings import ConsolidateSettings
from annotate.taxonomy.model import Taxonomy

# One person's word is final: what she ticks is a label.
_ALONE = ConsolidateSettings(min_votes=1, vote_threshold=1.0)


@dataclass(frozen=True)
class Score:
    """Agreement with the truth.

    Attributes:
        classes: one row per class with a decided label: ``class_id``, ``positives``,
            ``predicted``, ``hits``, ``precision``, ``recall``, ``f1``.
        macro_precision, macro_recall, macro_f1: means over the classes with enough positives in
            the truth; None without any.
        scored_classes: how many those are.
        images: images with truth and labels.
    """

    classes: pd.DataFrame
    macro_precision: float | None
    macro_recall: float | None
    macro_f1: float | None
    scored_classes: int
    images: int

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "macro_precision": self.macro_precision,
            "macro_recall": self.macro_recall,
            "macro_f1": self.macro_f1,
            "scored_classes": self.scored_classes,
            "images": self.images,
            "classes": self.classes.to_dict("records"),
        }


def score_against_truth(labels: pd.DataFrame, truth: Truth, *, min_positives: int = 1) -> Score:
    """Precision, recall and F1 of labels.

    Only images that the truth lists count, and only labels that are known. A class that was never
    voted on, only propagated to, has no negatives and is not scored. A class whose positives were
    all missed has precision 0 (as scikit-learn's ``zero_division=0``).

    Args:
        labels: ``tables.LABELS``.
        truth: the true labels.
        min_positives: classes with fewer true positives are shown and not in the means.
    """
    rows = pd.Index(truth.image_ids).get_indexer(pd.Index(labels["image_id"]))
    columns = pd.Index(truth.class_ids).get_indexer(pd.Index(labels["class_id"]))
    voted = np.zeros(len(truth.class_ids), bool)
    voted[columns[(columns >= 0) & (labels["yes"] + labels["no"] > 0).to_numpy(bool)]] = True
    used = (rows >= 0) & (columns >= 0) & labels["label"].notna().to_numpy() & voted[columns]
    said = (labels["label"] == 1).fillna(False).to_numpy(bool)[used]
    true = truth.positive[rows[used], columns[used]]
    count = len(truth.class_ids)
    table = _class_scores(
        *(np.bincount(columns[used][mask], minlength=count) for mask in (true, said, true & said))
    )
    table.insert(0, "class_id", truth.class_ids)
    present = np.bincount(columns[used], minlength=count) > 0
    table = table[present].reset_index(drop=True)
    enough = table[(table["positives"] >= max(min_positives, 1)).to_numpy()]
    precision, recall, f1 = (_mean(enough[name]) for name in ("precision", "recall", "f1"))
    return Score(table, precision, recall, f1, len(enough), len(np.unique(rows[used])))


def _mean(values: pd.Series[float]) -> float | None:
    return float(values.mean()) if len(values) else None


def _class_scores(
    positives: npt.NDArray[np.int64], predicted: npt.NDArray[np.int64], hits: npt.NDArray[np.int64]
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "positives": positives,
            "predicted": predicted,
            "hits": hits,
            "precision": hits / np.maximum(predicted, 1),
            "recall": hits / np.maximum(positives, 1),
            "f1": 2 * hits / np.maximum(predicted + positives, 1),
        }
    )


def score_annotators(
    answers: pd.DataFrame,
    questions: Mapping[str, Sequence[str]],
    taxonomy: Taxonomy,
    truth: Truth,
    *,
    min_positives: int = 1,
) -> dict[str, float]:
    """Macro F1 of each annotator alone.

    An annotator's ticks become labels the way that votes do, hierarchy included, and are scored on
    the images that she answered, so that the figures compare with those of consolidated labels.

    Args:
        answers: ``tables.ANSWERS``.
        questions: class ids of each question.
        taxonomy: the hierarchy; thresholds of its classes play no part.
        truth: the true labels.
        min_positives: as for :func:`score_against_truth`.

    Returns:
        F1 by annotator; an annotator whose images have no positives is left out.
    """
    found = {}
    for annotator, own in answers.groupby("annotator_id"):
        votes = count_votes(own, questions)
        labels = consolidate(votes, taxonomy, _ALONE)
        score = score_against_truth(labels, truth, min_positives=min_positives)
        if score.macro_f1 is not None:
            found[str(annotator)] = score.macro_f1
    return found


def mean_f1(scores: Mapping[str, float]) -> float | None:
    """Mean over annotators, None without any.

    >>> mean_f1({"a": 0.5, "b": 1.0})
    0.75
    """
    return sum(scores.values()) / len(scores) if scores else None
