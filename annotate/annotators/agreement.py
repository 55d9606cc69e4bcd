"""Agreement per class and per question, with the prevalence that it must be read beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from annotate.golden.rates import share
from annotate.labels.agreement import (
    Floats,
    fleiss_kappa,
    gwet_ac1,
    nominal_alpha,
    percent_agreement,
)
from annotate.labels.votes import Votes


def class_agreement(votes: Votes) -> pd.DataFrame:
    """Krippendorff's alpha, Fleiss' kappa, Gwet's AC1 and equal pairs of each class.

    At a prevalence of a few per cent kappa and alpha are low though people agree; AC1 is not
    misled that way. Unsure answers are left out.

    Returns:
        Columns ``class_id``, ``votes``, ``prevalence`` (share of yes among them), ``agreement``,
        ``alpha``, ``kappa`` and ``ac1``; NaN where a measure is not defined.
    """
    counts = np.stack([votes.yes, votes.no], axis=-1)
    return pd.DataFrame({"class_id": votes.class_ids, **_measures(counts)})


def question_agreement(votes: Votes, questions: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """The same of each question, over all its pairs of an image and a class together.

    Returns:
        As :func:`class_agreement`, with ``question_id`` in place of the class.
    """
    column = {name: at for at, name in enumerate(votes.class_ids)}
    rows = []
    for name, classes in questions.items():
        at = [column[entry] for entry in classes if entry in column]
        counts = np.stack([votes.yes[:, at].ravel(), votes.no[:, at].ravel()], axis=-1)
        measured = {key: value.item() for key, value in _measures(counts).items()}
        rows.append({"question_id": name} | measured)
    return pd.DataFrame(rows)


def _measures(counts: np.typing.NDArray[np.int16]) -> dict[str, Floats]:
    totals = counts.sum(axis=0, dtype=np.int64)
    cast = totals.sum(axis=-1)
    return {
        "votes": cast,
        "prevalence": share(totals[..., 0], cast),
        "agreement": percent_agreement(counts),
        "alpha": nominal_alpha(counts),
        "kappa": fleiss_kappa(counts),
        "ac1": gwet_ac1(counts),
    }
