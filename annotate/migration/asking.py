"""Which images must be asked again for which classes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from annotate.mining.draw import Draw, receipts
from annotate.taxonomy.diff import Diff
from annotate.taxonomy.model import Taxonomy

STRATEGY = "migration"


def to_ask(labels: pd.DataFrame, found: Diff, taxonomy: Taxonomy) -> pd.DataFrame:
    """Pairs of an image and a class that a change of the taxonomy left open.

    These are the classes that nobody was asked for and those made of others, on the images that
    have answers. A pair is left out where it is decided, and where a class above is a no: what is
    no pool is no indoor pool. (It stays unknown; nobody was asked.)

    Args:
        labels: ``tables.LABELS`` of the new taxonomy.
        found: the change.
        taxonomy: the new one.

    Returns:
        ``class_id`` and ``image_id``, by class in the taxonomy's order, then by image.
    """
    images = pd.Index(np.sort(labels["image_id"].unique()))
    value = labels["label"]
    decided, denied = labels[value.notna()], labels[(value == 0).fillna(False).to_numpy(bool)]
    of_class = {str(name): set(part) for name, part in decided.groupby("class_id")["image_id"]}
    no_to = {str(name): set(part) for name, part in denied.groupby("class_id")["image_id"]}
    parts = []
    for class_id in found.moved:
        sources = found.sources[class_id]
        if len(sources) == 1 and sources[0].whole:
            continue  # a new id; its votes went with it
        known = set(of_class.get(class_id, ()))
        for above in taxonomy.ancestors(class_id):
            known |= no_to.get(above, set())
        open_images = images[~images.isin(list(known))]
        parts.append(pd.DataFrame({"class_id": class_id, "image_id": open_images}))
    if not parts:
        return pd.DataFrame({"class_id": [], "image_id": []}, dtype=object)
    return pd.concat(parts, ignore_index=True)


def as_candidates(pairs: pd.DataFrame, number: int) -> pd.DataFrame:
    """Pairs as receipts of a round (``tables.CANDIDATES``); no chance was at work.

    Args:
        pairs: from :func:`to_ask`.
        number: of the round.
    """
    draw = Draw(n=len(pairs), top=len(pairs), seed=0, round=number)
    return receipts([pairs], STRATEGY, draw)
