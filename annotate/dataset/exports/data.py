"""The dataset as an export sees it: images, classes, labels with their votes."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.catalog.scan import is_demo_catalog
from annotate.catalog.sources import SUFFIXES
from annotate.dataset.build import DATASET_VOTES, MADE_BY
from annotate.dataset.lock import LOCK_FILE
from annotate.errors import DamagedError
from annotate.files import read_json
from annotate.tables import CATALOG, DATASET, read
from annotate.workspace import Workspace

UNKNOWN = -1


@dataclass(frozen=True)
class ExportData:
    """A dataset to be written in another format.

    Attributes:
        images: one row per image: ``tables.DATASET`` without labels, ``width``, ``height`` and
            ``bytes`` of the catalogue, and ``suffix``, of its file.
        classes: as in ``classes.json``.
        labels: (N, C) 1, 0 or ``UNKNOWN``.
        yes, no: (N, C) votes, ``UNKNOWN`` where there is no label of the class at all.
        decided: (N,) lists of how each label was decided, None likewise.
        stats: ``stats.json``.
        lock: ``lock.json``.
        demo: the photos are those of the demo world.
    """

    images: pd.DataFrame
    classes: list[dict[str, Any]]
    labels: npt.NDArray[np.int8]
    yes: npt.NDArray[np.int16]
    no: npt.NDArray[np.int16]
    decided: list[list[str | None]]
    stats: dict[str, Any]
    lock: dict[str, Any]
    demo: bool

    def __len__(self) -> int:
        return len(self.images)

    @property
    def class_ids(self) -> list[str]:
        """Ids in the order of the columns."""
        return [entry["id"] for entry in self.classes]

    def with_label(self, row: int, label: int) -> list[str]:
        """Ids of the classes that have this label in an image."""
        return [self.classes[at]["id"] for at in np.flatnonzero(self.labels[row] == label)]

    def votes(self, row: int) -> dict[str, list[Any]]:
        """Per class that was asked or propagated: label (1, 0 or None), yes and no votes, how."""
        return {
            self.classes[at]["id"]: [
                None if self.labels[row, at] == UNKNOWN else int(self.labels[row, at]),
                int(self.yes[row, at]),
                int(self.no[row, at]),
                self.decided[row][at],
            ]
            for at in np.flatnonzero(self.yes[row] != UNKNOWN)
        }

    def take(self, kept: npt.NDArray[np.bool_]) -> ExportData:
        """Some of the images."""
        return replace(
            self,
            images=self.images[kept].reset_index(drop=True),
            labels=self.labels[kept],
            yes=self.yes[kept],
            no=self.no[kept],
            decided=[row for row, keep in zip(self.decided, kept, strict=True) if keep],
        )

    def of_split(self, name: str) -> ExportData:
        """The images of a split."""
        return self.take((self.images["split"] == name).to_numpy(bool))


def load_export_data(workspace: Workspace) -> ExportData:
    """Read ``data/dataset/`` with what the catalogue knows of the images.

    Raises:
        MissingError: the dataset has not been built.
        DamagedError: its files do not fit each other.
    """
    folder = workspace.dataset
    images = read(DATASET, folder / "images.parquet")
    votes = read(DATASET_VOTES, folder / "votes.parquet")
    classes = read_json(folder / "classes.json", MADE_BY)["classes"]
    if votes["image_id"].tolist() != images["image_id"].tolist():
        raise DamagedError(
            f"{folder}: votes.parquet and images.parquet are of different builds. "
            f"Run `{MADE_BY} build`."
        )
    catalog = read(
        CATALOG, workspace.catalog / "images.parquet", ["image_id", "width", "height", "bytes"]
    )
    facts = images["image_id"].to_frame().merge(catalog, on="image_id", how="left")
    known = images.drop(columns=["labels", "rates"]).assign(
        **{name: facts[name].fillna(0).astype(int) for name in ("width", "height", "bytes")},
        suffix=[_suffix(uri) for uri in images["uri"]],
    )
    return ExportData(
        images=known,
        classes=classes,
        labels=_table(images["labels"], len(classes), np.int8),
        yes=_table(votes["yes"], len(classes), np.int16),
        no=_table(votes["no"], len(classes), np.int16),
        decided=[list(row) for row in votes["decided"]],
        stats=read_json(folder / "stats.json", MADE_BY),
        lock=read_json(folder / LOCK_FILE, MADE_BY),
        demo=is_demo_catalog(workspace.catalog),
    )


def _table(column: pd.Series[Any], width: int, kind: Any) -> npt.NDArray[Any]:
    rows = [np.nan_to_num(np.asarray(row, np.float32), nan=UNKNOWN) for row in column]
    return np.stack(rows).astype(kind) if rows else np.zeros((0, width), kind)


def _suffix(uri: str) -> str:
    """Of an image's file: what its name in the export ends with; readers go by it.

    >>> _suffix("https://h.example/a.PNG?size=2"), _suffix("photos/1")
    ('.png', '.jpg')
    """
    found = re.search(r"(\.[a-z]+)(?:[?#].*)?$", uri.lower())
    return found[1] if found and found[1] in SUFFIXES else ".jpg"
