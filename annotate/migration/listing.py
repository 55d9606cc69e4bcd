"""Which images a migration would ask again, as a table that opens anywhere.

There can be tens of thousands: too many to print, and too slow to work out a second time.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from annotate.files import atomic
from annotate.migration.record import migrations_folder
from annotate.tables import CATALOG, read
from annotate.workspace import Workspace


def listing_file(workspace: Workspace) -> Path:
    """Where the list stands until the migration is carried through; its round is the list then."""
    return migrations_folder(workspace) / "to-ask.csv"


def write_listing(workspace: Workspace, pairs: pd.DataFrame) -> Path | None:
    """Write the list, with the address of each image, in place of that of an earlier look.

    Args:
        workspace: its catalogue knows the addresses.
        pairs: ``class_id`` and ``image_id``.

    Returns:
        The file; None where nothing is to be asked, and then there is none.
    """
    file = listing_file(workspace)
    if pairs.empty:
        file.unlink(missing_ok=True)
        return None
    catalog = workspace.catalog / "images.parquet"
    uris: dict[str, str] = {}
    if catalog.is_file():
        known = read(CATALOG, catalog, ["image_id", "uri"])
        uris = dict(zip(known["image_id"], known["uri"], strict=True))
    listed = pairs.assign(uri=pairs["image_id"].map(uris))
    with atomic(file) as out:
        listed.to_csv(out, index=False, lineterminator="\n")
    return file
