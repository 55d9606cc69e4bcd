"""Which labels a run of ``consolidate`` changed, compared with the labels that were there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from annotate.answers.coded import Coded
from annotate.labels.decisions import UNKNOWN, Decisions

_COUNTS = ("yes", "no", "unsure")
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Changes:
    """What differs from the labels before.

    Attributes:
        counts: ``images`` with other labels; of their labels ``to_yes``, ``from_yes`` and ``other``
            (between no and unknown); images with ``other_votes``, ``new_images``, ``gone_images``.
        table: ``tables.LABEL_CHANGES``: labels of images that are in both.
    """

    counts: dict[str, int]
    table: pa.Table


def compare(before: Path, now: Decisions) -> Changes | None:
    """Compare decisions with the labels of an earlier run.

    Args:
        before: ``labels.parquet`` as it was.
        now: what is decided now.

    Returns:
        None if there is nothing to compare with.
    """
    columns = ["image_id", "class_id", "label", *_COUNTS]
    try:
        table = pq.read_table(before, columns=columns, read_dictionary=columns[:2])
    except (pa.ArrowException, OSError):  # none, or damaged: it is about to be replaced
        return None
    votes = now.votes
    image, class_id = Coded.from_arrow(table["image_id"]), Coded.from_arrow(table["class_id"])
    rows = _places(image.values, votes.image_ids)
    cells = rows[image.codes] * len(votes.class_ids)
    place = _places(class_id.values, votes.class_ids)[class_id.codes]
    here = (rows[image.codes] >= 0) & (place >= 0)
    cells = (cells + place)[here]

    def as_it_was(name: str, nothing: int) -> npt.NDArray[np.int16]:
        found = np.full(now.label.shape, nothing, np.int16)
        found.ravel()[cells] = table[name].fill_null(nothing).to_numpy()[here]
        return found

    known = np.zeros(len(votes.image_ids), bool)
    known[rows[rows >= 0]] = True
    label = as_it_was("label", UNKNOWN)
    other_votes = np.zeros(len(known), bool)
    for name in _COUNTS:
        other_votes |= (as_it_was(name, 0) != getattr(votes, name)).any(axis=1)
    changed = (label != now.label) & known[:, None]
    to_yes, from_yes = changed & (now.label == 1), changed & (label == 1)
    counts = {
        "images": int(changed.any(axis=1).sum()),
        "to_yes": int(to_yes.sum()),
        "from_yes": int(from_yes.sum()),
        "other": int((changed & ~to_yes & ~from_yes).sum()),
        "other_votes": int((other_votes & known).sum()),
        "new_images": int((~known).sum()),
        "gone_images": int((rows < 0).sum()),
    }
    return Changes(counts, _table(changed, label, now))


def _places(values: tuple[str, ...], among: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """Where each value stands among others; -1 where it does not."""
    place = {value: at for at, value in enumerate(among)}
    return np.array([place.get(value, -1) for value in values], np.int64)


def _table(changed: Mask, before: npt.NDArray[np.int16], now: Decisions) -> pa.Table:
    rows, columns = np.nonzero(changed)

    def labels(found: npt.NDArray[Any]) -> pa.Array:
        values = found[rows, columns].astype(np.int8)
        return pa.array(values, mask=values == UNKNOWN)

    return pa.table(
        {
            "image_id": pa.array(now.votes.image_ids, pa.string()).take(pa.array(rows)),
            "class_id": pa.array(now.votes.class_ids, pa.string()).take(pa.array(columns)),
            "before": labels(before),
            "after": labels(now.label),
        }
    )
