"""The contact sheet of a round: its candidates with their pictures and receipts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from annotate.images.contact_sheet import Sheet, write_sheet
from annotate.mining.draw import Mined
from annotate.mining.round_files import sheet_file

if TYPE_CHECKING:
    from annotate.workspace import Workspace


def round_sheet(
    images: pd.DataFrame, mined: Mined, summary: Mapping[str, Any], names: Mapping[str, str]
) -> Sheet:
    """What the page of a round shows.

    Args:
        images: the catalogue, or those rows of it that were drawn.
        mined: the round.
        summary: as in ``round-NNNN.json``.
        names: of classes, by id.
    """
    where = images.set_index("image_id")[["uri", "property_id"]]
    entries = mined.candidates.join(where, on="image_id")
    groups = entries["class_id"].map(lambda name: names.get(name, name), na_action="ignore")
    groups = groups.astype(object).fillna(entries["stratum"]).fillna(summary["strategy"])
    entries = entries.assign(group=groups, chance=entries["inclusion_probability"])
    strata = None
    if mined.population:
        rows = [(name, size, mined.drawn[name]) for name, size in mined.population.items()]
        strata = pd.DataFrame(rows, columns=["stratum", "population", "drawn"])
    funnel = ", ".join(f"{row['rule']} {row['images']:,}" for row in summary["funnel"])
    facts = [
        ("strategy", str(summary["strategy"])),
        ("seed", str(summary["settings"]["seed"])),
        ("drawn", f"{summary['images']:,} images, {summary['receipts']:,} receipts"),
        ("images left", funnel),
        ("near copies by", str(summary["near_copies_by"])),
    ]
    facts += [(name, str(summary[name])) for name in ("model", "run") if name in summary]
    return Sheet(f"Candidates of round {summary['round']}", facts, entries, strata)


def write_round_sheet(
    workspace: Workspace, sheet: Sheet, number: int, on_progress: Callable[[int], object] | None
) -> Path:
    """Write the page of a round beside its receipts."""
    target = sheet_file(workspace.candidates, number)
    write_sheet(
        sheet,
        target,
        root=workspace.root,
        limits=workspace.settings.catalog,
        own_templates=workspace.templates,
        on_progress=on_progress,
    )
    return target
