"""The label list as a page: its tree, and what there is of each class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from annotate.mining.round_files import load_candidates
from annotate.pages import write_page
from annotate.tables import LABELS, read
from annotate.taxonomy.model import Taxonomy
from annotate.taxonomy.tree import Counts, tree
from annotate.workspace import Workspace

TEMPLATE = "taxonomy.html.j2"


def write_taxonomy_page(workspace: Workspace, taxonomy: Taxonomy, target: Path) -> dict[str, Any]:
    """Write the page; it needs no other file.

    Args:
        workspace: its labels and candidates are counted, where there are any.
        taxonomy: the label list.
        target: the HTML file.

    Returns:
        ``page``, and whether there were ``labels`` to count.
    """
    counts = _counts(workspace)
    most = max((entry.positives or 0 for entry in counts.values()), default=0)
    values = {
        "name": taxonomy.name,
        "version": taxonomy.version,
        "hash": taxonomy.hash,
        "classes": len(taxonomy.classes),
        "categories": tree(taxonomy, counts),
        "labelled": any(entry.positives is not None for entry in counts.values()),
        "most": max(most, 1),
    }
    write_page(workspace, TEMPLATE, values, target)
    return {"page": str(target), "labels": values["labelled"]}


def _counts(workspace: Workspace) -> dict[str, Counts]:
    file = workspace.labels / "labels.parquet"
    mined = load_candidates(workspace.candidates).groupby("class_id")["image_id"].nunique()
    labels: dict[str, dict[Any, Any]] = {}
    if file.is_file():
        rows = read(LABELS, file, ["class_id", "label"])
        kind = rows["label"].map({1: "positives", 0: "negatives"}).fillna("unknown")
        table = pd.crosstab(rows["class_id"], kind)
        labels = {str(name): dict(row) for name, row in table.to_dict("index").items()}
    return {
        str(name): Counts(
            positives=int(labels[name].get("positives", 0)) if name in labels else None,
            negatives=int(labels.get(name, {}).get("negatives", 0)),
            unknown=int(labels.get(name, {}).get("unknown", 0)),
            candidates=int(mined.get(name, 0)),
        )
        for name in {*labels, *mined.index}
    }
