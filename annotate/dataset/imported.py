"""``data/imports/``: a folder for each source of labels, and which one counts where two do."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd

from annotate.dataset.build import STORED_SPLITS
from annotate.files import read_json
from annotate.storage.store import canonical_uri
from annotate.tables import empty, read
from annotate.workspace import Workspace

ABOUT = "import.json"
_MADE_BY = "mumic-annotate dataset import"


def imports_folder(workspace: Workspace) -> Path:
    """Where all imports lie."""
    return workspace.data / "imports"


def import_folders(workspace: Workspace) -> list[Path]:
    """Folders of the imports that brought labels, in the order in which they were made.

    Those from before imports were numbered come first, the last name first: where two of them know
    a label, the first by name has always counted.
    """
    folders = [file.parent for file in imports_folder(workspace).glob("*/labels.parquet")]
    numbers = {folder: _about(folder).get("number", 0) for folder in folders}
    return sorted(sorted(folders, reverse=True), key=lambda folder: numbers[folder])


def imported_labels(workspace: Workspace) -> list[Path]:
    """Their files of labels: where two imports know a label, the later file counts."""
    return [folder / "labels.parquet" for folder in import_folders(workspace)]


def imported_splits(workspace: Workspace) -> pd.DataFrame:
    """The splits that imports keep; an image has that of its first one, as splits are final."""
    files = [folder / "splits.parquet" for folder in import_folders(workspace)]
    parts = [read(STORED_SPLITS, file) for file in files if file.is_file()]
    return pd.concat([empty(STORED_SPLITS), *parts]).drop_duplicates("image_id")


def place_of(workspace: Workspace, source: Path, name: str) -> tuple[Path, dict[str, Any]]:
    """Where an import goes, and what its ``import.json`` says of that.

    A source has one folder, so that it replaces what it brought before. Sources of one name have
    ``NAME``, ``NAME-2`` and so on.

    Args:
        workspace: with other imports or none.
        source: that is imported; one inside the workspace is known again when that moves.
        name: that its folder should have.
    """
    root = workspace.root
    said = canonical_uri(str(source), root, root)
    others = {folder: _about(folder) for folder in sorted(imports_folder(workspace).glob("*/"))}
    taken = {
        folder for folder, about in others.items() if about or (folder / "labels.parquet").is_file()
    }
    number = 1 + max((about.get("number", 0) for about in others.values()), default=0)
    for folder, about in others.items():
        if about and canonical_uri(about["source"], root, root) == said:
            return folder, {"source": said, "number": number}
    names = (name if at == 1 else f"{name}-{at}" for at in count(1))
    folders = (imports_folder(workspace) / each for each in names)
    free = next(folder for folder in folders if folder not in taken)
    return free, {"source": said, "number": number}


def _about(folder: Path) -> dict[str, Any]:
    """What an import says of itself; nothing where it was killed before it could."""
    file = folder / ABOUT
    about: dict[str, Any] = read_json(file, _MADE_BY) if file.is_file() else {}
    return about
