"""Experts' answers as golden labels."""

from __future__ import annotations

import numpy as np
import pandas as pd

from annotate.labels.consolidate import propagate, with_ancestors
from annotate.labels.truth import Truth
from annotate.labels.votes import Votes
from annotate.tables import GOLDEN_LABELS
from annotate.taxonomy.model import Taxonomy


def golden_labels(votes: Votes, taxonomy: Taxonomy) -> pd.DataFrame:
    """What experts say.

    One expert's word is enough; where several differ, most of them decide. Where they are split
    or unsure the label stays unknown and has no row. A positive makes its ancestors positive.

    Args:
        votes: of experts.
        taxonomy: the hierarchy.

    Returns:
        ``tables.GOLDEN_LABELS``, sorted by image, then in the taxonomy's order of classes.
    """
    wide = with_ancestors(votes, taxonomy)
    positive = propagate(wide.yes > wide.no, wide.class_ids, taxonomy)
    return _table(wide.image_ids, wide.class_ids, positive, positive | (wide.no > wide.yes))


def truth_labels(truth: Truth) -> pd.DataFrame:
    """Golden labels of a CSV of true labels: every class of every image that it lists."""
    known = np.ones_like(truth.positive)
    return _table(truth.image_ids, truth.class_ids, truth.positive, known)


def _table(
    image_ids: tuple[str, ...],
    class_ids: tuple[str, ...],
    positive: np.typing.NDArray[np.bool_],
    known: np.typing.NDArray[np.bool_],
) -> pd.DataFrame:
    rows, columns = np.nonzero(known)
    frame = pd.DataFrame(
        {
            "image_id": np.array(image_ids, object)[rows],
            "class_id": np.array(class_ids, object)[columns],
            "label": positive[rows, columns].astype(np.int8),
        }
    )
    return frame[list(GOLDEN_LABELS.columns)]
