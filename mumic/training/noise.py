"""Wrong labels on purpose: how much noise does a recipe bear?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from annotate.errors import InputError
from mumic.data import Dataset
from mumic.metrics.measures import Cells

_STREAM = 7  # apart from the draws of the training's order, which start from the same seed


def with_label_noise(dataset: Dataset, share: float, seed: int) -> Dataset:
    """Flip some known labels of the training split: 1 becomes 0, and 0 becomes 1.

    A share of the positives and the same share of the negatives of each class are drawn, so that
    every class keeps its mix of both kinds of error; most labels are 0, and so most flips make a
    false positive. Unknown labels stay unknown, validation and test stay as they are.

    Args:
        dataset: all splits.
        share: of the labels, 0 up to below 0.5.
        seed: equal seeds flip equal labels.

    Raises:
        InputError: the share is out of range.
    """
    if not 0 <= share < 0.5:
        raise InputError(f"[train] label_noise = {share}: must be at least 0 and below 0.5")
    if share == 0:
        return dataset
    labels, mask = dataset.cells.labels.copy(), dataset.cells.mask
    in_train = (dataset.images["split"] == "train").to_numpy()
    known = in_train[:, None] & mask
    rng = np.random.default_rng([seed, _STREAM])
    for column in range(labels.shape[1]):
        for value in (0, 1):
            rows = np.flatnonzero(known[:, column] & (dataset.cells.labels[:, column] == value))
            drawn = rng.permutation(rows)[: round(share * len(rows))]
            labels[drawn, column] = 1 - value
    return replace(dataset, cells=Cells(labels, mask))
