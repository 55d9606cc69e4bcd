"""What experts said of golden images, which stands whatever the votes are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from annotate.labels.decisions import UNKNOWN, Labels
from annotate.labels.votes import Votes
from annotate.tables import GOLDEN_LABELS, read
from annotate.taxonomy.model import Taxonomy


@dataclass(frozen=True)
class Experts:
    """Labels by experts.

    Attributes:
        image_ids: (N,), sorted.
        class_ids: (C,), in the taxonomy's order.
        label: (N, C): 1, 0 or ``UNKNOWN``, closed under the hierarchy: above a 1 stands a 1, and
            below a 0 a 0.
    """

    image_ids: tuple[str, ...]
    class_ids: tuple[str, ...]
    label: Labels


def read_experts(path: Path, taxonomy: Taxonomy) -> Experts | None:
    """Experts' labels of a workspace, ``data/golden/labels.parquet``; None where there are none.

    Raises:
        DamagedError: the file cannot be read, or a column is missing.
    """
    if not path.is_file():
        return None
    return close_experts(read(GOLDEN_LABELS, path, list(GOLDEN_LABELS.columns)), taxonomy)


def close_experts(golden: pd.DataFrame, taxonomy: Taxonomy) -> Experts:
    """Experts' labels with what follows from them.

    Yes to a class is yes to its ancestors. No to a class is no to its descendants, which no crowd
    can outvote; where an expert says yes to a class and no to its ancestor, the yes counts.

    Args:
        golden: columns ``image_id``, ``class_id`` and ``label`` (1 or 0). Classes that the
            taxonomy does not have, and labels that are null, are left out.
        taxonomy: the hierarchy.
    """
    ids = pd.Index(taxonomy.ids)
    columns = ids.get_indexer(pd.Index(golden["class_id"]))
    used = (columns >= 0) & golden["label"].notna().to_numpy(bool)
    rows, image_ids = pd.factorize(golden["image_id"][used], sort=True)
    said = golden["label"][used].to_numpy(np.int8)
    columns = columns[used]
    label = np.full((len(image_ids), len(ids)), UNKNOWN, np.int8)
    implied = np.array(taxonomy.closure_rows(), bool).reshape(len(ids), len(ids))
    for value, follows in ((0, implied.T), (1, implied)):
        own = np.zeros(label.shape, bool)
        own[rows[said == value], columns[said == value]] = True
        label[own.astype(np.float32) @ follows.astype(np.float32) > 0] = value
    asked = (label != UNKNOWN).any(axis=0)
    class_ids = tuple(name for name, there in zip(taxonomy.ids, asked, strict=True) if there)
    return Experts(tuple(image_ids), class_ids, label[:, asked])


def with_experts(votes: Votes, experts: Experts) -> Votes:
    """Votes with room for images and classes that only experts have seen."""
    image_ids = tuple(sorted({*votes.image_ids, *experts.image_ids}))
    class_ids = tuple(dict.fromkeys((*votes.class_ids, *experts.class_ids)))
    if len(image_ids) == len(votes.image_ids) and len(class_ids) == len(votes.class_ids):
        return votes
    rows = np.searchsorted(image_ids, votes.image_ids)
    tables = []
    for counts in (votes.yes, votes.no, votes.unsure):
        wide = np.zeros((len(image_ids), len(class_ids)), np.int16)
        wide[rows, : len(votes.class_ids)] = counts
        tables.append(wide)
    return Votes(image_ids, class_ids, *tables)


def expert_labels(experts: Experts, votes: Votes) -> Labels:
    """Experts' labels over the images and classes of votes, (N, C); ``UNKNOWN`` where none.

    Images and classes that only experts have seen are left out; :func:`with_experts` makes room.
    """
    said = np.full(votes.yes.shape, UNKNOWN, np.int8)
    rows = pd.Index(votes.image_ids, dtype=object).get_indexer(pd.Index(experts.image_ids))
    columns = pd.Index(votes.class_ids, dtype=object).get_indexer(pd.Index(experts.class_ids))
    seen, asked = rows >= 0, columns >= 0
    said[np.ix_(rows[seen], columns[asked])] = experts.label[np.ix_(seen, asked)]
    return said
