"""The contact sheet of a round: its candidates with their pictures and receipts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from annotate.catalog.scan import load_catalog
from annotate.images.contact_sheet import Sheet, write_sheet
from annotate.mining.round_files import load_round, round_file, sheet_file
from annotate.taxonomy.load import load_taxonomy

if TYPE_CHECKING:
    from annotate.workspace import Workspace


def write_round_sheet(
    workspace: Workspace, number: int, on_progress: Callable[[int], object] | None = None
) -> Path:
    """Write the page of a round beside its receipts.

    Args:
        workspace: with the round.
        number: of the round.
        on_progress: told how many more pictures are in the page.

    Raises:
        MissingError: there is no such round.
        InputError: a template of one's own is broken.
    """
    receipts, _, summary = load_round(round_file(workspace.candidates, number))
    names = {entry.id: entry.name for entry in load_taxonomy(workspace.taxonomy).classes}
    target = sheet_file(workspace.candidates, number)
    write_sheet(
        round_sheet(load_catalog(workspace.catalog), receipts, summary, names),
        target,
        workspace,
        on_progress,
    )
    return target


def round_sheet(
    images: pd.DataFrame,
    receipts: pd.DataFrame,
    summary: Mapping[str, Any],
    names: Mapping[str, str],
) -> Sheet:
    """What the page of a round shows.

    Args:
        images: the catalogue.
        receipts: of the round.
        summary: as in ``round-NNNN.json``.
        names: of classes, by id.
    """
    where = images.set_index("image_id")[["uri", "property_id"]]
    entries = receipts.join(where, on="image_id")
    groups = entries["class_id"].map(lambda name: names.get(name, name), na_action="ignore")
    groups = groups.astype(object).fillna(entries["stratum"]).fillna(summary["strategy"])
    entries = entries.assign(group=groups, chance=entries["inclusion_probability"])
    sizes = [row for row in summary["drawn_from"] if "population" in row]
    strata = pd.DataFrame(sizes).rename(columns={"name": "stratum"}) if sizes else None
    funnel = ", ".join(f"{row['rule']} {row['images']:,}" for row in summary["funnel"])
    facts = [
        ("strategy", str(summary["strategy"])),
        ("seed", str(summary["settings"]["seed"])),
        ("drawn", f"{summary['images']:,} images, {summary['receipts']:,} receipts"),
        ("images left", funnel),
        ("near copies by", str(summary["near_copies_by"])),
    ]
    if missed := summary.get("strata_not_drawn", {}).get("strata"):
        images_missed = summary["strata_not_drawn"]["images"]
        facts.append(("strata not drawn from", f"{missed:,} with {images_missed:,} images"))
    facts += [(name, str(summary[name])) for name in ("model", "run") if name in summary]
    return Sheet(f"Candidates of round {summary['round']}", facts, entries, strata)
