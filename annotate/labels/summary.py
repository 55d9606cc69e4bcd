"""What ``consolidate`` reports: counts, agreement, and votes that contradict one another."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from annotate.answers.packing import Answers
from annotate.labels.agreement import nominal_alpha, percent_agreement
from annotate.labels.votes import Votes
from annotate.taxonomy.model import Taxonomy

EXAMPLES = 5


def summarise(
    answers: Answers, votes: Votes, labels: pd.DataFrame, taxonomy: Taxonomy, annotators: int
) -> dict[str, Any]:
    """Everything a person should know about the labels before using them.

    Args:
        answers: what counted and what did not.
        votes: counts of the asked classes.
        labels: ``tables.LABELS``.
        taxonomy: the hierarchy and the exclusive pairs.
        annotators: answers that each image should have.
    """
    table = answers.answers
    people = table.groupby("image_id")["annotator_id"].nunique()
    short = people[people < annotators]
    decided = labels["decided"].value_counts()
    return {
        "images": len(votes.image_ids),
        "annotators": int(table["annotator_id"].nunique()),
        "answers": len(table),
        "set_aside": len(answers.rejects),
        "reasons": {str(k): int(v) for k, v in answers.rejects["reason"].value_counts().items()},
        "labels": len(labels),
        "positives": int((labels["label"] == 1).sum()),
        "unknown": int(labels["label"].isna().sum()),
        "decided": {str(name): int(count) for name, count in decided.items()},
        "too_few_annotators": {"images": len(short), "examples": list(short.index[:EXAMPLES])},
        "agreement": agreement(votes),
        "conflicts": conflicts(votes, labels, taxonomy),
        "classes": _class_counts(labels),
    }


def agreement(votes: Votes) -> dict[str, Any]:
    """Krippendorff's alpha and percent agreement of yes and no, per class and on average.

    A class that nobody or everybody ticked has no alpha: it is null and not in the mean.
    """
    counts = np.stack([votes.yes, votes.no], axis=-1)
    alpha, percent = nominal_alpha(counts), percent_agreement(counts)
    defined = alpha[~np.isnan(alpha)]
    shares = percent[~np.isnan(percent)]
    return {
        "mean_alpha": float(defined.mean()) if len(defined) else None,
        "mean_percent": float(shares.mean()) if len(shares) else None,
        "classes": {
            class_id: {"alpha": _finite(alpha[at]), "percent": _finite(percent[at])}
            for at, class_id in enumerate(votes.class_ids)
        },
    }


def _finite(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def conflicts(votes: Votes, labels: pd.DataFrame, taxonomy: Taxonomy) -> dict[str, Any]:
    """Where labels contradict votes or one another.

    Returns:
        ``parent_voted_no``: per child and ancestor, images where the child is positive although
        most said no to the ancestor. ``exclusive``: per exclusive pair, images with both.
    """
    positive = labels[labels["label"] == 1].groupby("class_id", sort=False)["image_id"]
    images_with = {str(class_id): frozenset(images) for class_id, images in positive}
    denied = {
        class_id: frozenset(
            votes.image_ids[row] for row in np.flatnonzero(votes.no[:, at] > votes.yes[:, at])
        )
        for at, class_id in enumerate(votes.class_ids)
    }
    above = [(child, parent) for child in images_with for parent in taxonomy.ancestors(child)]
    nothing: frozenset[str] = frozenset()
    return {
        "parent_voted_no": [
            {"child": child, "parent": parent, **_listed(images)}
            for child, parent in above
            if (images := images_with[child] & denied.get(parent, nothing))
        ],
        "exclusive": [
            {"classes": [one, other], **_listed(images)}
            for one, other in taxonomy.exclusive_pairs()
            if (images := images_with.get(one, nothing) & images_with.get(other, nothing))
        ],
    }


def _listed(images: frozenset[str]) -> dict[str, Any]:
    return {"images": len(images), "examples": sorted(images)[:EXAMPLES]}


def _class_counts(labels: pd.DataFrame) -> dict[str, dict[str, int]]:
    by_class = labels.groupby("class_id", sort=False)["label"]
    return {
        str(class_id): {
            "positive": int((values == 1).sum()),
            "negative": int((values == 0).sum()),
            "unknown": int(values.isna().sum()),
        }
        for class_id, values in by_class
    }
