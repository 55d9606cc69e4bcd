"""Images worth a look: what the run gets right, wrong, and is unsure of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from annotate.taxonomy.model import TaxonomyClass
from mumic.data import Dataset
from mumic.metrics.ranking import Cells, Floats
from mumic.metrics.thresholds import sigmoid


def costs(logits: Floats, cells: Cells) -> npt.NDArray[np.float64]:
    """Binary cross-entropy of each image, summed over its known labels, (images,)."""
    z = np.asarray(logits, np.float64)
    cost = np.where(cells.labels == 1, np.logaddexp(0, -z), np.logaddexp(0, z))
    total: npt.NDArray[np.float64] = np.where(cells.mask, cost, 0).sum(axis=1)
    return total


def doubts(logits: Floats) -> npt.NDArray[np.float64]:
    """Entropy of an image's probabilities, summed over its classes, in bits, (images,)."""
    p = sigmoid(logits)
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -(p * np.log2(p) + (1 - p) * np.log2(1 - p))
    total: npt.NDArray[np.float64] = np.nan_to_num(entropy).sum(axis=1)
    return total


def image_labels(dataset: Dataset, at: int, said: npt.NDArray[np.bool_]) -> list[dict[str, str]]:
    """True labels, found or missed; wrong ones; and what was said where the truth is unknown.

    Args:
        dataset: of the image.
        at: its row.
        said: (classes,), yes at the prediction thresholds.
    """
    labels, mask = dataset.cells.labels[at], dataset.cells.mask[at]
    found = []
    for column, entry in enumerate(dataset.classes):
        if not mask[column]:
            kind = "unknown" if said[column] else ""
        elif labels[column] == 1:
            kind = "yes" if said[column] else "missed"
        else:
            kind = "no" if said[column] else ""
        if kind:
            found.append({"name": entry.name, "kind": kind})
    return found


def rarest_category(
    classes: Sequence[TaxonomyClass], cells: Cells, frequency: npt.NDArray[np.int64]
) -> list[str]:
    """The category of each image's rarest class; empty for an image that shows no class.

    Args:
        classes: in the order of the columns.
        cells: the truth.
        frequency: (classes,), positives in train. Of equally rare classes the first counts.
    """
    truth = (cells.labels == 1) & cells.mask
    rarity = np.where(truth, frequency, np.iinfo(np.int64).max)
    rarest = rarity.argmin(axis=1)
    return [
        classes[at].category if shows else ""
        for at, shows in zip(rarest, truth.any(axis=1), strict=True)
    ]
