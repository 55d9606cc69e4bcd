"""How well the prevalences that a stratified round estimates agree with the demo world's truth."""

from __future__ import annotations

from typing import Any

from annotate.catalog.scan import load_catalog
from annotate.labels.truth import read_truth
from annotate.mining.report import report
from annotate.taxonomy.load import load_taxonomy
from annotate.workspace import Workspace


def check_prevalence(workspace: Workspace) -> dict[str, Any]:
    """Count the classes whose 95 % interval holds their share of the whole catalogue.

    Args:
        workspace: of a demo, with a stratified round and labels.

    Returns:
        ``classes`` that have an interval, and ``held``: how many of these hold the true share.
    """
    images = load_catalog(workspace.catalog)
    taxonomy = load_taxonomy(workspace.taxonomy)
    file = workspace.resolve(workspace.settings.simulate.truth)
    truth = read_truth(file, images, taxonomy, workspace.root)
    shares = dict(zip(truth.class_ids, truth.positive.mean(axis=0), strict=True))
    lines = [
        line
        for line in report(workspace, strategy="stratified")["estimates"]
        if line["low"] is not None
    ]
    held = [line["low"] <= shares[line["class_id"]] <= line["high"] for line in lines]
    return {"classes": len(lines), "held": int(sum(held))}
