"""Counts of votes back from ``labels.parquet``, whatever the questions were."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from annotate.answers.coded import Coded
from annotate.labels.votes import Votes
from annotate.tables import LABELS, read_arrow

COUNTS = ("yes", "no", "unsure")


def read_counts(path: Path, class_ids: Sequence[str]) -> Votes:
    """Read the votes for some classes.

    Args:
        path: ``data/labels/labels.parquet``.
        class_ids: columns of the result; votes for others are left out.

    Returns:
        Votes of the images with a vote, or an unsure, on any of these classes.

    Raises:
        MissingError: no such file.
        DamagedError: it is not such a table.
    """
    table = read_arrow(LABELS, path, ["image_id", "class_id", *COUNTS])
    image, names = (Coded.from_arrow(table[name]) for name in ("image_id", "class_id"))
    place = {name: at for at, name in enumerate(class_ids)}
    columns = np.array([place.get(name, -1) for name in names.values], np.int64)[names.codes]
    counts = [pc.fill_null(table[name], 0).to_numpy() for name in COUNTS]
    asked = (columns >= 0) & (sum(counts) > 0)
    image = image.take(asked).compact()
    shape = (len(image.values), len(class_ids))
    votes = [np.zeros(shape, np.int16) for _ in COUNTS]
    for made, values in zip(votes, counts, strict=True):
        made[image.codes, columns[asked]] = values[asked]
    return Votes(image.values, tuple(class_ids), *votes)
