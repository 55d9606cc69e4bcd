"""What was decided for every image and class, as arrays, and the table of labels made from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from annotate.labels.votes import Votes

Labels = npt.NDArray[np.int8]
Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

UNKNOWN = -1
HOW = ("voted", "propagated", "golden", "unknown")
VOTED, PROPAGATED, GOLDEN, UNDECIDED = range(len(HOW))


@dataclass(frozen=True)
class Decisions:
    """Labels of N images and C classes.

    Attributes:
        votes: counts of the asked classes and all their ancestors.
        label: (N, C): 1, 0 or ``UNKNOWN``.
        how: (N, C), a number of ``HOW``.
        listed: (N, C): cells with a vote or a decision, which are rows of the table.
        probability: (N, C) that the class is present, NaN where nothing says so; None for a
            method that gives none.
    """

    votes: Votes
    label: Labels
    how: npt.NDArray[np.int8]
    listed: Mask
    probability: Floats | None = None

    @property
    def positive(self) -> Mask:
        """(N, C), the cells with label 1."""
        positive: Mask = self.label == 1
        return positive


def label_arrow(decisions: Decisions) -> pa.Table:
    """As ``tables.LABELS``, sorted by image, then in the order of classes; texts as codes."""
    votes = decisions.votes
    cells = np.flatnonzero(decisions.listed)
    rows, columns = np.divmod(cells.astype(np.int32), max(len(votes.class_ids), 1))
    yes, no, unsure = (
        np.ascontiguousarray(counts).ravel()[cells]
        for counts in (votes.yes, votes.no, votes.unsure)
    )
    label = decisions.label.ravel()[cells]
    cast = yes.astype(np.float64) + no
    with np.errstate(invalid="ignore"):
        rate = yes / cast
    found = {
        "image_id": _texts(rows, votes.image_ids),
        "class_id": _texts(columns, votes.class_ids),
        "label": pa.array(label, mask=label == UNKNOWN),
        "yes": yes,
        "no": no,
        "unsure": unsure,
        "rate": pa.array(rate, from_pandas=True),
        "decided": _texts(decisions.how.ravel()[cells], HOW),
    }
    if decisions.probability is not None:
        found["probability"] = pa.array(decisions.probability.ravel()[cells], from_pandas=True)
    return pa.table(found)


def _texts(codes: npt.NDArray[np.signedinteger], values: tuple[str, ...]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(values, pa.string()))


def label_frame(decisions: Decisions) -> pd.DataFrame:
    """As ``tables.LABELS`` in pandas."""
    table = label_arrow(decisions)
    frame: pd.DataFrame = table.to_pandas(types_mapper={pa.int8(): pd.Int8Dtype()}.get)
    for name in ("image_id", "class_id", "decided"):
        frame[name] = frame[name].astype(object)
    return frame
