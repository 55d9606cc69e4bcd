"""Imported labels in terms of the next taxonomy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from annotate.dataset.imported import imported_labels
from annotate.migration.carry import Step
from annotate.migration.labels import carry_labels
from annotate.tables import LABELS, read, write
from annotate.taxonomy.model import Taxonomy
from annotate.workspace import Workspace

_BEFORE, _AFTER = "imports-before", "imports"  # folders of a migration


def prepare_imports(workspace: Workspace, step: Step, taxonomy: Taxonomy, folder: Path) -> None:
    """Lay imported labels down in a migration's folder, as they were and as they will be.

    Args:
        workspace: with the imports.
        step: the change.
        taxonomy: the new one.
        folder: of the migration.
    """
    for file in imported_labels(workspace):
        labels = read(LABELS, file)
        name = f"{file.parent.name}.parquet"
        write(LABELS, labels, folder / _BEFORE / name)
        write(LABELS, carry_labels(labels, step, taxonomy), folder / _AFTER / name)


def put_imports(workspace: Workspace, folder: Path) -> Iterator[str]:
    """Put a migration's imported labels in their places; yield the name of each import."""
    for file in imported_labels(workspace):
        carried = folder / _AFTER / f"{file.parent.name}.parquet"
        if carried.is_file():
            write(LABELS, read(LABELS, carried), file)
            yield file.parent.name
