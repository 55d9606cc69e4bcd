"""What ``consolidate`` reports: counts, agreement, and votes that contradict one another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.answers.excluded import EXCLUDED
from annotate.answers.packed import Packed
from annotate.files import number_or_none
from annotate.labels.agreement import nominal_alpha, percent_agreement
from annotate.labels.decisions import HOW, UNKNOWN, Decisions
from annotate.labels.votes import Votes
from annotate.taxonomy.model import Taxonomy

EXAMPLES = 5
_CLASSES_AT_A_TIME = 8  # of the sums of agreement, which take 16 bytes a vote count
_KINDS = (
    ("a copy of", "duplicate"),
    ("replaced by", "replaced"),
    ("late", "late"),
    ("contradictory", "contradictory"),
    ("empty", "partial"),
    ("class ", "partial"),
    ("unknown", "unknown"),
    (EXCLUDED, "excluded"),
    ("skipped", "passed over"),
    ("no tag", "passed over"),
)
Mask = npt.NDArray[np.bool_]


def summarise(
    answers: Packed,
    rejects: pd.DataFrame,
    votes: Votes,
    decisions: Decisions,
    taxonomy: Taxonomy,
) -> dict[str, Any]:
    """Everything a person should know about the labels before using them.

    Args:
        answers: what counted.
        rejects: ``tables.ANSWER_REJECTS``, what did not.
        votes: counts of the asked classes.
        decisions: what was decided of them.
        taxonomy: the hierarchy and the exclusive pairs.
    """
    label = decisions.label[decisions.listed]
    how = np.bincount(decisions.how[decisions.listed], minlength=len(HOW))
    reasons = Counter(rejects["reason"])
    return {
        "images": len(decisions.votes.image_ids),
        "annotators": len(answers.annotator.values),
        "answers": len(answers),
        "set_aside": len(rejects),
        "set_aside_kinds": dict(kinds(reasons).most_common()),
        "reasons": dict(reasons.most_common()),
        "labels": len(label),
        "positives": int((label == 1).sum()),
        "unknown": int((label == UNKNOWN).sum()),
        "decided": {name: int(count) for name, count in zip(HOW, how, strict=True) if count},
        "agreement": agreement(votes),
        "conflicts": conflicts(decisions, taxonomy),
        "classes": _class_counts(decisions),
    }


def kinds(reasons: Mapping[str, int]) -> Counter[str]:
    """How often each kind of reason was given; what is no answer at all is malformed.

    >>> dict(kinds({"empty": 2, "no usable workerId": 1, "unknown class dgo": 1}))
    {'partial': 2, 'malformed': 1, 'unknown': 1}
    """
    found: Counter[str] = Counter()
    for reason, count in reasons.items():
        kind = next((kind for begin, kind in _KINDS if reason.startswith(begin)), "malformed")
        found[kind] += count
    return found


def agreement(votes: Votes) -> dict[str, Any]:
    """Krippendorff's alpha and percent agreement of yes and no, per class and on average.

    A class that nobody or everybody ticked has no alpha: it is null and not in the mean.
    """
    alpha, percent = (np.empty(len(votes.class_ids)) for _ in range(2))
    for at in range(0, len(alpha), _CLASSES_AT_A_TIME):
        some = slice(at, at + _CLASSES_AT_A_TIME)
        counts = np.stack([votes.yes[:, some], votes.no[:, some]], axis=-1)
        alpha[some], percent[some] = nominal_alpha(counts), percent_agreement(counts)
    defined = alpha[~np.isnan(alpha)]
    shares = percent[~np.isnan(percent)]
    return {
        "mean_alpha": float(defined.mean()) if len(defined) else None,
        "mean_percent": float(shares.mean()) if len(shares) else None,
        "classes": {
            class_id: {"alpha": number_or_none(alpha[at]), "percent": number_or_none(percent[at])}
            for at, class_id in enumerate(votes.class_ids)
        },
    }


def conflicts(decisions: Decisions, taxonomy: Taxonomy) -> dict[str, Any]:
    """Where labels contradict votes or one another.

    Returns:
        ``parent_voted_no``: per child and ancestor, images where the child is positive although
        most said no to the ancestor. ``exclusive``: per exclusive pair, images with both.
    """
    votes = decisions.votes
    positive = np.ascontiguousarray(decisions.positive.T)
    denied = np.ascontiguousarray((votes.no > votes.yes).T)
    at = {class_id: place for place, class_id in enumerate(votes.class_ids)}
    above = [(child, parent) for child in at for parent in taxonomy.ancestors(child)]
    pairs = [pair for pair in taxonomy.exclusive_pairs() if at.keys() >= {*pair}]
    overruled = [
        {"child": child, "parent": parent, **found}
        for child, parent in above
        if (found := _listed(votes, positive[at[child]] & denied[at[parent]]))
    ]
    together = [
        {"classes": [one, other], **found}
        for one, other in pairs
        if (found := _listed(votes, positive[at[one]] & positive[at[other]]))
    ]
    return {
        "parent_voted_no": sorted(overruled, key=_most_first),
        "exclusive": sorted(together, key=_most_first),
    }


def _most_first(entry: dict[str, Any]) -> int:
    return -int(entry["images"])


def _listed(votes: Votes, images: Mask) -> dict[str, Any] | None:
    """How many images, and the first of them; None for none."""
    rows = np.flatnonzero(images)
    if not len(rows):
        return None
    return {"images": len(rows), "examples": [votes.image_ids[row] for row in rows[:EXAMPLES]]}


def _class_counts(decisions: Decisions) -> dict[str, dict[str, int]]:
    label, listed = decisions.label, decisions.listed
    counts = {
        "positive": (label == 1).sum(axis=0),
        "negative": (label == 0).sum(axis=0),
        "unknown": ((label == UNKNOWN) & listed).sum(axis=0),
    }
    return {
        class_id: {name: int(count[at]) for name, count in counts.items()}
        for at, class_id in enumerate(decisions.votes.class_ids)
    }
