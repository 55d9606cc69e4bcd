"""Labels without answers, as an import leaves them, in terms of the next taxonomy."""

from __future__ import annotations

import pandas as pd

from annotate.labels.consolidate import propagate
from annotate.migration.carry import Step
from annotate.tables import LABELS
from annotate.taxonomy.model import Taxonomy

_PROPAGATED = "propagated"


def carry_labels(labels: pd.DataFrame, step: Step, taxonomy: Taxonomy) -> pd.DataFrame:
    """Translate labels by the rules of :mod:`annotate.migration.carry`, an image for a person.

    Args:
        labels: ``tables.LABELS`` of the old taxonomy. Propagated labels are left out and follow
            anew from the new hierarchy.
        step: the change.
        taxonomy: the new one.

    Returns:
        ``tables.LABELS``, sorted by image, then in the taxonomy's order. A label made of several
        keeps the votes of the one that decided it.
    """
    own = labels[(labels["decided"] != _PROPAGATED).to_numpy(bool)]
    new_ids = step.new_ids
    simple = own[own["class_id"].isin(new_ids)]
    parts = [simple.assign(class_id=simple["class_id"].map(new_ids))]
    for name, sources in step.composed.items():
        if name in taxonomy.by_id:
            rows = [
                _of_part(own, source.id) if not source.whole else own[own["class_id"] == source.id]
                for source in sources
            ]
            parts.append(_composed(pd.concat(rows), step.covering(name)).assign(class_id=name))
    carried = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    return _with_ancestors(carried[carried["class_id"].isin(taxonomy.ids)], taxonomy)


def _of_part(own: pd.DataFrame, class_id: str) -> pd.DataFrame:
    return own[(own["class_id"] == class_id) & (own["label"] == 0).fillna(False).to_numpy(bool)]


def _composed(rows: pd.DataFrame, covering: tuple[str, ...]) -> pd.DataFrame:
    """One row an image: a positive if there is one; a negative only where all are."""
    negative = rows[(rows["label"] == 0).fillna(False).to_numpy(bool)]
    inside = negative[negative["class_id"].isin(covering)]
    complete = inside.groupby("image_id")["class_id"].nunique() == len(covering)
    denied = set(complete[complete].index)
    positive = (rows["label"] == 1).fillna(False)
    kept = rows[positive.to_numpy(bool) | rows["image_id"].isin(denied).to_numpy(bool)]
    ordered = kept.sort_values(["label", "rate"], ascending=False, kind="stable")
    return ordered.drop_duplicates("image_id")


def _with_ancestors(labels: pd.DataFrame, taxonomy: Taxonomy) -> pd.DataFrame:
    images, ids = pd.factorize(labels["image_id"], sort=True)
    columns = pd.Index(taxonomy.ids).get_indexer(pd.Index(labels["class_id"]))
    cells = pd.DataFrame({"row": images, "column": columns})
    cells["positive"] = (labels["label"] == 1).fillna(False).to_numpy(bool)
    table = cells.pivot_table(
        index="row", columns="column", values="positive", aggfunc="any", fill_value=False
    ).reindex(columns=range(len(taxonomy.ids)), fill_value=False)
    before = table.to_numpy(bool)
    added = propagate(before, taxonomy.ids, taxonomy) & ~before
    overruled = added[images, columns]
    labels = labels.assign(
        label=labels["label"].where(~overruled, 1),
        decided=labels["decided"].where(~overruled, _PROPAGATED),
    )
    added[images, columns] = False
    rows, new = added.nonzero()
    more = pd.DataFrame(
        {
            "image_id": ids.to_numpy()[rows],
            "class_id": pd.Series([taxonomy.ids[at] for at in new], dtype=object),
            "label": pd.Series(1, index=range(len(rows)), dtype="Int8"),
            **{name: 0 for name in ("yes", "no", "unsure")},
            "rate": float("nan"),
            "decided": _PROPAGATED,
        }
    )
    everything = pd.concat([labels, more], ignore_index=True) if len(more) else labels
    order = pd.Index(taxonomy.ids).get_indexer(pd.Index(everything["class_id"]))
    everything = everything.assign(order=order).sort_values(["image_id", "order"], kind="stable")
    return everything[list(LABELS.columns)].reset_index(drop=True)
