"""Counts of votes back from ``labels.parquet``, whatever the questions were."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from annotate.coded import read_coded
from annotate.labels.votes import Votes
from annotate.tables import LABELS


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
    coded = read_coded(LABELS, path, ["image_id", "class_id", "yes", "no", "unsure"])
    place = {name: at for at, name in enumerate(class_ids)}
    column = np.array([place.get(name, -1) for name in coded.names["class_id"]], np.int64)
    columns = column[coded.columns["class_id"]]
    counts = {name: coded.columns[name] for name in ("yes", "no", "unsure")}
    asked = (columns >= 0) & (counts["yes"] + counts["no"] + counts["unsure"] > 0)
    images = np.array(coded.names["image_id"], object)
    found, rows = np.unique(coded.columns["image_id"][asked], return_inverse=True)
    order = np.argsort(images[found], kind="stable")
    place_of = np.empty(len(found), np.int64)
    place_of[order] = np.arange(len(found))
    tables = []
    for values in counts.values():
        table = np.zeros((len(found), len(class_ids)), np.int16)
        table[place_of[rows], columns[asked]] = values[asked]
        tables.append(table)
    return Votes(tuple(images[found][order]), tuple(class_ids), *tables)
